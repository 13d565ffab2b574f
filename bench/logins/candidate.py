"""One candidate in a process of its own: it answers in JSON what a journey cost. Started by bench.logins.

Each candidate has a module of its own that knows its pages: `create_person`, `give_password`, `give_code` and
`forget_codes`; for the enrollment `before_enrollment`, `enroll`, `after_enrollment` and `forget_enrollment`,
or `set_up`, which stores an authenticator where no page does.
"""

import cProfile
import gc
import importlib
import io
import json
import os
import platform
import pstats
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import django

ME = sys.argv[1]
os.environ["DJANGO_SETTINGS_MODULE"] = f"bench.logins.{ME}.settings"
django.setup()

from django.core.management import call_command  # noqa: E402  Django must be set up
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from bench.cost import database, database_work, deeper  # noqa: E402
from bench.logins import bare  # noqa: E402
from bench.logins.browser import Browser, Meter, wait_for_time_to_type  # noqa: E402

# What begins and ends a transaction: not the same statements in both databases.
TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
REPEAT_BARE = 20
LINES_OF_PROFILE = 45
ROOT = Path(__file__).resolve().parents[2]
OWN = rf"^{ROOT}/(?!\.venv/|bench/)"

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
        browser = Browser()
        it.give_password(browser)
        if _is_inside(browser):
            raise RuntimeError("The password alone is enough.")
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


def _is_inside(browser: Browser) -> bool:
    """Whether somebody is logged in, asked without the browser's meter."""
    return browser.get(bare.ADDRESS).status_code == HTTPStatus.OK


def _check(browser: Browser) -> None:
    if not _is_inside(browser):
        raise RuntimeError("The journey has not ended logged in.")


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


def profiles(run: Callable[[Meter], None], times: int = 1) -> list[cProfile.Profile]:
    """Return who called whom in each request of a journey, taken so many times."""
    found: list[cProfile.Profile] = []

    @contextmanager
    def meter() -> Iterator[None]:
        found.append(cProfile.Profile())
        with found[-1]:
            yield

    for _time in range(times):
        run(meter)
    return found


def calls(profile: cProfile.Profile) -> int:
    """Return how many functions were called."""
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def printed(found: list[cProfile.Profile], times: int) -> str:
    """Return the calls of each request, and the top of the profile in three orders."""
    text = io.StringIO()
    each = " + ".join(f"{calls(profile):,}" for profile in found[-len(found) // times :])
    print(f"Function calls of each request: {each}", file=text)
    stats = pstats.Stats(*found, stream=text)
    stats.sort_stats("tottime").print_stats(LINES_OF_PROFILE)
    stats.sort_stats("cumulative").print_stats(LINES_OF_PROFILE)
    print("The product's own:", file=text)
    stats.print_stats(OWN, LINES_OF_PROFILE)
    return re.sub(rf"{ROOT}/(\.venv/lib/[^/]+/site-packages/)?", "", text.getvalue())


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
            return sum(map(calls, profiles(run)))
        case "profile":
            return printed(profiles(run, question["times"]), question["times"])
    raise ValueError(question)


def main() -> None:
    """Answer question by question, a line each; whatever else is printed goes to the log."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)  # the yardstick, whose table points to another's
    journeys = Journeys()
    for name in journeys.names:
        journeys.run(name, Browser().meter)
    gc.collect()
    gc.freeze()  # what was loaded at the start is no work of a request
    hello = {
        "name": it.NAME,
        "journeys": journeys.names,
        "runs_on": f"Django {django.__version__}, Python {platform.python_version()}, {database()}",
    }
    print(json.dumps(hello), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(journeys, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
