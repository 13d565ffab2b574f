"""Warns operators a week before their exception ends, once for each end date."""

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

# For an exception made later than this before its end, the warning goes out within the hour.
AHEAD = timedelta(days=7)
BATCH = 200


def tell_ahead() -> int:
    """Called by the worker (PERIODIC_TASKS). Operators who can't log in are told as soon as they can."""
    now, told, last_pk = timezone.now(), 0, 0
    while batch := list(_soon(now).filter(pk__gt=last_pk).order_by("pk")[:BATCH]):
        told += sum(_tell(operator) for operator in batch if operator.is_exception)
        last_pk = batch[-1].pk
    return told


def what_follows(operator: Operator) -> str:
    """Ask the login's own table what it will ask for after the exception."""
    then = _policy_afterwards(operator)
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


def _policy_afterwards(operator: Operator) -> Effective:
    over = operator.override_until or timezone.now()
    return effective_policy(
        operator.account.rule, Override(), single_sign_on=operator.is_single_sign_on, now=over
    )


def _soon(now: datetime) -> QuerySet[Operator]:
    untold = Q(override_told_for=None) | ~Q(override_told_for=F("override_until"))
    ends = Operator.objects.exclude(two_factor_override="").filter(
        untold, override_until__gt=now, override_until__lte=now + AHEAD
    )
    untold_operators: QuerySet[Operator] = ends.with_a_way_in().complete()
    return untold_operators


def _tell(operator: Operator) -> bool:
    """Return False if another worker has told them, or the override was just changed."""
    with transaction.atomic():
        row = Operator.objects.filter(
            pk=operator.pk,
            two_factor_override=operator.two_factor_override,
            override_until=operator.override_until,
        ).exclude(override_told_for=operator.override_until)
        if not row.update(override_told_for=operator.override_until):
            return False
        emails.exception_ends(operator, what_follows(operator))
    return True
