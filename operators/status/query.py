"""Turns the rules about one operator into conditions on rows, and counts by them.

No rule is written down a second time: the rules themselves are asked about every combination of facts that a
row can hold, and their answers become the condition.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from accounts.models import Account
from accounts.policy import AccountRule, Override, Policy
from operators.models import Operator
from operators.rules.status import Facts, Status, status_of
from twofactor.code_limits import FAILURES_THAT_LOCK
from twofactor.models import Authenticator

# Stands for every stored value that isn't a policy.
DAMAGED = "damaged"
OVERRIDES = ["", *Policy]
NO_ROW = Q(pk__in=[])
# Two ways to ask the same. For several counts at once a join is cheapest. For one page of a list it isn't:
# PostgreSQL misjudges how many rows of the join have no authenticator, and reads and sorts all of them.
JOINED = Q(authenticator__isnull=False)
LOOKED_UP = Q(Exists(Authenticator.objects.filter(user=OuterRef("pk"))))


def rows_where(
    holds: Callable[[Facts], bool], now: datetime, enrolled: Q = JOINED, *, also_ended: bool = False
) -> Q:
    """Build the condition for operators of whom `holds` is true at that moment.

    `holds` must ask only for the override in force (`Facts.override` comes without an end); with
    `also_ended`, one that has ended counts as in force. `enrolled` is JOINED to count everybody, LOOKED_UP to
    find the first few in some order.
    """
    return _condition(holds, _columns(now, enrolled, also_ended=also_ended), {})


def status_condition(status: Status, rule: AccountRule, now: datetime, enrolled: Q = JOINED) -> Q:
    return rows_where(lambda facts: status_of(facts, facts.effective(rule, now)) is status, now, enrolled)


def perhaps_locked(account: Account) -> QuerySet[Operator, Any]:
    """Find by index the few who could have the status Locked, without reading the other rows."""
    operators = account.operators.order_by().values("pk")
    guessed_at = operators.filter(code_failures__gte=FAILURES_THAT_LOCK)
    return operators.filter(frozen_at__isnull=False).union(guessed_at)


def count_facts(operators: QuerySet[Operator], now: datetime) -> dict[Facts, int]:
    """Count operators by their facts, in one query, to ask the rules once a kind, not once a row."""
    columns = _columns(now, JOINED)
    names = {fact: f"fact_{fact}" for fact in columns}
    values = {fact: list(conditions) for fact, conditions in columns.items()}
    facts = {
        names[fact]: Case(
            *(When(conditions[value], then=Value(number)) for number, value in enumerate(values[fact])),
            output_field=IntegerField(),
        )
        for fact, conditions in columns.items()
    }
    rows = operators.order_by().annotate(**facts).values(*facts).annotate(number=Count("pk"))
    return {
        Facts(**{fact: values[fact][row[name]] for fact, name in names.items()}): row["number"]
        for row in rows
    }


def _columns(now: datetime, enrolled: Q, *, also_ended: bool = False) -> Mapping[str, Mapping[Any, Q]]:
    """Map each fact to its possible values, and each value to the rows that have it."""
    over = NO_ROW if also_ended else Q(override_until__isnull=False, override_until__lte=now)
    return {
        "invited": {True: Q(joined_at__isnull=True), False: Q(joined_at__isnull=False)},
        "active": {True: Q(is_active=True), False: Q(is_active=False)},
        "frozen": {True: Q(frozen_at__isnull=False), False: Q(frozen_at__isnull=True)},
        "single_sign_on": {
            True: Q(sign_in_method=Operator.SignInMethod.SINGLE_SIGN_ON),
            False: ~Q(sign_in_method=Operator.SignInMethod.SINGLE_SIGN_ON),
        },
        "locked": {
            True: Q(code_failures__gte=FAILURES_THAT_LOCK),
            False: Q(code_failures__lt=FAILURES_THAT_LOCK),
        },
        "override": {
            Override(): Q(two_factor_override="") | over,
            **{Override(policy): Q(two_factor_override=policy) & ~over for policy in Policy},
            Override(DAMAGED): ~Q(two_factor_override__in=OVERRIDES) & ~over,
        },
        # Last, because it isn't in the row itself: SQLite evaluates in this order.
        "enrolled": {True: enrolled, False: ~enrolled},
    }


def _condition(
    holds: Callable[[Facts], bool], columns: Mapping[str, Mapping[Any, Q]], known: dict[str, Any]
) -> Q:
    """Build the condition on the facts not known yet; empty where they make no difference.

    For `facts.active and not facts.frozen`: `invited` comes first, and both its values lead to the same
    condition, which is the answer, without `invited`. In it, `active` leads to NO_ROW if it is False, and if
    it is True to the answer of `frozen`: Q(frozen_at__isnull=True), as everything after it makes no
    difference and leads to Q(). In all: Q(is_active=True, frozen_at__isnull=True).
    """
    if len(known) == len(columns):
        return Q() if holds(Facts(**known)) else NO_ROW
    fact, values = list(columns.items())[len(known)]
    rows_of: dict[Q, list[Q]] = {}
    for value, rows in values.items():
        rows_of.setdefault(_condition(holds, columns, {**known, fact: value}), []).append(rows)
    if len(rows_of) == 1:
        return next(iter(rows_of))
    return reduce(or_, (reduce(or_, rows) & answer for answer, rows in rows_of.items() if answer != NO_ROW))
