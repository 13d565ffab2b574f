"""For which operators does a rule hold, and for how many? The database's side of the rules about one.

No rule is written down here a second time: every combination of facts that a row can hold is put to the rules
themselves, and the condition is made from their answers.
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

# Stands for every stored value that is no policy.
DAMAGED = "damaged"
OVERRIDES = ["", *Policy]
NO_ROW = Q(pk__in=[])
# Two ways to ask the same. One join is cheapest for several counts at once. Of a join PostgreSQL misjudges
# how many rows have no authenticator, and reads and sorts all for a page: there a look at each row is better.
JOINED = Q(authenticator__isnull=False)
LOOKED_UP = Q(Exists(Authenticator.objects.filter(user=OuterRef("pk"))))


def rows_where(
    holds: Callable[[Facts], bool], now: datetime, enrolled: Q = JOINED, *, also_ended: bool = False
) -> Q:
    """Return a condition on operators: true for those whose facts are such at that moment.

    `holds` must ask for the override in force only (`Facts.override` comes without an end); where it is
    `also_ended`, an override that has ended is one too. `enrolled` is how to find the authenticator: JOINED
    to count everybody, LOOKED_UP to find the first few in some order.
    """
    return _condition(holds, _columns(now, enrolled, also_ended=also_ended), {})


def status_condition(status: Status, rule: AccountRule, now: datetime, enrolled: Q = JOINED) -> Q:
    return rows_where(lambda facts: status_of(facts, facts.effective(rule, now)) is status, now, enrolled)


def perhaps_locked(account: Account) -> QuerySet[Operator, Any]:
    """Return the keys of all that could have the status Locked: few, found without a look at the others."""
    mine = account.operators.order_by().values("pk")
    guessed_at = mine.filter(code_failures__gte=FAILURES_THAT_LOCK)
    return mine.filter(frozen_at__isnull=False).union(guessed_at)


def count_facts(operators: QuerySet[Operator], now: datetime) -> dict[Facts, int]:
    """Return how many of these operators have the same facts, in one query that grows with nothing.

    Whatever there is to count of them, the rules are asked once for each kind.
    """
    columns = _columns(now, JOINED)
    names = {fact: f"fact_{fact}" for fact in columns}
    values = {fact: list(found) for fact, found in columns.items()}
    facts = {
        names[fact]: Case(
            *(When(found[value], then=Value(number)) for number, value in enumerate(values[fact])),
            output_field=IntegerField(),
        )
        for fact, found in columns.items()
    }
    rows = operators.order_by().annotate(**facts).values(*facts).annotate(number=Count("pk"))
    return {
        Facts(**{fact: values[fact][row[name]] for fact, name in names.items()}): row["number"]
        for row in rows
    }


def _columns(now: datetime, enrolled: Q, *, also_ended: bool = False) -> Mapping[str, Mapping[Any, Q]]:
    """Return each fact about an operator: what it can be, and the rows of which it is true."""
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
        # Last, as it is not in the row itself: SQLite asks in this order.
        "enrolled": {True: enrolled, False: ~enrolled},
    }


def _condition(
    holds: Callable[[Facts], bool], columns: Mapping[str, Mapping[Any, Q]], known: dict[str, Any]
) -> Q:
    """Return the condition on what is not known yet; an empty one where the rest makes no difference.

    For `facts.active and not facts.frozen`: `invited` is asked first, and both its values lead to the same
    condition, so that is the answer without a word about `invited`. In it `active` leads to NO_ROW where it
    is False, whatever else is true, and where it is True to what `frozen` says: Q(frozen_at__isnull=True), as
    all after it makes no difference and leads to Q(). In all: Q(is_active=True, frozen_at__isnull=True).
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
