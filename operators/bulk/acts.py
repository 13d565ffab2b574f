"""What does each bulk action do, and whom does it leave out? Preview, selection and work all ask here."""

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import Account
from accounts.policy import Override, Policy, is_exception
from invitations import emails, invite, mail_limits
from invitations.models import HOUR, MAILS_PER_HOUR, MINUTE, Link, TooSoonError
from operators.administrators import LastAdministratorError
from operators.groups import groups
from operators.models import Group, Membership, Operator
from operators.models.bulk import BulkAction, BulkItem, Reason
from operators.overrides.override import override_fields, set_override
from operators.people import adding, address_tries, removal
from operators.people.address_tries import ElsewhereError, TakenError, TooManyTriesError
from operators.people.reset import NotEnrolledError, reset
from operators.rules.next_step import NextStep, next_step
from operators.rules.status import Facts
from operators.status.query import NO_ROW, rows_where
from twofactor.vault import SecretUnreadableError

logger = logging.getLogger(__name__)

Kind = BulkAction.Kind
OVERRIDES: dict[str, str] = {
    Kind.OVERRIDE_REQUIRED: Policy.REQUIRED,
    Kind.OVERRIDE_OPTIONAL: Policy.OPTIONAL,
    Kind.OVERRIDE_DISABLED: Policy.DISABLED,
    Kind.NO_OVERRIDE: "",
}
# Why somebody is left out, and the rows of which that is true at a moment.
Rule: TypeAlias = tuple[Reason, Callable[[BulkAction, datetime], Q]]


class LeftOutError(Exception):
    """The operator is left out, for this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


# What the single act's own functions raise.
REFUSALS: dict[type[Exception], Reason] = {
    LastAdministratorError: Reason.LAST_ADMINISTRATOR,
    TooSoonError: Reason.TOO_SOON,
    NotEnrolledError: Reason.NOT_ENROLLED,
    Group.DoesNotExist: Reason.GROUP_GONE,
    TakenError: Reason.TAKEN,
    ElsewhereError: Reason.UNAVAILABLE,
    TooManyTriesError: Reason.TOO_MANY,
    SecretUnreadableError: Reason.FAILED,
}


# Whom an action leaves out


def _where(reason: Reason, holds: Callable[[Facts], bool]) -> Rule:
    return reason, lambda _action, now: rows_where(holds, now)


def _has_this_override(action: BulkAction, now: datetime) -> Q:
    # An exception gets a reason and a last day, which may differ from those that it has.
    if makes_exceptions(action.kind, action.account, now):
        return NO_ROW
    return rows_where(lambda facts: facts.override.policy == OVERRIDES[action.kind], now)


def _needs_no_link(action: BulkAction, now: datetime) -> Q:
    def holds(facts: Facts) -> bool:
        step = next_step(facts.effective(action.account.rule, now), enrolled=facts.enrolled)
        return step not in (NextStep.SETUP_LINK, NextStep.OFFER)

    return rows_where(holds, now)


def _is_member(action: BulkAction, _now: datetime) -> Q:
    return Q(Exists(Membership.objects.filter(operator=OuterRef("pk"), group=action.group)))


def _mailed_just_now(purpose: Link.Purpose) -> Rule:
    """The limits of `Link.reserve` allow no further email yet."""

    def rows(_action: BulkAction, now: datetime) -> Q:
        links = Link.objects.filter(user=OuterRef("pk"), purpose=purpose, nonce=OuterRef("session_nonce"))
        this_minute = Q(sent_at__gt=now - MINUTE)
        this_hour = Q(hour_started_at__gt=now - HOUR, sent_in_hour__gte=MAILS_PER_HOUR)
        return Q(Exists(links.filter(this_minute | this_hour)))

    return Reason.TOO_SOON, rows


# Where it would shut out whoever asks, or takes another proof.
YOURSELF: Rule = (Reason.YOURSELF, lambda action, _now: Q(pk=action.asked_by_id))
INVITED = _where(Reason.INVITED, lambda facts: facts.invited)
SINGLE_SIGN_ON = _where(Reason.SINGLE_SIGN_ON, lambda facts: facts.single_sign_on)


# What is done to one operator: each returns whether that changed anything


def _override(action: BulkAction, item: BulkItem, by: Origin) -> bool:
    policy = OVERRIDES[action.kind]
    return set_override(item.operator, policy, by, reason=action.reason, until=action.until)


def _reset(action: BulkAction, item: BulkItem, by: Origin) -> bool:
    reset(item.operator, by, action.reason)
    return True


def _send_setup_link(_action: BulkAction, item: BulkItem, by: Origin) -> bool:
    emails.setup_link(item.operator, by, "", at_login=False)
    return True


def _resend_invitation(_action: BulkAction, item: BulkItem, by: Origin) -> bool:
    invite.send(item.operator, by)
    return True


def _deactivate(_action: BulkAction, item: BulkItem, by: Origin) -> bool:
    return removal.deactivate(item.operator, by)


def _add_to_group(action: BulkAction, item: BulkItem, by: Origin) -> bool:
    if action.group is None:
        raise LeftOutError(Reason.GROUP_GONE)
    return groups.add_member(action.group, item.operator, by)


def _invite(action: BulkAction, item: BulkItem, by: Origin) -> bool:
    data = item.data or {}
    wanted = Group.objects.filter(account=action.account_id, pk__in=data["groups"])
    chosen = list(wanted.exclude(kind=Group.Kind.EVERYONE))
    if len(chosen) != len(set(data["groups"])):
        raise LeftOutError(Reason.GROUP_GONE)
    until = datetime.fromisoformat(data["until"]) if data["until"] else None
    override = override_fields(data["override"], by, reason=data["reason"], until=until)
    operator = Operator(account=action.account, name=item.name, email=item.email, **override)
    adding.make_invited(operator)
    adding.store(operator, chosen, by)
    BulkItem.objects.filter(pk=item.pk).update(operator_id=operator.pk)
    invite.send(operator, by)
    return True


@dataclass(frozen=True, slots=True)
class Act:
    do: Callable[[BulkAction, BulkItem, Origin], bool]
    left_out: tuple[Rule, ...] = ()


ACTS: dict[str, Act] = {
    **dict.fromkeys(OVERRIDES, Act(_override, (SINGLE_SIGN_ON, (Reason.ALREADY, _has_this_override)))),
    Kind.RESET: Act(_reset, (YOURSELF, _where(Reason.NOT_ENROLLED, lambda facts: not facts.enrolled))),
    Kind.SETUP_LINK: Act(
        _send_setup_link,
        (
            INVITED,
            _where(Reason.DEACTIVATED, lambda facts: not facts.active),
            _where(Reason.FROZEN, lambda facts: facts.frozen),
            SINGLE_SIGN_ON,
            _where(Reason.ENROLLED, lambda facts: facts.enrolled),
            (Reason.NOT_REQUIRED, _needs_no_link),
            _mailed_just_now(Link.Purpose.SETUP),
        ),
    ),
    Kind.RESEND: Act(
        _resend_invitation,
        (
            _where(Reason.JOINED, lambda facts: not facts.invited),
            _mailed_just_now(Link.Purpose.INVITATION),
        ),
    ),
    Kind.DEACTIVATE: Act(
        _deactivate, (YOURSELF, INVITED, _where(Reason.ALREADY, lambda facts: not facts.active))
    ),
    Kind.GROUP: Act(_add_to_group, ((Reason.ALREADY, _is_member),)),
    Kind.INVITE: Act(_invite),
}


def makes_exceptions(kind: str, account: Account, now: datetime) -> bool:
    return is_exception(account.rule, Override(OVERRIDES.get(kind, "")), now)


def with_reason_left_out(operators: QuerySet[Operator], action: BulkAction) -> QuerySet[Any]:
    """Add `left_out` to each operator: the first reason that holds, "" for those to whom it is done."""
    now = timezone.now()
    rules = [(reason, rows(action, now)) for reason, rows in ACTS[action.kind].left_out]
    # Django takes no empty condition here; this one holds for every row, too.
    whens = [When(condition or Q(pk__isnull=False), then=Value(reason.value)) for reason, condition in rules]
    return operators.annotate(left_out=Case(*whens, default=Value(""), output_field=CharField()))


def load_operators(action: BulkAction, items: Iterable[BulkItem]) -> None:
    """Give each item its operator, as they are now, with a reason that has come up since they were chosen."""
    numbers = [item.operator_id for item in items if item.operator_id]
    operators = Operator.objects.complete().filter(account=action.account_id, pk__in=numbers)
    found = {operator.pk: operator for operator in with_reason_left_out(operators, action)}
    for item in items:
        item.operator = found.get(item.operator_id)


def apply_to_one(action: BulkAction, item: BulkItem, by: Origin) -> str:
    """Do it to one operator, wholly or not at all; return why it is not done, or ""."""
    try:
        with _counted(action, item, by), transaction.atomic():
            _apply(action, item, by)
    except LeftOutError as error:
        return error.reason
    except tuple(REFUSALS) as error:
        return next(reason for kind, reason in REFUSALS.items() if isinstance(error, kind))
    except (OperationalError, InterfaceError):
        raise  # the database is gone or busy: the batch waits for its next turn
    except Exception:
        # One operator whose data is damaged must not keep the others waiting.
        logger.exception("Bulk action %s failed for operator %s", action.pk, item.operator_id)
        return Reason.FAILED
    return ""


def _counted(action: BulkAction, item: BulkItem, by: Origin) -> AbstractContextManager[None]:
    """Goes around the savepoint: what limits count or refuse is noted although the act is undone."""
    if action.kind == Kind.INVITE:
        return address_tries.count_attempt(action.account, by)
    if item.operator is not None and action.kind in {Kind.SETUP_LINK, Kind.RESEND}:
        return mail_limits.record_refusals(item.operator, by)
    return nullcontext()


def _apply(action: BulkAction, item: BulkItem, by: Origin) -> None:
    if action.kind != Kind.INVITE:
        if item.operator is None:
            raise LeftOutError(Reason.GONE)
        if item.operator.left_out:
            raise LeftOutError(item.operator.left_out)
    if not ACTS[action.kind].do(action, item, by):
        raise LeftOutError(Reason.ALREADY)
