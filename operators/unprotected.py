"""Who is signed in without the second factor that the account requires by now? Counts and ends the sessions.

A policy is read at sign-in only: a session that was opened before a rise to Required goes on until it ends.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from accounts.audit import Origin, record
from accounts.models import Account, Action
from accounts.policy import Override, effective_policy
from operators.models import Operator
from operators.session_models import Session, idle_since
from operators.status import Status
from operators.status_filter import status_condition


@dataclass(frozen=True, slots=True)
class Unprotected:
    """How many sessions there are, and of how many operators."""

    sessions: int = 0
    operators: int = 0


def count(account: Account, here: str | None) -> Unprotected:
    """Return what `end` would end; nothing while the account's setting is not Required."""
    if not _required(account):
        return Unprotected()
    found = _sessions(account, here).aggregate(sessions=Count("pk"), operators=Count("user", distinct=True))
    return Unprotected(**found)


def end(account: Account, by: Origin) -> int:
    """End them all, save the one in which it happens; return how many there were."""
    if not _required(account):
        return 0
    with transaction.atomic():
        ended, _each = _sessions(account, by.session_key).delete()
        if ended:
            record(Action.UNPROTECTED_ENDED, by=by, account=account, old=str(ended))
    return ended


def is_unprotected(operator: Operator) -> bool:
    """Whether this operator's sessions are among those."""
    return _required(operator.account) and operator.status is Status.REQUIRED


def _required(account: Account) -> bool:
    """Whether the account asks for a second factor of those without an override."""
    everybody = effective_policy(account.rule, Override(), single_sign_on=False, now=timezone.now())
    return everybody.required


def _sessions(account: Account, here: str | None) -> QuerySet[Session]:
    """Return the open sessions of operators who must use two-factor authentication and have not set it up."""
    condition = status_condition(Status.REQUIRED, account.rule, timezone.now())
    operators = Operator.objects.filter(condition, account=account)
    live = Session.objects.filter(
        user__in=operators, expire_date__gt=timezone.now(), last_seen_at__gt=idle_since()
    )
    return live.exclude(session_key=here) if here else live
