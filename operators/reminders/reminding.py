"""Who has not set up two-factor authentication, and is asked by mail to do so? Rounds through an account."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import task

from accounts import rounds
from accounts.audit.trail import Origin, record
from accounts.mail.delivery import RenderedEmail, rendered
from accounts.models import Account, Action
from accounts.models.outgoing_mail import OutgoingMail
from operators import emails
from operators.models import Operator, OperatorQuerySet
from operators.models.reminder_run import ReminderRun
from operators.rules.status import Status, status_of
from operators.status.query import rows_where, status_condition

# Nobody is reminded twice in this time, whatever the reason.
EVERY = timedelta(days=1)
BATCH = 100
# After so long without a heartbeat a round has lost its task.
HEARTBEAT_TIMEOUT = timedelta(minutes=5)
# Whom signing in would not lead to setting up.
NOT_ASKED = (Status.INVITED, Status.DEACTIVATED, Status.LOCKED, Status.DISABLED, Status.SINGLE_SIGN_ON)


class AlreadyRunningError(Exception):
    """A round of the account goes on already."""


@dataclass(frozen=True, slots=True)
class Reach:
    now: int
    within_a_day: int
    not_asked: dict[Status, int]


def claim(operator: Operator, now: datetime) -> bool:
    """Take the right to remind an operator today; false where somebody has reminded them within a day.

    Every mail that asks to set up claims first, in the transaction that stores the mail.
    """
    row = Operator.objects.filter(_rested(now), pk=operator.pk)
    return bool(row.update(reminded_at=now))


def reach(account: Account, *, to_optional: bool) -> Reach:
    now = timezone.now()
    wanted = _wanted(account, now, to_optional=to_optional)
    not_asked = {
        status.name: Count("pk", filter=status_condition(status, account.rule, now)) for status in NOT_ASKED
    }
    found: dict[str, int] = Operator.objects.filter(account=account).aggregate(
        wanted=Count("pk", filter=wanted), now=Count("pk", filter=wanted & _rested(now)), **not_asked
    )
    return Reach(
        found["now"],
        found["wanted"] - found["now"],
        {status: found[status.name] for status in NOT_ASKED if found[status.name]},
    )


def emails_to(operator: Operator) -> list[OutgoingMail]:
    """Those that have asked to set up, newest first, as far back as emails are kept: 30 days."""
    # They are not in the audit trail: it would grow by as many entries a day as there are operators.
    if not (operator.reminded_at and operator.joined_at):
        return []
    # Whoever had the address before was somebody else.
    mine = OutgoingMail.objects.filter(
        account=operator.account_id, to=operator.email, created_at__gte=operator.joined_at
    )
    return list(mine.filter(context__asks_to_set_up=True).order_by("-pk"))


def recipients(account: Account, now: datetime, *, to_optional: bool) -> OperatorQuerySet:
    wanted = _wanted(account, now, to_optional=to_optional)
    found: OperatorQuerySet = Operator.objects.filter(wanted, _rested(now), account=account)
    return found


def samples(account: Account, *, to_optional: bool) -> list[RenderedEmail]:
    """One of each wording that goes out, as it will leave."""
    now = timezone.now()
    found = []
    for status in _statuses(to_optional=to_optional):
        condition = status_condition(status, account.rule, now)
        rows = Operator.objects.filter(condition, _rested(now), account=account)
        operator = rows.complete().order_by("pk").first()
        if operator:
            found.append(rendered(emails.REMINDER, operator.email, emails.reminder_context(operator)))
    return found


def start(account: Account, by: Origin, *, to_optional: bool) -> ReminderRun | None:
    """Begin a round; None where there is nobody to remind. Raises AlreadyRunningError."""
    total = recipients(account, timezone.now(), to_optional=to_optional).count()
    if not total:
        return None
    try:
        with transaction.atomic():
            run = ReminderRun.objects.create(
                account=account,
                started_by_id=by.actor_id,
                address=by.address,
                to_optional=to_optional,
                total=total,
            )
    except IntegrityError as error:
        raise AlreadyRunningError from error
    rounds.hand_on(remind, run.pk)
    return run


def start_scheduled(account: Account) -> None:
    with suppress(AlreadyRunningError):
        start(account, Origin(), to_optional=account.reminders_to_optional)


def stop(run: ReminderRun, by: Origin) -> bool:
    """End a round; what is in the queue already still leaves. False where it is over."""
    with transaction.atomic():
        running = ReminderRun.objects.filter(pk=run.pk, state=ReminderRun.State.RUNNING)
        if not running.update(state=ReminderRun.State.STOPPED):
            return False
        run.refresh_from_db()
        text = _("Stopped after %(reminded)d of %(total)d")
        new = text % {"reminded": run.reminded, "total": run.total}
        record(Action.REMINDED, by=by, account=run.account, new=new)
    return True


def requeue() -> None:
    now = timezone.now()
    running = ReminderRun.objects.filter(state=ReminderRun.State.RUNNING)
    for run in rounds.take_back(running.filter(moved_at__lte=now - HEARTBEAT_TIMEOUT), moved_at=now):
        rounds.hand_on(remind, run.pk)


@task()
def remind(run_id: int) -> None:
    rounds.run(remind, _remind_batch, run_id)


def _remind_batch(run_id: int) -> rounds.Next:
    """Remind the next operators: all or, after a crash, none of them."""
    with transaction.atomic():
        now = timezone.now()
        # Holds the row until the end: a second task for the same round waits here, and goes on after it.
        running = ReminderRun.objects.filter(pk=run_id, state=ReminderRun.State.RUNNING)
        if not running.update(moved_at=now):
            return None
        run = ReminderRun.objects.select_related("account", "started_by").get(pk=run_id)
        people = recipients(run.account, now, to_optional=run.to_optional).complete()
        batch = list(people.filter(pk__gt=run.reached).order_by("pk")[:BATCH])
        run.reminded += sum(_remind(operator, now) for operator in batch)
        run.reached = batch[-1].pk if batch else run.reached
        if len(batch) < BATCH:
            run.state = ReminderRun.State.DONE
            by = Origin(run.started_by, run.address)
            record(Action.REMINDED, by=by, account=run.account, new=str(run.reminded))
        run.save(update_fields=["reminded", "reached", "state"])
    return (run.pk,) if run.is_running else None


def _remind(operator: Operator, now: datetime) -> bool:
    if not claim(operator, now):
        return False
    emails.reminder(operator)
    return True


def _rested(now: datetime) -> Q:
    return Q(reminded_at=None) | Q(reminded_at__lte=now - EVERY)


def _statuses(*, to_optional: bool) -> tuple[Status, ...]:
    return (Status.REQUIRED, Status.OPTIONAL) if to_optional else (Status.REQUIRED,)


def _wanted(account: Account, now: datetime, *, to_optional: bool) -> Q:
    statuses = _statuses(to_optional=to_optional)
    return rows_where(lambda facts: status_of(facts, facts.effective(account.rule, now)) in statuses, now)
