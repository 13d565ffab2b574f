"""Doing one thing to many operators, in a round (accounts.rounds).

- The operators are chosen at the confirmation, by one INSERT … SELECT, however many they are.
- Each is acted upon by the single act's own function, in a savepoint: a failure undoes nothing of others.
- Only the task whose turn it is continues. A round without a heartbeat gets another task.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import BigIntegerField, Case, CharField, F, QuerySet, Value, When
from django.utils import timezone
from django_tasks import task

from accounts import rounds
from accounts.audit.trail import Origin, record
from accounts.models import Account, Action
from operators.bulk.acts import apply_to_one, load_operators, with_reason_left_out
from operators.bulk.invitation_table import Row
from operators.bulk.preview import NUMBERS_AT_ONCE, word_for
from operators.models import Operator
from operators.models.bulk import HEARTBEAT_TIMEOUT, BulkAction, BulkItem

State = BulkAction.State
# Up to so many are done while the person waits for the page, for as long as a page may take.
AT_ONCE = 200
PATIENCE = 5  # seconds
# In one transaction: for longer nobody else should wait to write.
BATCH = 25
KEPT = timedelta(days=30)


class OtherPeopleError(Exception):
    """The selection holds other operators than the preview said, or something else would be done to them."""


def start(operators: QuerySet[Operator], action: BulkAction, *, expected: str, by: Origin) -> BulkAction:
    """Choose the operators and begin; the same form confirmed again returns the same action.

    Raises OtherPeopleError where it would be done to others than in the preview with the word `expected`.
    """

    def choose() -> int:
        _choose(action, operators)
        if word_for(action, _numbers(action)) != expected:
            raise OtherPeopleError
        return action.waiting().count()

    return _start(action, choose, by)


def start_inviting(rows: Iterable[Row], account: Account, *, key: UUID, by: Origin) -> BulkAction:
    """Begin to invite the people of these rows; the same form confirmed again returns the same action."""
    action = BulkAction(account=account, key=key, kind=BulkAction.Kind.INVITE)
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
    return _start(action, lambda: len(BulkItem.objects.bulk_create(items, batch_size=500)), by)


def _start(action: BulkAction, choose: Callable[[], int], by: Origin) -> BulkAction:
    action.asked_by_id, action.asked_by_name, action.address = by.actor_id, by.actor_name, by.address
    action.created_at = action.alive_at = timezone.now()
    try:
        with transaction.atomic():
            action.save()
            number = choose()
            record(Action.BULK_STARTED, by=by, account=action.account, new=f"{action.label} ({number})")
    except IntegrityError:
        return BulkAction.objects.get(account=action.account, key=action.key)
    if number > AT_ONCE:
        continue_round.enqueue(action.pk, action.turn)
    else:
        run_batches(action.pk, action.turn, until=time.monotonic() + PATIENCE)
        action.refresh_from_db()
    return action


def _choose(action: BulkAction, operators: QuerySet[Operator]) -> None:
    """Store one item for each operator, also for those who are left out, by one statement."""
    rows = with_reason_left_out(operators, action)
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


def _numbers(action: BulkAction) -> Iterator[int | None]:
    waiting = action.waiting().order_by("operator_id")
    return waiting.values_list("operator_id", flat=True).iterator(chunk_size=NUMBERS_AT_ONCE)


def find_started(account: Account, key: UUID) -> BulkAction | None:
    return BulkAction.objects.filter(account=account, key=key).first()


@task(priority=-10)  # after the emails: those of one batch leave before the next one makes more
def continue_round(action_id: int, turn: int) -> None:
    run_batches(action_id, turn, until=0)


def run_batches(action_id: int, turn: int, *, until: float = math.inf) -> None:
    """Do one batch after the other, up to that time of the monotonic clock; the queue does the rest."""
    rounds.run(continue_round, _do_batch, action_id, turn, until=until)


def _do_batch(action_id: int, turn: int) -> rounds.Next:
    """Do it to the next operators, in one transaction: a crash undoes all of it, their turn too."""
    with transaction.atomic():
        action = BulkAction.claim(action_id, turn)
        if action is None:
            return None
        requester = _requester(action)
        if requester is None:
            _end(action, State.STOPPED)
            return None
        batch = list(action.waiting().order_by("pk")[:BATCH])
        _apply(action, batch, Origin(requester, action.address))
        if len(batch) < BATCH:
            _end(action, State.DONE)
        # Nothing is kept if they may no longer by now.
        is_undone = _requester(action) is None
        transaction.set_rollback(is_undone)
    if is_undone:
        with transaction.atomic():
            _end(BulkAction.objects.get(pk=action_id), State.STOPPED)
        return None
    return (action.pk, action.turn) if action.is_running else None


def _apply(action: BulkAction, batch: list[BulkItem], by: Origin) -> None:
    load_operators(action, batch)
    items = defaultdict(list)
    # In one order everywhere: no batch waits for another one that waits for it.
    for item in sorted(batch, key=lambda item: (item.operator_id or 0, item.email)):
        items[apply_to_one(action, item, by)].append(item.pk)
    for reason, numbers in items.items():
        state = BulkItem.State.LEFT_OUT if reason else BulkItem.State.DONE
        BulkItem.objects.filter(pk__in=numbers).update(state=state, reason=reason)


def _requester(action: BulkAction) -> Operator | None:
    """Return who has asked for it, as long as they administer the account and can sign in."""
    asked_by = Operator.objects.filter(pk=action.asked_by_id, account=action.account_id)
    requester: Operator | None = asked_by.administrators().with_a_way_in().select_related("account").first()
    return requester


def cancel(action: BulkAction, by: Origin) -> bool:
    with transaction.atomic():
        if not action.end(State.CANCELLED):
            return False
        record(Action.BULK_CANCELLED, by=by, account=action.account, new=action.label)
    return True


def _end(action: BulkAction, state: BulkAction.State) -> None:
    if action.end(state):
        done = action.items.filter(state=BulkItem.State.DONE).count()
        new = f"{action.label} ({done}): {State(state).label}"
        record(Action.BULK_ENDED, by=Origin(), account=action.account, new=new)


def requeue() -> None:
    """Give every round that has lost its task another, with another turn."""
    now = timezone.now()
    stalled = BulkAction.objects.filter(state=State.RUNNING, alive_at__lte=now - HEARTBEAT_TIMEOUT)
    for action in rounds.take_back(stalled.only("turn"), turn=F("turn") + 1, alive_at=now):
        continue_round.enqueue(action.pk, action.turn + 1)


def forget_old() -> None:
    """Delete the actions that ended long ago: their items hold names and addresses."""
    BulkAction.objects.filter(finished_at__lte=timezone.now() - KEPT).delete()
