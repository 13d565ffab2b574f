"""When are those reminded who have not set up, without anybody asking? Off, or every so many days."""

import logging
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action
from operators.models.reminder_run import ReminderRun
from operators.reminders import reminding

logger = logging.getLogger(__name__)


def set_schedule(account: Account, days: int | None, by: Origin, *, to_optional: bool) -> bool:
    """Store every how many days there is a round (None: never); return whether that differs from before.

    The first comes when so many days have passed; switching it off ends a round that it has begun.
    """
    given = {"reminder_days": days, "reminders_to_optional": to_optional if days else False}
    due_at = timezone.now() + timedelta(days=days) if days else None
    with transaction.atomic():
        # Held until the end: what the trail calls the old schedule is the one that this one replaces.
        old = in_words(Account.hold(account.pk))
        row = Account.objects.filter(pk=account.pk).exclude(**given)
        if not row.update(**given, reminders_due_at=due_at):
            return False
        account.refresh_from_db(fields=[*given, "reminders_due_at"])
        record(Action.REMINDER_SCHEDULE, by=by, account=account, old=old, new=in_words(account))
        run = ReminderRun.newest(account.pk)
        if days is None and run and run.by_schedule:
            reminding.stop(run, by)
    return True


def begin_scheduled() -> None:
    now = timezone.now()
    due = Account.objects.filter(reminder_days__isnull=False, reminders_due_at__lte=now)
    for account in due.iterator():
        try:
            begin(account, now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # One account that fails must not keep the others waiting; its round stays due.
            logger.exception("The scheduled reminders of account %s could not begin", account.pk)


def begin(account: Account, now: datetime) -> None:
    """Begin the round that is due, and set when the next one is.

    Of several workers one does, and none whose account has changed the schedule meanwhile.
    """
    following = now + timedelta(days=account.reminder_days or 0)
    mine = Account.objects.filter(
        pk=account.pk, reminder_days=account.reminder_days, reminders_due_at=account.reminders_due_at
    )
    # Both or neither: whoever is killed in between leaves the round due.
    with transaction.atomic():
        if mine.update(reminders_due_at=following):
            reminding.start_scheduled(account)


def in_words(account: Account) -> str:
    days = account.reminder_days
    if not days:
        return _("Off")
    words = ngettext("Every %d day", "Every %d days", days) % days
    return f"{words}, {_('also where optional')}" if account.reminders_to_optional else words
