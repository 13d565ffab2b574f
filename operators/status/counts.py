"""How many operators of an account are there, of each status, and with an exception?"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from operators.models import Operator
from operators.rules.status import Status, status_of
from operators.status.query import count_facts


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of operators; `by_status` names those that occur only."""

    all: int
    by_status: dict[Status, int]
    exceptions: int


def count(account: Account, now: datetime) -> Counts:
    """Return the counts, in one query; each kind of operator is put to the rules that the pages ask."""
    rule = account.rule
    found = count_facts(Operator.objects.filter(account=account), now)
    by_status: Counter[Status] = Counter()
    for facts, number in found.items():
        by_status[status_of(facts, facts.effective(rule, now))] += number
    exceptions = sum(number for facts, number in found.items() if facts.is_exception(rule, now))
    return Counts(sum(found.values()), dict(by_status), exceptions)
