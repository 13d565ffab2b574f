"""Counts whom a new account policy affects, and names the first few; no other operators are loaded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Value, When

from accounts.models import Account
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import AccountRule
from operators.models import Operator
from operators.rules.fingerprint import fingerprint
from operators.rules.policy_change import Change, Effect
from operators.status.query import rows_where

FIRST = 5
AT_ONCE = 10_000  # ids held in memory at once
# Not an effect of its own: those of MUST_SET_UP whose newest email failed.
NO_MAIL = "no-mail"


@dataclass(frozen=True, slots=True)
class Preview:
    """The size of each group, its first few operators, and a fingerprint of everyone in it and both rules."""

    change: Change
    counts: dict[str, int]
    first: dict[str, list[Operator]]
    fingerprint: str


def _plain(rule: AccountRule) -> list[str]:
    return [rule.policy, rule.required_from.isoformat() if rule.required_from else ""]


def preview_of(account: Account, change: Change) -> Preview:
    conditions = _conditions(account, change)
    counts = dict.fromkeys(conditions, 0)
    rules = [*_plain(change.old), *_plain(change.new)]
    digest = fingerprint(rules, _count_by_group(account, conditions, counts))
    first = {
        name: list(_by_name(account, conditions[name])[:FIRST]) for name, count in counts.items() if count
    }
    return Preview(change, counts, first, digest)


def _count_by_group(
    account: Account, conditions: Mapping[str, Q], counts: dict[str, int]
) -> Iterator[tuple[int, str]]:
    """Yield each operator's id and group, and add up `counts`; those of NO_MAIL come again, last."""
    everybody = Operator.objects.filter(account=account).order_by("pk")
    whens = [When(conditions[effect], then=Value(effect.value)) for effect in Effect]
    rows = everybody.annotate(group=Case(*whens, output_field=CharField()))
    unreached = everybody.filter(conditions[NO_MAIL]).values_list("pk", Value(NO_MAIL))
    for rows_read in (rows.values_list("pk", "group"), unreached):
        for pk, group in rows_read.iterator(chunk_size=AT_ONCE):
            counts[group] += 1
            yield pk, group


def people_in(account: Account, change: Change, group: str) -> QuerySet[Operator]:
    return _by_name(account, _conditions(account, change)[group])


def _by_name(account: Account, condition: Q) -> QuerySet[Operator]:
    rows: QuerySet[Operator] = Operator.objects.filter(condition, account=account)
    return rows.order_by("name_key", "pk").only("pk", "name", "email")


def _conditions(account: Account, change: Change) -> dict[str, Q]:
    """The condition of each group, made from the answers of the pure decision."""
    effect_on = cache(change.effect_on)
    groups = {
        effect.value: rows_where(lambda facts, effect=effect: effect_on(facts) is effect, change.then)  # type: ignore[misc]
        for effect in Effect
    }
    return {**groups, NO_MAIL: groups[Effect.MUST_SET_UP] & Q(email__in=_addresses_that_fail(account))}


def _addresses_that_fail(account: Account) -> QuerySet[OutgoingMail, str]:
    """Addresses whose newest email failed; emails still waiting do not count."""
    newer = OutgoingMail.objects.filter(
        account=account, to=OuterRef("to"), pk__gt=OuterRef("pk"), state=OutgoingMail.State.SENT
    )
    failed = OutgoingMail.objects.filter(account=account, state__in=OutgoingMail.FAILURES)
    return failed.filter(~Exists(newer)).values_list("to", flat=True)
