"""Who is told that an exception ends soon? Each operator once for each end date, a week ahead."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.days import announced_day
from accounts.policy import Effective, Override, effective_policy
from operators import emails
from operators.models import Operator
from operators.rules.next_step import NextStep, next_step

# One that is made later than so long before its end is told of within the hour.
AHEAD = timedelta(days=7)
BATCH = 200


def tell_ahead() -> int:
    """Mail those whose exception ends within a week and who have not been told; return how many.

    Called by the worker (PERIODIC_TASKS); whoever cannot sign in is told as soon as they can.
    """
    now, told, last = timezone.now(), 0, 0
    while batch := list(_soon(now).filter(pk__gt=last).order_by("pk")[:BATCH]):
        told += sum(_tell(operator) for operator in batch if operator.is_exception)
        last = batch[-1].pk
    return told


def what_then(operator: Operator) -> str:
    """Return what the sign-in asks for once the exception is over; the decision is that of sign-in itself."""
    then = _afterwards(operator)
    return {
        NextStep.CODE: _("Then you type a code from your authenticator app at every sign-in."),
        NextStep.SETUP_LINK: _(
            "Then your account requires two-factor authentication: at your next sign-in you get an email "
            "with a setup link, and are let in after setting up."
        ),
        NextStep.OFFER: _(
            "Then your account asks you to set up two-factor authentication, and requires it from %(day)s on."
        )
        % {"day": announced_day(then)},
        NextStep.SIGNED_IN: _("Then you may set up two-factor authentication on My settings."),
    }[next_step(then, enrolled=operator.is_enrolled)]


def _afterwards(operator: Operator) -> Effective:
    """Return what holds when the override counts no more."""
    over = operator.override_until or timezone.now()
    return effective_policy(
        operator.account.rule, Override(), single_sign_on=operator.is_single_sign_on, now=over
    )


def _soon(now: datetime) -> QuerySet[Operator]:
    """Return whose override ends within a week, and who can sign in and has not been told of that end."""
    untold = Q(override_told_for=None) | ~Q(override_told_for=F("override_until"))
    ends = Operator.objects.exclude(two_factor_override="").filter(
        untold, override_until__gt=now, override_until__lte=now + AHEAD
    )
    found: QuerySet[Operator] = ends.with_a_way_in().complete()
    return found


def _tell(operator: Operator) -> bool:
    """Mail one operator; false where another worker has, or the override was changed in this moment."""
    with transaction.atomic():
        same = Operator.objects.filter(
            pk=operator.pk,
            two_factor_override=operator.two_factor_override,
            override_until=operator.override_until,
        ).exclude(override_told_for=operator.override_until)
        if not same.update(override_told_for=operator.override_until):
            return False
        emails.exception_ends(operator, what_then(operator))
    return True
