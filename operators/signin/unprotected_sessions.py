"""Which sessions came without the second factor that a login now would ask for? Counts and ends them.

A policy is read at sign-in. After a rise of it, for the account or by an override, two kinds of sessions are
left: of those who have to set up and have not, which go on until they end, and of those who have an
authenticator and gave no code, which are asked for it at their next request (twofactor.late_code). The button
ends both.
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


def count(account: Account, here: str | None) -> Unprotected:
    """Return what `end` would end."""
    found = _sessions(account, here).aggregate(sessions=Count("pk"), operators=Count("user", distinct=True))
    return Unprotected(**found)


def count_of(operator: Operator) -> int:
    return _sessions(operator.account, None).filter(user=operator).count()


def end(account: Account, by: Origin) -> int:
    """End them all, save the one in which it happens; return how many there were."""
    with transaction.atomic():
        ended, _each = _sessions(account, by.session_key).delete()
        if ended:
            record(Action.UNPROTECTED_ENDED, by=by, account=account, old=str(ended))
    return ended


def is_unprotected(operator: Operator) -> bool:
    """Whether whoever looks at a page has one of those: nobody who only lacks a code gets to see one."""
    return not operator.is_enrolled and operator.effective.required


def _sessions(account: Account, here: str | None) -> QuerySet[Session]:
    """Return the open ones of the account, without the one with the key `here`."""
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
    found = live.filter(not_set_up | asleep)
    return found.exclude(session_key=here) if here else found
