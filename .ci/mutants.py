"""Does a test notice each mistake that could stand in the modules that guard the doors? Mutation testing.

    python .ci/mutants.py [--workers 2] [--keep-map] [--again] [MODULE ...]

A first run of the suite notes which test runs which line. Then, in a process that has everything loaded, the
mistakes are made one at a time, each in a forked child: the code of the live functions is replaced there, and
the tests that run the line are run until one fails. A mistake at import gets a process of its own. In the
end, every test that has noticed something must pass without a mistake.

Each result goes to .mutants/results.jsonl at once: what has been judged is not judged again until its module
changes. What no test notices is printed, and written to .mutants/survivors.txt.
"""

import argparse
import gc
import hashlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import coverage
import pytest
from mutate import Mutant, mutants_of

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".mutants"
CONTEXTS = FOLDER / "coverage"
# What the modules were when the map was made.
MAPPED = FOLDER / "mapped.json"
RESULTS = FOLDER / "results.jsonl"
MODULES = [
    *(f"twofactor/{name}.py" for name in ("codes", "models", "recovery", "proof", "pending", "code_limits")),
    "accounts/rate_limit.py",
    "accounts/compiled.py",
    "operators/signin/session_store.py",
    "accounts/limits/password_limits.py",
    "accounts/policy.py",
    "operators/signin/journey.py",
    "operators/rules/next_step.py",
    "operators/backends.py",
    *(f"invitations/{name}.py" for name in ("models", "opened_links", "setup_link", "invite")),
    *(
        f"twofactor/{name}.py"
        for name in (
            "enrollment",
            "fresh_codes",
            "sealed_in_session",
            "totp",
            "vault",
            "trusted",
            "rotation",
            "key_check",
        )
    ),
    *(f"twofactor/{name}.py" for name in ("forms", "views", "emails", "qr")),
]
# Small sentences are to notice, so that they also say what is wrong; and nothing that starts other processes.
PYTEST = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not slow", "-W", "ignore", "tests"]
PYTEST += [f"--ignore=tests/{left_out}" for left_out in ("browser", "breakage", "test_stateful.py")]
# Of the tests that run a line, those whose subject is nearest: the rest notices nothing that these do not.
MOST_TESTS = 150
# Of the processor: a busy machine must not make a mistake look endless. By the clock, ten times that.
SECONDS = 30
# For the second try of what has run out of time: slowness is no answer.
MORE_SECONDS = 90
KILLED, SURVIVED, TIMEOUT, UNREACHED, BROKEN = "noticed", "not noticed", "out of time", "no test", "broken"
CODES = {0: SURVIVED, 1: KILLED, 4: TIMEOUT}
# Of pytest: tests failed, or could not be imported.
FAILED = (1, 2)


def main() -> int:
    """Run, and return how many survive, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep-map", action="store_true", help="take the last run's map of lines to tests")
    parser.add_argument("--again", action="store_true", help="try again what no test has noticed")
    parser.add_argument("--most", type=int, default=MOST_TESTS, help="how many tests at most for a mistake")
    # Of this script's own: a mistake at import, in a process of its own.
    parser.add_argument("--single", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    FOLDER.mkdir(exist_ok=True)
    if options.single:
        return _run_single(options.single[0], int(options.single[1]))
    if not (options.keep_map and CONTEXTS.exists()):
        _note_which_test_runs_what()
    runner = Runner(options.modules, options.workers, options.most, again=options.again)
    code = pytest.main(PYTEST, plugins=[runner])
    return int(code) or _report(options.modules)


def _note_which_test_runs_what() -> None:
    """Run the suite once, and fail where it fails by itself."""
    environment = {**os.environ, "COVERAGE_FILE": str(CONTEXTS)}
    options = ["--cov", "--cov-context=test", "--cov-report=", "--cov-fail-under=0", "-n2"]
    before = {module: _hash_of_file(module) for module in MODULES}
    subprocess.run([sys.executable, "-m", "pytest", *PYTEST, *options], check=True, env=environment)
    MAPPED.write_text(json.dumps(before))


@dataclass(frozen=True, slots=True)
class Job:
    """A mistake to make, and what it takes to know it again."""

    module: str
    number: int
    mutant: Mutant

    @property
    def key(self) -> str:
        """Return what only this mistake in this version of the module has."""
        return _hash(f"{self.module}\n{self.mutant.source}")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mistake; a line of the file of results."""

    key: str
    module: str
    line: int
    before: str
    after: str
    outcome: str
    # Which test has noticed it, and what that said.
    killer: str = ""
    why: str = ""


def _jobs(modules: Iterable[str]) -> list[Job]:
    return [
        Job(module, number, mutant)
        for module in modules
        for number, mutant in enumerate(mutants_of((ROOT / module).read_text()))
    ]


def _judged() -> dict[str, Result]:
    """Return the last result of each mistake."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    results = [Result(**json.loads(line)) for line in lines]
    return {result.key: result for result in results}


class Runner:
    """A pytest plugin that makes mistakes in place of running each test once."""

    def __init__(self, modules: list[str], workers: int, most_tests: int, *, again: bool) -> None:
        self.workers = workers
        self.most_tests = most_tests
        judged = _judged()
        settled = [KILLED] if again else [KILLED, SURVIVED, UNREACHED]
        self.all_jobs = _jobs(modules)
        self.jobs = [
            job for job in self.all_jobs if job.key not in judged or judged[job.key].outcome not in settled
        ]
        self.items: dict[str, Any] = {}
        self.variant: dict[str, int] = {}
        # Tests that have noticed something come first the next time.
        self.noticed = Counter(result.killer for result in judged.values() if result.killer)
        data = coverage.CoverageData(str(CONTEXTS))
        data.read()
        self.on_the_map = {context.split("|")[0] for context in data.measured_contexts()}
        mapped = json.loads(MAPPED.read_text())
        self.has_moved = {module for module in modules if mapped.get(module) != _hash_of_file(module)}
        self.tests_of = {module: data.contexts_by_lineno(str(ROOT / module)) for module in modules}
        self.lines_of = {module: _turned(by_line) for module, by_line in self.tests_of.items()}
        # What takes a process of its own takes longest, and comes last.
        self.jobs.sort(key=lambda job: self._is_of_import(job.module, job.mutant))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Load everything with one test, then fork for each mutant."""
        self.items = {item.nodeid: item for item in session.items}
        # The same test with other values comes behind other tests.
        variants: Counter[str] = Counter()
        for name in self.items:
            variants[name.split("[")[0]] += 1
            self.variant[name] = variants[name.split("[")[0]]
        # It needs the database, so that the children find that made.
        first = next(item for item in session.items if "account" in getattr(item, "fixturenames", ()))
        self.nothing_more = End(session)
        first.config.hook.pytest_runtest_protocol(item=first, nextitem=self.nothing_more)
        gc.collect()
        # Looked up once: a child that goes through all objects makes the system copy them.
        self.live = _live_functions()
        gc.freeze()
        late = self._judge(self.jobs, SECONDS)
        self._judge(late, MORE_SECONDS)
        self._check_who_noticed()
        return True

    def _judge(self, jobs: list[Job], seconds: int) -> list[Job]:
        """Make each mistake; return those that have run out of time."""
        running: dict[int, Job] = {}
        late: list[Job] = []
        for job in jobs:
            if len(running) >= self.workers:
                late += self._wait(running)
            tests = self._tests(job.module, job.mutant)
            if tests:
                running[self._start(job, tests, seconds)] = job
            else:
                self._note(job, UNREACHED, "", "")
        while running:
            late += self._wait(running)
        return late

    def _check_who_noticed(self) -> None:
        """Stop where a test fails without any mistake: it has noticed nothing, and nor has its like."""
        keys = {job.key for job in self.all_jobs}
        judged = _judged()
        killers = {result.killer for key, result in judged.items() if key in keys and result.killer}
        names = sorted((name for name in killers if name in self.items), key=self._is_transactional)
        pid = os.fork()
        if pid == 0:
            try:
                sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  closed with the child
                os._exit(self._first_failure(names))
            finally:
                os._exit(3)
        if os.waitpid(pid, 0)[1]:
            killer, why = self._killer(pid)
            rest = [result for result in judged.values() if result.killer != killer]
            RESULTS.write_text("".join(f"{json.dumps(asdict(result))}\n" for result in rest))
            raise pytest.UsageError(f"Fails without a mistake, and its results are dropped: {killer} {why}")

    def _is_transactional(self, name: str) -> bool:
        """Whether a test empties the tables when it is over."""
        item = self.items[name]
        marker = item.get_closest_marker("django_db")
        return "transactional_db" in item.fixturenames or bool(marker and marker.kwargs.get("transaction"))

    def _tests(self, module: str, mutant: Mutant) -> list[str]:
        """Return the tests that run the lines, and those that are newer than the map.

        The whole module's where it is the import that matters, or where its lines have moved since.
        """
        by_line = self.tests_of[module]
        anywhere = self._is_of_import(module, mutant) or module in self.has_moved
        lines = by_line if anywhere else range(mutant.line, mutant.last_line + 1)
        names = {context.split("|")[0] for line in lines for context in by_line.get(line, ())}
        names |= self.items.keys() - self.on_the_map
        folder = "tests/" + module.split("/", maxsplit=1)[0]
        subject = Path(module).stem

        def order(name: str) -> tuple[Any, ...]:
            near = subject in name.split("::", maxsplit=1)[0], name.startswith(folder), len(by_test[name])
            new = name not in self.on_the_map and name.startswith(folder)
            last = self._is_transactional(name)
            near_enough = not near[0], self.variant[name] > 1, not near[1]
            return last, not new, -self.noticed[name], *near_enough, near[2], name

        by_test = self.lines_of[module]
        return sorted((name for name in names if name in self.items), key=order)[: self.most_tests]

    def _is_of_import(self, module: str, mutant: Mutant) -> bool:
        """Whether it takes effect at import: outside of a function, or in one that is called then.

        The fields of forms are made then; code that is replaced later comes too late for them.
        """
        lines = range(mutant.line, mutant.last_line + 1)
        contexts = [self.tests_of[module].get(line, ()) for line in lines]
        return not mutant.in_function or any("" in of_line for of_line in contexts)

    def _start(self, job: Job, tests: list[str], seconds: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 3
        try:
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  closed with the child
            code = self._child(job, tests, seconds)
        except BaseException:  # noqa: BLE001  whatever it is, the child ends here
            (FOLDER / "errors").write_text(traceback.format_exc())
        finally:
            os._exit(code)

    def _child(self, job: Job, tests: list[str], seconds: int) -> int:
        """Return 0 where no test fails, 1 where one does, another number otherwise; see CODES."""
        path, mutant = ROOT / job.module, job.mutant
        is_of_import = self._is_of_import(job.module, mutant)
        if not is_of_import and replace_code(self.live[str(path)], path, mutant.source):
            signal.setitimer(signal.ITIMER_PROF, seconds)
            signal.alarm(10 * seconds)
            return self._first_failure(tests)
        command = [sys.executable, __file__, "--single", job.module, str(job.number)]
        names = FOLDER / f"tests_{os.getpid()}"
        names.write_text("\n".join(tests))
        environment = {**os.environ, "MUTANT_TESTS": str(names), "MUTANT_PARENT": str(os.getpid())}
        try:
            done = subprocess.run(
                command, check=False, env=environment, capture_output=True, timeout=10 * seconds
            )
        except subprocess.TimeoutExpired:
            return 4
        finally:
            names.unlink()
        if done.returncode in FAILED:
            return 1
        return 3 if done.returncode else 0

    def _first_failure(self, tests: list[str]) -> int:
        """Run tests until one fails, and note which; return 1 then, 0 where none does."""
        for name, after in zip(tests, [*tests[1:], None], strict=True):
            item, nextitem = self.items[name], self.items[after] if after else self.nothing_more
            watcher = Watcher(os.getpid())
            item.session.testsfailed = 0
            item.config.pluginmanager.register(watcher)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            item.config.pluginmanager.unregister(watcher)
            if watcher.has_failed:
                return 1
        return 0

    def _wait(self, running: dict[int, Job]) -> list[Job]:
        """Note how a child has ended; return its mistake where it has run out of time."""
        pid, status = os.wait()
        if pid not in running:
            return []
        job = running.pop(pid)
        killer, why = self._killer(pid)
        self.noticed[killer] += bool(killer)
        code = 4 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        outcome = CODES.get(code, BROKEN)
        self._note(job, outcome, killer, why)
        return [job] if outcome == TIMEOUT else []

    def _killer(self, pid: int) -> tuple[str, str]:
        """Return which test has noticed the mistake in a child, and what it said."""
        path = FOLDER / f"killer_{pid}"
        name, _, why = path.read_text().partition("\n") if path.exists() else ("", "", "")
        path.unlink(missing_ok=True)
        return name, why

    def _note(self, job: Job, outcome: str, killer: str, why: str) -> None:
        mutant = job.mutant
        before, after = _short(mutant.before), _short(mutant.after)
        result = Result(job.key, job.module, mutant.line, before, after, outcome, killer, why)
        with RESULTS.open("a") as results:
            results.write(f"{json.dumps(asdict(result))}\n")


class End:
    """What comes after the last test of a child: nothing but the session, whose fixtures stay."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    def listchain(self) -> list[pytest.Session]:
        """Return what is not torn down."""
        return [self.session]


class Watcher:
    """A pytest plugin that notes the first failure for the process that waits for it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.has_failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure in set-up, call or tear-down."""
        if report.failed and not self.has_failed:
            self.has_failed = True
            crash = getattr(report.longrepr, "reprcrash", None)
            why = _short(crash.message if crash else str(report.longrepr))
            (FOLDER / f"killer_{self.pid}").write_text(f"{report.nodeid}\n{why}")


def _turned(tests_of_lines: dict[int, list[str]]) -> dict[str, list[int]]:
    """Return the lines of each test."""
    lines: dict[str, list[int]] = defaultdict(list)
    for line, contexts in tests_of_lines.items():
        for context in contexts:
            lines[context.split("|")[0]].append(line)
    return lines


def _live_functions() -> dict[str, list[FunctionType]]:
    """Return the functions that there are, by the path of their module."""
    live: dict[str, list[FunctionType]] = defaultdict(list)
    for one in gc.get_objects():
        if type(one) is FunctionType:
            live[one.__code__.co_filename].append(one)
    return live


def replace_code(live: list[FunctionType], path: Path, source: str) -> bool:
    """Give the live functions of a module the code of another version of it; false where that cannot be."""
    new = dict(_functions(compile(source, str(path), "exec")))
    for function in live:
        code = new.get(function.__code__.co_qualname)
        if code is None:
            continue
        try:
            function.__code__ = code
        except ValueError:  # another number of variables from around it
            return False
    return True


def _functions(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant.co_qualname, constant
            yield from _functions(constant)


def _run_single(module: str, number: int) -> int:
    """Import a module with a mistake in it, and run the tests."""
    mutant = list(mutants_of((ROOT / module).read_text()))[number]
    real = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        if self.path == str(ROOT / module):
            return compile(mutant.source, self.path, "exec")
        return real(self, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    tests = Path(os.environ["MUTANT_TESTS"]).read_text().splitlines()
    options = [option for option in PYTEST if not option.startswith("tests")]
    watcher = Watcher(int(os.environ["MUTANT_PARENT"]))
    return int(pytest.main([*options, "-x", *tests], plugins=[watcher]))


def _report(modules: list[str]) -> int:
    """Print a table and the survivors."""
    judged = _judged()
    results = [judged[job.key] for job in _jobs(modules)]
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        table[result.module][result.outcome] += 1
    rows = ["| module | mistakes | noticed | not noticed | out of time |", "|---|---|---|---|---|"]
    for module, count in table.items():
        left = count.total() - count[KILLED] - count[TIMEOUT]
        rows.append(f"| `{module}` | {count.total()} | {count[KILLED]} | {left} | {count[TIMEOUT]} |")
    alive = [
        f"{one.module}:{one.line}: {one.before}  ->  {one.after}  ({one.outcome})"
        for one in results
        if one.outcome != KILLED
    ]
    text = "\n".join([*rows, "", *alive, ""])
    (FOLDER / "survivors.txt").write_text(text)
    print(text, f"{len(results)} mistakes, {len(alive)} not noticed", sep="\n")
    return int(bool(alive))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _hash_of_file(module: str) -> str:
    return _hash((ROOT / module).read_text())


def _short(text: str) -> str:
    """Return text on one line."""
    return " ".join(text.split())[:160]


if __name__ == "__main__":
    sys.exit(main())
