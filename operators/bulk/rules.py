"""Who is left out of a bulk action, and why? The preview, the selection and the work itself ask here."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from accounts.models import Account
from accounts.policy import Override, Policy, is_exception
from invitations.models import HOUR, MAILS_PER_HOUR, MINUTE, Link
from operators.models import Group, Membership, Operator
from operators.models.bulk import BulkAction, Reason
from operators.rules.fingerprint import fingerprint
from operators.rules.next_step import NextStep, next_step
from operators.rules.status import Facts
from operators.status.query import rows_where

Kind = BulkAction.Kind
OVERRIDES: dict[str, str] = {
    Kind.OVERRIDE_REQUIRED: Policy.REQUIRED,
    Kind.OVERRIDE_OPTIONAL: Policy.OPTIONAL,
    Kind.OVERRIDE_DISABLED: Policy.DISABLED,
    Kind.NO_OVERRIDE: "",
}
Rules = list[tuple[Reason, Q]]
NUMBERS_AT_ONCE = 10_000  # of operators, in memory while all of them are read


def makes_exceptions(kind: str, account: Account, now: datetime) -> bool:
    """Return whether it asks less of operators than the account asks of others: that takes a reason."""
    return is_exception(account.rule, Override(OVERRIDES.get(kind, "")), now)


def judged(
    operators: QuerySet[Operator], kind: str, group: Group | None, account: Account, actor_id: int | None
) -> QuerySet[Any]:
    """Add `left_out` to each operator: the first reason that holds, "" for those to whom it is done."""
    now = timezone.now()
    rules = [*_about_self(kind, actor_id), *_rules(kind, group, account, now)]
    # Django takes no empty condition here; this one holds for every row, too.
    whens = [When(condition or Q(pk__isnull=False), then=Value(reason.value)) for reason, condition in rules]
    return operators.annotate(left_out=Case(*whens, default=Value(""), output_field=CharField()))


def word_for(kind: str, group: Group | None, account: Account, numbers: Iterable[int | None]) -> str:
    """Return a word for what is done, under which setting, and to whom (numbers, ascending)."""
    return fingerprint([kind, group and group.pk, account.two_factor_policy], numbers)


def _about_self(kind: str, actor_id: int | None) -> Rules:
    """Leave out whoever asks, where it would shut them out or takes another proof."""
    return [(Reason.YOURSELF, Q(pk=actor_id))] if kind in (Kind.RESET, Kind.DEACTIVATE) else []


def _rules(kind: str, group: Group | None, account: Account, now: datetime) -> Rules:
    """Return the reasons of this kind in their order."""

    def who(holds: Callable[[Facts], bool]) -> Q:
        return rows_where(holds, now)

    def needs_no_link(facts: Facts) -> bool:
        step = next_step(facts.effective(account.rule, now), enrolled=facts.enrolled)
        return step not in (NextStep.SETUP_LINK, NextStep.OFFER)

    def single_sign_on() -> tuple[Reason, Q]:
        return Reason.SINGLE_SIGN_ON, who(lambda facts: facts.single_sign_on)

    def invited() -> tuple[Reason, Q]:
        return Reason.INVITED, who(lambda facts: facts.invited)

    if kind in OVERRIDES:
        # An exception gets a reason and a last day, which may differ from those that it has.
        renewed = makes_exceptions(kind, account, now)
        already = who(lambda facts: facts.override.policy == OVERRIDES[kind] and not renewed)
        return [single_sign_on(), (Reason.ALREADY, already)]
    # Functions, as each operator of an action is judged anew: only the conditions of this kind are made.
    rules: dict[str, Callable[[], Rules]] = {
        Kind.RESET: lambda: [(Reason.NOT_ENROLLED, who(lambda facts: not facts.enrolled))],
        Kind.SETUP_LINK: lambda: [
            invited(),
            (Reason.DEACTIVATED, who(lambda facts: not facts.active)),
            (Reason.FROZEN, who(lambda facts: facts.frozen)),
            single_sign_on(),
            (Reason.ENROLLED, who(lambda facts: facts.enrolled)),
            (Reason.NOT_REQUIRED, who(needs_no_link)),
            (Reason.TOO_SOON, _mailed_just_now(Link.Purpose.SETUP, now)),
        ],
        Kind.RESEND: lambda: [
            (Reason.JOINED, who(lambda facts: not facts.invited)),
            (Reason.TOO_SOON, _mailed_just_now(Link.Purpose.INVITATION, now)),
        ],
        Kind.DEACTIVATE: lambda: [invited(), (Reason.ALREADY, who(lambda facts: not facts.active))],
        Kind.GROUP: lambda: [
            (Reason.ALREADY, Q(Exists(Membership.objects.filter(operator=OuterRef("pk"), group=group))))
        ],
    }
    return rules[kind]()


def _mailed_just_now(purpose: Link.Purpose, now: datetime) -> Q:
    """Return for whom the limits of `Link.reserve` allow no further email yet."""
    mine = Link.objects.filter(user=OuterRef("pk"), purpose=purpose, nonce=OuterRef("session_nonce"))
    this_minute = Q(sent_at__gt=now - MINUTE)
    this_hour = Q(hour_started_at__gt=now - HOUR, sent_in_hour__gte=MAILS_PER_HOUR)
    return Q(Exists(mine.filter(this_minute | this_hour)))
