"""Counts the operators of an account: by status, with an exception, and how many are protected.

Coverage counts operators who have joined, are active and log in with a password. Those with the status
Protected are covered; a locked operator, or one whose policy is Disabled, is not.
"""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from operators.models import Operator
from operators.rules.status import Facts, Status, status_of
from operators.status.query import count_facts


@dataclass(frozen=True, slots=True)
class Coverage:
    protected: int = 0
    counted: int = 0

    @property
    def percent(self) -> int | None:
        """Whole per cent, rounded down, so that 100 means everybody; None if nobody is counted."""
        return self.protected * 100 // self.counted if self.counted else None


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """`by_status` has only those that occur, in the order of the filter."""

    all: int
    by_status: dict[Status, int]
    exceptions: int
    coverage: Coverage


def counts_for_coverage(facts: Facts) -> bool:
    return facts.active and not facts.invited and not facts.single_sign_on


def count(account: Account, now: datetime) -> StatusCounts:
    """One query, whose kinds of operators are put to the same rules that the pages ask."""
    rule = account.rule
    kinds = count_facts(Operator.objects.filter(account=account), now)
    by_status = dict.fromkeys(Status, 0)
    for facts, number in kinds.items():
        by_status[status_of(facts, facts.effective(rule, now))] += number
    counted = sum(number for facts, number in kinds.items() if counts_for_coverage(facts))
    return StatusCounts(
        all=sum(kinds.values()),
        by_status={status: number for status, number in by_status.items() if number},
        exceptions=sum(number for facts, number in kinds.items() if facts.is_exception(rule, now)),
        coverage=Coverage(by_status[Status.PROTECTED], counted),
    )
