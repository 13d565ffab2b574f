"""Whom does a change of the account's policy affect? Counts and first names; loads no operators else."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts.models import Account
from accounts.outgoing import OutgoingMail
from accounts.policy import AccountRule
from operators.models import Operator
from operators.policy_change import Change, Group
from operators.status_filter import rows_where

FIRST = 5
# Not one of the groups: those of MUST_SET_UP whose newest email has failed.
NO_MAIL = "no-mail"


@dataclass(frozen=True, slots=True)
class Preview:
    """How many operators are in each group, and a few of them."""

    change: Change
    counts: dict[str, int]
    first: dict[str, list[Operator]]

    @property
    def fingerprint(self) -> str:
        """A word for all that was shown: another rule or another number makes another one."""
        rules = [_plain(self.change.old), _plain(self.change.new)]
        shown = json.dumps([rules, sorted(self.counts.items())])
        return hashlib.sha256(shown.encode()).hexdigest()


def _plain(rule: AccountRule) -> list[str]:
    """Return a rule as text."""
    return [rule.policy, rule.required_from.isoformat() if rule.required_from else ""]


def preview_of(account: Account, change: Change) -> Preview:
    """Return the preview: a query for the numbers, and one for the first names of each group."""
    conditions = _conditions(account, change)
    numbers = {
        name.replace("-", "_"): Count("pk", filter=condition) for name, condition in conditions.items()
    }
    found = Operator.objects.filter(account=account).aggregate(**numbers)
    counts = {name: found[name.replace("-", "_")] for name in conditions}
    first = {name: list(_named(account, conditions[name])[:FIRST]) for name, count in counts.items() if count}
    return Preview(change, counts, first)


def people_in(account: Account, change: Change, group: str) -> QuerySet[Operator]:
    """Return all operators of a group by name."""
    return _named(account, _conditions(account, change)[group])


def _named(account: Account, condition: Q) -> QuerySet[Operator]:
    """Return those operators, with no more than a list of names needs."""
    rows: QuerySet[Operator] = Operator.objects.filter(condition, account=account)
    return rows.order_by("name_key", "pk").only("pk", "name", "email")


def _conditions(account: Account, change: Change) -> dict[str, Q]:
    """Return for each group which rows are in it; the pure decision itself is asked."""
    group_of = cache(change.group_of)
    groups = {
        group.value: rows_where(lambda facts, group=group: group_of(facts) is group, change.then)  # type: ignore[misc]
        for group in Group
    }
    return {**groups, NO_MAIL: groups[Group.MUST_SET_UP] & Q(email__in=_addresses_that_fail(account))}


def _addresses_that_fail(account: Account) -> QuerySet[OutgoingMail, str]:
    """Return the addresses whose newest email with an outcome could not be sent."""
    newer = OutgoingMail.objects.filter(
        account=account, to=OuterRef("to"), pk__gt=OuterRef("pk"), state=OutgoingMail.State.SENT
    )
    failed = OutgoingMail.objects.filter(account=account, state__in=OutgoingMail.FAILURES)
    return failed.filter(~Exists(newer)).values_list("to", flat=True)
