"""Does a test notice each mistake that could stand in the modules that guard the doors? Mutation testing.

    python .ci/mutants.py [--workers 2] [MODULE ...]

A first run of the suite notes which test runs which line. Then, in a process that has everything loaded, the
mistakes are made one at a time, each in a forked child: the code of the live functions is replaced there, and
the tests that run the line are run until one fails. A mistake at import gets a process of its own.
What no test notices is printed, and written to .mutants/survivors.txt.
"""

import argparse
import gc
import os
import signal
import subprocess
import sys
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
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
MODULES = [
    *(f"twofactor/{name}.py" for name in ("codes", "models", "recovery", "proof", "pending", "throttle")),
    "accounts/tally.py",
    "accounts/guessing.py",
    "accounts/policy.py",
    "operators/signin.py",
    "operators/signin_table.py",
    "operators/backends.py",
    *(f"invitations/{name}.py" for name in ("models", "tokens", "setup_link", "invite")),
    *(
        f"twofactor/{name}.py"
        for name in ("enrollment", "fresh_codes", "totp", "vault", "trusted", "rotation")
    ),
    *(f"twofactor/{name}.py" for name in ("forms", "views", "emails", "qr")),
]
# Small sentences are to notice, so that they also say what is wrong; and nothing that starts other processes.
PYTEST = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not slow", "-W", "ignore", "tests"]
PYTEST += [f"--ignore=tests/{left_out}" for left_out in ("browser", "breakage", "test_stateful.py")]
# Of the tests that run a line, those whose subject is nearest: the rest notices nothing that these do not.
MOST_TESTS = 150
SECONDS = 120
KILLED, SURVIVED, TIMEOUT, UNREACHED = "killed", "survived", "timeout", "no test"


def main() -> int:
    """Run, and return how many survive, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep-map", action="store_true", help="take the last run's map of lines to tests")
    # Of this script's own: a mistake at import, in a process of its own.
    parser.add_argument("--single", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    FOLDER.mkdir(exist_ok=True)
    if options.single:
        return _run_single(options.single[0], int(options.single[1]))
    if not options.keep_map or not CONTEXTS.exists():
        _note_which_test_runs_what()
    runner = Runner(options.modules, options.workers)
    pytest.main(PYTEST, plugins=[runner])
    return _report(runner.results)


def _note_which_test_runs_what() -> None:
    """Run the suite once, and fail where it fails by itself."""
    environment = {**os.environ, "COVERAGE_FILE": str(CONTEXTS)}
    options = ["--cov", "--cov-context=test", "--cov-report=", "--cov-fail-under=0", "-n2"]
    subprocess.run([sys.executable, "-m", "pytest", *PYTEST, *options], check=True, env=environment)


class Runner:
    """A pytest plugin that makes mistakes in place of running each test once."""

    def __init__(self, modules: list[str], workers: int) -> None:
        self.modules = modules
        self.workers = workers
        self.results: list[tuple[str, Mutant, str, str]] = []
        self.items: dict[str, Any] = {}
        # Tests that have noticed something come first the next time.
        self.noticed: Counter[str] = Counter()
        data = coverage.CoverageData(str(CONTEXTS))
        data.read()
        self.tests_of = {module: data.contexts_by_lineno(str(ROOT / module)) for module in modules}
        self.lines_of = {module: _turned(by_line) for module, by_line in self.tests_of.items()}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Load everything with one test, then fork for each mutant."""
        self.items = {item.nodeid: item for item in session.items}
        # It needs the database, so that the children find that made.
        first = next(item for item in session.items if "account" in getattr(item, "fixturenames", ()))
        self.nothing_more = End(session)
        first.config.hook.pytest_runtest_protocol(item=first, nextitem=self.nothing_more)
        gc.collect()
        gc.freeze()
        running: dict[int, tuple[str, Mutant, int]] = {}
        self._check_that_all_is_well()
        for module, mutant, number in self._mutants():
            if len(running) >= self.workers:
                self._wait(running)
            tests = self._tests(module, mutant)
            if not tests:
                self._note(module, mutant, UNREACHED, "")
                continue
            running[self._start(module, mutant, number, tests)] = (module, mutant, number)
        while running:
            self._wait(running)
        # Once more: an environment that has gone meanwhile would pass for tests that notice everything.
        self._check_that_all_is_well()
        return True

    def _check_that_all_is_well(self) -> None:
        """Stop where tests fail in a forked child without any mistake: every figure would be wrong."""
        pid = os.fork()
        if pid == 0:
            try:
                sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  closed with the child
                os._exit(self._first_failure(list(self.items)))
            finally:
                os._exit(3)
        if os.waitpid(pid, 0)[1]:
            raise pytest.UsageError(f"Fails without a mistake: {self._killer(pid)}")

    def _mutants(self) -> Iterator[tuple[str, Mutant, int]]:
        for module in self.modules:
            for number, mutant in enumerate(mutants_of((ROOT / module).read_text())):
                yield module, mutant, number

    def _tests(self, module: str, mutant: Mutant) -> list[str]:
        """Return the tests that run the lines; the whole module's where it is the import that matters."""
        by_line = self.tests_of[module]
        lines = range(mutant.line, mutant.last_line + 1) if mutant.in_function else by_line
        names = {context.split("|")[0] for line in lines for context in by_line.get(line, ())}
        folder = "tests/" + module.split("/", maxsplit=1)[0]
        subject = Path(module).stem

        def order(name: str) -> tuple[Any, ...]:
            near = subject in name.split("::", maxsplit=1)[0], name.startswith(folder), len(by_test[name])
            return -self.noticed[name], "races" in name, not near[0], not near[1], near[2], name

        by_test = self.lines_of[module]
        return sorted((name for name in names if name in self.items), key=order)[:MOST_TESTS]

    def _start(self, module: str, mutant: Mutant, number: int, tests: list[str]) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 3
        try:
            signal.alarm(SECONDS if mutant.in_function else 2 * SECONDS)
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  closed with the child
            code = self._child(module, mutant, number, tests)
        except BaseException:  # noqa: BLE001  whatever it is, the child ends here
            (FOLDER / "errors").write_text(traceback.format_exc())
        finally:
            os._exit(code)

    def _child(self, module: str, mutant: Mutant, number: int, tests: list[str]) -> int:
        """Return 0 where no test fails, 1 where one does."""
        if not (mutant.in_function and replace_code(ROOT / module, mutant.source)):
            command = [sys.executable, __file__, "--single", module, str(number)]
            names = FOLDER / f"tests_{os.getpid()}"
            names.write_text("\n".join(tests))
            environment = {**os.environ, "MUTANT_TESTS": str(names)}
            done = subprocess.run(command, check=False, env=environment, capture_output=True)
            names.unlink()
            return 0 if done.returncode == 0 else 1
        return self._first_failure(tests)

    def _first_failure(self, tests: list[str]) -> int:
        """Run tests until one fails, and note which; return 1 then, 0 where none does."""
        for name, after in zip(tests, [*tests[1:], None], strict=True):
            item, nextitem = self.items[name], self.items[after] if after else self.nothing_more
            failures: list[bool] = []
            item.session.testsfailed = 0
            item.config.pluginmanager.register(Watcher(failures))
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            if failures:
                (FOLDER / f"killer_{os.getpid()}").write_text(name)
                return 1
        return 0

    def _wait(self, running: dict[int, tuple[str, Mutant, int]]) -> None:
        pid, status = os.wait()
        if pid not in running:
            return
        module, mutant, _number = running.pop(pid)
        name = self._killer(pid)
        self.noticed[name] += bool(name)
        if os.WIFSIGNALED(status):
            outcome = TIMEOUT
        else:
            outcome = {0: SURVIVED, 1: KILLED}.get(os.WEXITSTATUS(status), "broken")
        self._note(module, mutant, outcome, name)

    def _killer(self, pid: int) -> str:
        """Return which test has noticed the mistake in a child."""
        path = FOLDER / f"killer_{pid}"
        name = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return name

    def _note(self, module: str, mutant: Mutant, outcome: str, killer: str) -> None:
        self.results.append((module, mutant, outcome, killer))
        if outcome != KILLED:
            text = f"{outcome}: {module}:{mutant.line}: {_short(mutant.before)}  ->  {_short(mutant.after)}"
            with (FOLDER / "log").open("a") as log:
                log.write(f"{text}\n")


class End:
    """What comes after the last test of a child: nothing but the session, whose fixtures stay."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    def listchain(self) -> list[pytest.Session]:
        """Return what is not torn down."""
        return [self.session]


class Watcher:
    """A pytest plugin that notes failures."""

    def __init__(self, failures: list[bool]) -> None:
        self.failures = failures

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure in set-up, call or tear-down."""
        if report.failed:
            self.failures.append(True)


def _turned(tests_of_lines: dict[int, list[str]]) -> dict[str, list[int]]:
    """Return the lines of each test."""
    lines: dict[str, list[int]] = defaultdict(list)
    for line, contexts in tests_of_lines.items():
        for context in contexts:
            lines[context.split("|")[0]].append(line)
    return lines


def replace_code(path: Path, source: str) -> bool:
    """Give the live functions of a module the code of another version of it; false where that cannot be."""
    new = dict(_functions(compile(source, str(path), "exec")))
    gc.unfreeze()
    live = [
        one for one in gc.get_objects() if type(one) is FunctionType and one.__code__.co_filename == str(path)
    ]
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
    return int(pytest.main([*options, "-x", *tests]))


def _report(results: list[tuple[str, Mutant, str, str]]) -> int:
    """Print a table and the survivors."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for module, _mutant, outcome, _killer in results:
        table[module][outcome] += 1
    rows = ["| module | mutants | noticed | survived |", "|---|---|---|---|"]
    for module, count in table.items():
        noticed = count[KILLED]
        rows.append(f"| `{module}` | {count.total()} | {noticed} | {count.total() - noticed} |")
    alive = [
        f"{module}:{mutant.line}: {_short(mutant.before)}  ->  {_short(mutant.after)}  ({outcome})"
        for module, mutant, outcome, _killer in results
        if outcome != KILLED
    ]
    text = "\n".join([*rows, "", *alive, ""])
    (FOLDER / "survivors.txt").write_text(text)
    print(text, f"{len(results)} mutants, {len(alive)} survived", sep="\n")
    return int(bool(alive))


def _short(text: str) -> str:
    """Return text on one line."""
    return " ".join(text.split())[:160]


if __name__ == "__main__":
    sys.exit(main())
