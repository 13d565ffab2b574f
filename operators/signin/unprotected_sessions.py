"""Counts and ends the sessions that lack the second factor a login now would ask for.

A policy is read at login. When the account or an override asks for more, two kinds of sessions remain: of
operators who must set it up and haven't, which last until they end, and of operators with an authenticator
who gave no code, which are asked for one at their next request (twofactor.late_code). The button ends both.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action
from operators.models import Operator
from operators.models.session import Session, idle_since
from operators.rules.status import Facts
from operators.status.query import rows_where
from twofactor.made_by import STAND_IN_FOR_A_CODE


@dataclass(frozen=True, slots=True)
class Unprotected:
    sessions: int = 0
    operators: int = 0


def count(account: Account, current_key: str | None) -> Unprotected:
    counts = _sessions(account, current_key).aggregate(
        sessions=Count("pk"), operators=Count("user", distinct=True)
    )
    return Unprotected(**counts)


def count_of(operator: Operator) -> int:
    return _sessions(operator.account, None).filter(user=operator).count()


def end(account: Account, by: Origin) -> int:
    """End them all but the current one; return how many."""
    with transaction.atomic():
        ended, _each = _sessions(account, by.session_key).delete()
        if ended:
            record(Action.UNPROTECTED_ENDED, by=by, account=account, old=str(ended))
    return ended


def is_unprotected(operator: Operator) -> bool:
    """Whether this operator, who sees a page, has one; those who only lack a code see no page."""
    return not operator.is_enrolled and operator.effective.required


def _sessions(account: Account, current_key: str | None) -> QuerySet[Session]:
    """All of the account but the current one."""
    now = timezone.now()
    live = Session.objects.filter(expire_date__gt=now, last_seen_at__gt=idle_since())

    def must_set_up(facts: Facts) -> bool:
        return not facts.enrolled and facts.effective(account.rule, now).required

    def asked_for_a_code(facts: Facts) -> bool:
        return facts.enrolled and facts.effective(account.rule, now).usable

    operators = Operator.objects.filter(account=account)
    not_set_up = Q(user__in=operators.filter(rows_where(must_set_up, now)))
    without_code = Q(code_given=False) & ~Q(made_by__in=STAND_IN_FOR_A_CODE)
    asleep = Q(user__in=operators.filter(rows_where(asked_for_a_code, now))) & without_code
    unprotected = live.filter(not_set_up | asleep)
    return unprotected.exclude(session_key=current_key) if current_key else unprotected
