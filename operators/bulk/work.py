"""Doing one thing to many operators: each in a transaction of its own, gone on with after a crash.

- The rows of operators are chosen at the confirmation, by one INSERT … SELECT, however many they are.
- Each operator is claimed by a conditional UPDATE in the transaction in which the single act's own function
  does it: a crash undoes both, and nothing is done twice, whoever works on it.
- Only who holds the turn goes on. A turn that nobody has used for a while is given away again.
"""

import logging
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import BigIntegerField, Case, CharField, F, QuerySet, Value, When
from django.utils import timezone
from django_tasks import task

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action
from invitations import invite, setup_link
from invitations.models import TooSoonError
from operators.administrators import LastAdministratorError
from operators.bulk.invitation_table import Row
from operators.bulk.rules import NUMBERS_AT_ONCE, OVERRIDES, judged, word_for
from operators.groups import groups
from operators.models import Group, Operator
from operators.models.bulk import SILENCE, BulkAction, BulkItem, Reason
from operators.overrides.override import override_fields, set_override
from operators.people import adding, address_tries, removal
from operators.people.address_tries import ElsewhereError, TakenError, TooManyTriesError
from operators.people.reset import NotEnrolledError, reset
from twofactor.vault import SecretUnreadableError

logger = logging.getLogger(__name__)

Kind, State = BulkAction.Kind, BulkAction.State
# Up to so many are done while the person waits for the page, for as long as a page may take.
AT_ONCE = 200
PATIENCE = 5  # seconds
PORTION = 25
KEPT = timedelta(days=30)
REASONS: dict[type[Exception], Reason] = {
    LastAdministratorError: Reason.LAST_ADMINISTRATOR,
    TooSoonError: Reason.TOO_SOON,
    NotEnrolledError: Reason.NOT_ENROLLED,
    Group.DoesNotExist: Reason.GROUP_GONE,
    TakenError: Reason.TAKEN,
    ElsewhereError: Reason.UNAVAILABLE,
    TooManyTriesError: Reason.TOO_MANY,
    SecretUnreadableError: Reason.FAILED,
}


class OtherPeopleError(Exception):
    """The selection holds other operators than the preview said, or something else would be done to them."""


class LeftOutError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


def start(  # noqa: PLR0913  what a bulk action consists of
    operators: QuerySet[Operator],
    account: Account,
    *,
    kind: str,
    group: Group | None,
    reason: str,
    until: datetime | None = None,
    key: UUID,
    expected: str,
    by: Origin,
) -> BulkAction:
    """Choose the operators and begin; the same form confirmed again returns the same action.

    Raises OtherPeopleError where it would be done to others than in the preview with the word `expected`.
    """
    now = timezone.now()
    action = BulkAction(
        account=account,
        key=key,
        kind=kind,
        group=group,
        reason=reason,
        until=until,
        created_at=now,
        alive_at=now,
    )
    action.asked_by, action.asked_by_name, action.address = by.actor, str(by.actor), by.address
    try:
        with transaction.atomic():
            action.save()
            _choose(action, operators)
            if word_for(kind, group, account, _numbers(action)) != expected:
                raise OtherPeopleError
            number = action.items.filter(state=BulkItem.State.WAITING).count()
            record(Action.BULK_STARTED, by=by, account=account, new=f"{action.label} ({number})")
    except IntegrityError:
        return BulkAction.objects.get(account=account, key=key)
    _begin(action, number)
    return action


def _numbers(action: BulkAction) -> Iterator[int | None]:
    """Return the numbers of those to whom it is done, in their order, as they are read."""
    waiting = action.items.filter(state=BulkItem.State.WAITING).order_by("operator_id")
    return waiting.values_list("operator_id", flat=True).iterator(chunk_size=NUMBERS_AT_ONCE)


def _choose(action: BulkAction, operators: QuerySet[Operator]) -> None:
    """Store one item for each operator, also for those who are left out, by one statement."""
    rows = judged(operators, action.kind, action.group, action.account, action.asked_by_id)
    state = Case(
        When(left_out="", then=Value(BulkItem.State.WAITING.value)),
        default=Value(BulkItem.State.LEFT_OUT.value),
        output_field=CharField(),
    )
    rows = rows.order_by().annotate(of=Value(action.pk, output_field=BigIntegerField()), item_state=state)
    chosen = rows.values_list("of", "pk", "name", "email", "item_state", "left_out")
    select, parameters = chosen.query.sql_with_params()
    columns = "action_id, operator_id, name, email, state, reason"
    with connection.cursor() as cursor:
        # The ORM has no INSERT … SELECT; both statements are its own.
        cursor.execute(f"INSERT INTO {BulkItem._meta.db_table} ({columns}) {select}", parameters)


def start_inviting(rows: Iterable[Row], account: Account, *, key: UUID, by: Origin) -> BulkAction:
    """Begin to invite the people of these rows; the same form confirmed again returns the same action."""
    now = timezone.now()
    action = BulkAction(account=account, key=key, kind=Kind.INVITE, created_at=now, alive_at=now)
    action.asked_by, action.asked_by_name, action.address = by.actor, str(by.actor), by.address
    items = [
        BulkItem(
            action=action,
            name=row.name,
            email=row.email,
            data={
                "groups": row.groups,
                "override": row.override,
                "reason": row.reason,
                "until": row.until and row.until.isoformat(),
            },
        )
        for row in rows
    ]
    try:
        with transaction.atomic():
            action.save()
            BulkItem.objects.bulk_create(items, batch_size=500)
            record(Action.BULK_STARTED, by=by, account=account, new=f"{action.label} ({len(items)})")
    except IntegrityError:
        return BulkAction.objects.get(account=account, key=key)
    _begin(action, len(items))
    return action


def begun(account: Account, key: UUID) -> BulkAction | None:
    """Return the action that a form has begun already."""
    return BulkAction.objects.filter(account=account, key=key).first()


def _begin(action: BulkAction, number: int) -> None:
    """Do a few at once, and leave more to the worker."""
    if number > AT_ONCE:
        go_on.enqueue(action.pk, action.turn)
        return
    work(action.pk, action.turn, until=time.monotonic() + PATIENCE)
    action.refresh_from_db()


@task(priority=-10)  # after the emails: those of one portion leave before the next one makes more
def go_on(action_id: int, turn: int) -> None:
    """Do a portion, and put the next one into the queue; without a queue do all of it."""
    if not go_on.get_backend().supports_defer:
        work(action_id, turn)
        return
    action = BulkAction.take_turn(action_id, turn)
    if action and _portion(action):
        go_on.enqueue(action.pk, action.turn)


def work(action_id: int, turn: int, until: float = math.inf) -> None:
    """Do all portions one after the other; what is left at that time (of the monotonic clock) is a task."""
    action = BulkAction.take_turn(action_id, turn)
    while action and _portion(action):
        if time.monotonic() > until:
            go_on.enqueue(action.pk, action.turn)
            return
        action = BulkAction.take_turn(action.pk, action.turn)


def _portion(action: BulkAction) -> bool:
    """Do the next operators; return whether there is more to do."""
    for item in action.items.filter(state=BulkItem.State.WAITING).order_by("pk")[:PORTION]:
        actor = _who_may(action)
        if actor is None:
            _end(action, State.STOPPED)
            return False
        do(action, item, Origin(actor, action.address))
    if action.items.filter(state=BulkItem.State.WAITING).exists():
        return BulkAction.objects.filter(pk=action.pk, state=State.RUNNING).exists()
    _end(action, State.DONE)
    return False


def _who_may(action: BulkAction) -> Operator | None:
    """Return who has asked for it, as long as they administer the account and can sign in."""
    mine = Operator.objects.filter(pk=action.asked_by_id, account=action.account_id)
    found: Operator | None = mine.administrators().with_a_way_in().select_related("account").first()
    return found


def do(action: BulkAction, item: BulkItem, by: Origin) -> None:
    """Do it to one operator, once, wholly or not at all; note why where it is not done."""
    # Around the transaction: what is undone in there must stay counted.
    counting = address_tries.counted(action.account, by) if action.kind == Kind.INVITE else nullcontext()
    try:
        with counting, transaction.atomic():
            if item.claim():
                _do_claimed(action, item, by)
    except LeftOutError as error:
        item.leave_out(error.reason)
    except tuple(REASONS) as error:
        item.leave_out(REASONS[type(error)])
    except (OperationalError, InterfaceError):
        raise  # the database is gone or busy: the item waits for the next turn
    except Exception:
        # One operator whose data is damaged must not keep the others waiting.
        logger.exception("Bulk action %s failed for operator %s", action.pk, item.operator_id)
        item.leave_out(Reason.FAILED)


def _do_claimed(action: BulkAction, item: BulkItem, by: Origin) -> None:
    """Act upon the operator, or invite the person."""
    if action.kind == Kind.INVITE:
        _invite(action, item, by)
    else:
        _act(action, _operator(action, item), by)


def _invite(action: BulkAction, item: BulkItem, by: Origin) -> None:
    data = item.data or {}
    wanted = Group.objects.filter(account=action.account_id, pk__in=data["groups"])
    found = list(wanted.exclude(kind=Group.Kind.EVERYONE))
    if len(found) != len(set(data["groups"])):
        raise LeftOutError(Reason.GROUP_GONE)
    until = datetime.fromisoformat(data["until"]) if data["until"] else None
    override = override_fields(data["override"], by, reason=data["reason"], until=until)
    operator = Operator(account=action.account, name=item.name, email=item.email, **override)
    adding.make_invited(operator)
    adding.store(operator, found, by)
    BulkItem.objects.filter(pk=item.pk).update(operator_id=operator.pk)
    invite.send(operator, by)


def _operator(action: BulkAction, item: BulkItem) -> Operator:
    """Return the operator as they are now; raises LeftOutError where a reason has come up since."""
    mine = Operator.objects.complete().filter(account=action.account_id, pk=item.operator_id)
    found = judged(mine, action.kind, action.group, action.account, action.asked_by_id).first()
    if found is None:
        raise LeftOutError(Reason.GONE)
    if found.left_out:
        raise LeftOutError(found.left_out)
    operator: Operator = found
    return operator


def _act(action: BulkAction, operator: Operator, by: Origin) -> None:
    """Do what the single act does; raises what it raises, and LeftOutError where it changed nothing."""
    kind = action.kind
    if kind in OVERRIDES:
        changed = set_override(operator, OVERRIDES[kind], by, reason=action.reason, until=action.until)
    elif kind == Kind.GROUP:
        changed = _add_to(action.group, operator, by)
    elif kind == Kind.DEACTIVATE:
        changed = removal.deactivate(operator, by)
    else:
        changed = _mail(action, operator, by)
    if not changed:
        raise LeftOutError(Reason.ALREADY)


def _add_to(group: Group | None, operator: Operator, by: Origin) -> bool:
    """Add to the group, if it is still there."""
    if group is None:
        raise LeftOutError(Reason.GROUP_GONE)
    return groups.add_member(group, operator, by)


def _mail(action: BulkAction, operator: Operator, by: Origin) -> bool:
    """Do what sends an email; how that goes is told on the operator's page."""
    if action.kind == Kind.RESET:
        reset(operator, by, action.reason)
    elif action.kind == Kind.RESEND:
        invite.send(operator, by)
    elif setup_link.send(operator, by):
        raise LeftOutError(Reason.TOO_SOON)
    return True


def cancel(action: BulkAction, by: Origin) -> bool:
    """Leave undone what is not done yet; return whether it was running."""
    with transaction.atomic():
        if not action.end(State.CANCELLED):
            return False
        record(Action.BULK_CANCELLED, by=by, account=action.account, new=action.label)
    return True


def _end(action: BulkAction, state: BulkAction.State) -> None:
    """Store how it ended, and say so in the audit trail; once."""
    with transaction.atomic():
        if action.end(state):
            done = action.items.filter(state=BulkItem.State.DONE).count()
            new = f"{action.label} ({done}): {State(state).label}"
            record(Action.BULK_ENDED, by=Origin(), account=action.account, new=new)


def requeue() -> None:
    """Give away again the turn of every action on which nobody has worked for a while."""
    now = timezone.now()
    lost = BulkAction.objects.filter(state=State.RUNNING, alive_at__lte=now - SILENCE)
    for action in [action for action in lost.only("pk", "turn") if _take_back(action, now)]:
        go_on.enqueue(action.pk, action.turn + 1)


def _take_back(action: BulkAction, now: datetime) -> bool:
    """Make the turn of a lost action void; true for one caller only."""
    same = BulkAction.objects.filter(pk=action.pk, state=State.RUNNING, turn=action.turn)
    return bool(same.update(turn=F("turn") + 1, alive_at=now))


def forget_old() -> None:
    """Delete the actions that ended long ago: their items hold names and addresses."""
    BulkAction.objects.filter(finished_at__lte=timezone.now() - KEPT).delete()
