"""One candidate in a process of its own: it answers in JSON what a journey cost. Started by bench.logins."""

import cProfile
import gc
import importlib
import io
import json
import os
import pstats
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django

ME = sys.argv[1]
os.environ["DJANGO_SETTINGS_MODULE"] = f"bench.logins.{ME}.settings"
django.setup()

from django.core.management import call_command  # noqa: E402  Django must be set up
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from bench.cost import database_work, deeper  # noqa: E402
from bench.logins import bare  # noqa: E402
from bench.logins.browser import Browser, Meter, wait_for_time_to_type  # noqa: E402

# What begins and ends a transaction: not the same statements in both databases.
TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
REPEAT_BARE = 20
LINES_OF_PROFILE = 45

it: Any = importlib.import_module(f"bench.logins.{ME}.candidate")


class Journeys:
    """What one person does again and again."""

    def __init__(self) -> None:
        it.create_person()
        browser = Browser()
        if hasattr(it, "enroll"):
            it.before_enrollment(browser)
            self.key = it.enroll(browser)
            it.after_enrollment(browser)
        else:
            self.key = it.set_up()
        self.inside = self._log_in(Browser())
        self.names = ["login", "login_again", "bare"]
        if hasattr(it, "enroll"):
            self.names.append("enrollment")

    def run(self, name: str, meter: Meter) -> None:
        """Take one journey."""
        getattr(self, name)(meter)

    def login(self, meter: Meter) -> None:
        """Log in with a code, in a browser that nobody has used before."""
        self._log_in(Browser(meter))

    def login_again(self, meter: Meter) -> None:
        """Log in with a code, in the same browser as before."""
        self.inside = self._log_in(self.inside.later(meter))

    def bare(self, meter: Meter) -> None:
        """Open the bare page."""
        with _meter_of(self.inside, meter):
            self.inside.open(bare.ADDRESS)

    def enrollment(self, meter: Meter) -> None:
        """Set an authenticator up; logged in with the password before, which is not measured."""
        it.forget_enrollment()
        browser = Browser()
        it.before_enrollment(browser)
        _check(browser)
        wait_for_time_to_type()
        with _meter_of(browser, meter):
            self.key = it.enroll(browser)
        it.after_enrollment(browser)
        _check(browser)
        self.inside = self._log_in(Browser())

    def _log_in(self, browser: Browser) -> Browser:
        it.forget_codes()
        wait_for_time_to_type()
        it.give_password(browser)
        it.give_code(browser, self.key)
        _check(browser)
        return browser


@contextmanager
def _meter_of(browser: Browser, meter: Meter) -> Iterator[None]:
    """Measure what the browser does for a while."""
    before, browser.meter = browser.meter, meter
    try:
        yield
    finally:
        browser.meter = before


def _check(browser: Browser) -> None:
    """Raise where nobody is logged in."""
    with _meter_of(browser, Browser().meter):
        browser.open(bare.ADDRESS)


def work(run: Callable[[Meter], None], *, times: int = 1, depth: int = 0) -> dict[str, float]:
    """Return the processor seconds of a journey, here and in the database's process."""
    found = {"work": 0.0, "database": 0.0}

    @contextmanager
    def meter() -> Iterator[None]:
        there, here = database_work(), time.process_time()
        yield
        found["work"] += time.process_time() - here
        found["database"] += database_work() - there

    def all_times() -> None:
        for _time in range(times):
            run(meter)

    deeper(depth, all_times)
    return {what: seconds / times for what, seconds in found.items()}


def queries(run: Callable[[Meter], None]) -> list[str]:
    """Return the statements of a journey, without those around transactions."""
    found: list[str] = []

    @contextmanager
    def meter() -> Iterator[None]:
        with CaptureQueriesContext(connection) as captured:
            yield
        found.extend(query["sql"] for query in captured if not query["sql"].startswith(TRANSACTION))

    run(meter)
    return found


def profile(run: Callable[[Meter], None], times: int = 1) -> pstats.Stats:
    """Return who called whom on a journey."""
    profiler = cProfile.Profile()

    @contextmanager
    def meter() -> Iterator[None]:
        profiler.enable()
        try:
            yield
        finally:
            profiler.disable()

    for _time in range(times):
        run(meter)
    return pstats.Stats(profiler)


def printed(stats: pstats.Stats) -> str:
    """Return the top of a profile, by what functions take with those they call, and by themselves."""
    stats.stream = text = io.StringIO()  # type: ignore[attr-defined]
    for order in ("cumulative", "tottime"):
        stats.sort_stats(order).print_stats(LINES_OF_PROFILE)
    return text.getvalue()


def answer(journeys: Journeys, question: dict[str, Any]) -> Any:
    """Answer what is asked of a journey."""
    name = question["journey"]

    def run(meter: Meter) -> None:
        journeys.run(name, meter)

    match question["what"]:
        case "work":
            times = REPEAT_BARE if name == "bare" else question["times"]
            return work(run, times=times, depth=question["depth"])
        case "queries":
            return queries(run)
        case "calls":
            return profile(run).total_calls  # type: ignore[attr-defined]
        case "profile":
            return printed(profile(run, question["times"]))
    raise ValueError(question)


def main() -> None:
    """Answer question by question, a line each; whatever else is printed goes to the log."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    call_command("migrate", run_syncdb=True, verbosity=0)
    journeys = Journeys()
    for name in journeys.names:
        journeys.run(name, Browser().meter)
    gc.collect()
    gc.freeze()  # what was loaded at the start is no work of a request
    hello = {"name": it.NAME, "journeys": journeys.names, "django": django.__version__}
    print(json.dumps(hello), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(journeys, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
