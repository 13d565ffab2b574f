"""What does a login with a code cost beside two peers and a yardstick? Prints Markdown tables.

`DATABASE_URL` names a PostgreSQL database, beside which each candidate gets one of its own; without it, each
has an SQLite file in .bench/.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from statistics import median
from typing import IO, Any, cast

from bench.cost import STEP
from bench.logins import environment

# The product first: its ratios to the others are what is asked for.
PRODUCT = "product"
PEERS = ["two_factor_auth", "allauth_mfa"]
CANDIDATES = [PRODUCT, *PEERS, "yardstick"]
JOURNEYS = {
    "login": "login with a code, new browser",
    "login_again": "login with a code, browser used before",
    "enrollment": "enrollment",
    "bare": "bare page behind the login",
}
HEAD = "work | ours / it | from … to | database | calls | ours / it | queries |"


class Candidate:
    """A process that takes journeys and says what they cost."""

    def __init__(self, module: str) -> None:
        python = environment.peers_python() if module in PEERS else sys.executable
        # Sets of texts have another order in each process, and some functions are then called more often.
        fixed = {"DATABASE_URL": environment.fresh_database(module), "PYTHONHASHSEED": "0"}
        with (environment.FOLDER / f"{module}.log").open("w") as log:
            self.process = subprocess.Popen(
                [python, "-m", "bench.logins.candidate", module],
                cwd=environment.ROOT,
                env={**os.environ, **fixed},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.module = module
        hello = self._answer()
        self.name, self.runs_on, self.journeys = hello["name"], hello["runs_on"], hello["journeys"]

    def ask(self, journey: str, what: str, **details: Any) -> Any:
        """Return what a journey costs, in one respect."""
        question = {"journey": journey, "what": what, **details}
        print(json.dumps(question), file=self.process.stdin, flush=True)
        return self._answer()

    def end(self) -> None:
        """End the process."""
        self.process.communicate()

    def _answer(self) -> Any:
        line = cast("IO[str]", self.process.stdout).readline()
        if not line:
            raise SystemExit(f"{self.module} has stopped: {environment.FOLDER / self.module}.log")
        return json.loads(line)


@dataclass
class Costs:
    """Of one journey of one candidate; seconds of each round."""

    work: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    queries: int = 0
    calls: int = 0


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="bench.logins", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each journey is measured")
    parser.add_argument("--times", type=int, default=3, help="how often it is taken in a round")
    parser.add_argument("--only", nargs="+", choices=CANDIDATES, default=CANDIDATES, help="these candidates")
    parser.add_argument("--json", action="store_true", help="print all figures instead of tables")
    parser.add_argument("--profile", choices=JOURNEYS, help="print where this journey of the product spends")
    options = parser.parse_args()
    environment.FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = [PRODUCT] if options.profile else options.only
    candidates = [Candidate(module) for module in CANDIDATES if module in chosen]
    runs_on = {candidate.runs_on for candidate in candidates}
    if len(runs_on) > 1:
        raise SystemExit(f"Not the same for all, so try 'make requirements': {sorted(runs_on)}")
    if options.profile:
        print(candidates[0].ask(options.profile, "profile", times=20))
    else:
        measure(candidates, options)
    for candidate in candidates:
        candidate.end()


def measure(candidates: list[Candidate], options: argparse.Namespace) -> None:
    """Take every journey with each candidate in turn, round by round."""
    found = {journey: {c.name: Costs() for c in candidates if journey in c.journeys} for journey in JOURNEYS}
    takers = [
        (journey, c, found[journey][c.name])
        for journey in JOURNEYS
        for c in candidates
        if journey in c.journeys
    ]
    for journey, candidate, costs in takers:
        costs.queries = len(candidate.ask(journey, "queries"))
        costs.calls = candidate.ask(journey, "calls")
    for number in range(options.rounds):
        # Nobody is always the first, or the one after the same other.
        for journey, candidate, costs in takers if number % 2 else reversed(takers):
            cost = candidate.ask(journey, "work", times=options.times, depth=number * STEP)
            costs.work.append(cost["work"])
            costs.database.append(cost["database"])
    if options.json:
        print(json.dumps(found, default=vars, indent=2))
    else:
        print(f"\n{candidates[0].runs_on}, medians of {options.rounds} in turn")
        print_tables(found)


def print_tables(found: dict[str, dict[str, Costs]]) -> None:
    """Print a table for each journey."""
    for journey, costs in found.items():
        print(f"\n| {JOURNEYS[journey]} | {HEAD}")
        print("|---|--:|--:|--:|--:|--:|--:|--:|")
        ours = costs.get(PRODUCT)
        for name, each in costs.items():
            work, spread, calls = ratios(ours, each) if ours and each is not ours else ("", "", "")
            database = f"{median(each.database) * 1000:.2f} ms" if any(each.database) else "—"
            print(
                f"| {name} | {median(each.work) * 1000:.2f} ms | {work} | {spread} | {database} "
                f"| {each.calls:,} | {calls} | {each.queries} |"
            )


def ratios(ours: Costs, theirs: Costs) -> tuple[str, str, str]:
    """Return the ratio of the medians of work, those of single rounds from … to, and that of calls."""
    rounds = [our / their for our, their in zip(ours.work, theirs.work, strict=True)]
    work = median(ours.work) / median(theirs.work)
    return f"**{work:.2f}**", f"{min(rounds):.2f} … {max(rounds):.2f}", f"**{ours.calls / theirs.calls:.2f}**"


if __name__ == "__main__":
    main()
