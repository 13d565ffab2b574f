"""Lists and ends an operator's own sessions.

Administrators can end all sessions of an operator at once (OWASP ASVS 5.0, 7.4.5), but see none of them.
"""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Case, QuerySet, Value, When
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.models import Action
from operators.models import Operator
from operators.models.session import Session, idle_since

# Only a program has more. Those not shown are still counted, and ended with the others.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class OwnSessions:
    rows: list[Session]
    total: int


def live(operator: Operator) -> QuerySet[Session]:
    return Session.objects.filter(
        user=operator, expire_date__gt=timezone.now(), last_seen_at__gt=idle_since()
    )


def listed(operator: Operator, current_key: str | None) -> OwnSessions:
    """Put the current session first, then those seen last."""
    first = Case(When(session_key=current_key, then=Value(0)), default=Value(1))
    rows = list(live(operator).defer("session_data").order_by(first, "-last_seen_at", "pk")[: SHOWN + 1])
    total = len(rows) if len(rows) <= SHOWN else live(operator).count()
    return OwnSessions(rows[:SHOWN], total)


def end(operator: Operator, public_id: uuid.UUID, by: Origin) -> Session | None:
    """Return the session as it was, or None if the operator has no such session."""
    with transaction.atomic():
        row = live(operator).filter(public_id=public_id)
        session = row.defer("session_data").first()
        if session is None or not row.delete()[0]:
            return None
        record(Action.SESSION_ENDED, by=by, subject=operator, old=f"{session.browser}, {session.address}")
    return session


def end_others(operator: Operator, by: Origin) -> int:
    with transaction.atomic():
        ended, _each = live(operator).exclude(session_key=by.session_key).delete()
        if ended:
            record(Action.OTHER_SESSIONS_ENDED, by=by, subject=operator, old=str(ended))
    return ended


def end_all(operator: Operator, by: Origin) -> bool:
    """End sessions, waiting logins, trusted browsers and unspent links.

    Returns False for an operator who has not joined or was deleted: there is nothing to end.
    """
    with transaction.atomic():
        # Locked, so that nobody deletes the row before it gets its new nonce.
        row = Operator.objects.select_for_update(no_key=True).filter(pk=operator.pk, joined_at__isnull=False)
        if row.first() is None:
            return False
        record(Action.ALL_SESSIONS_ENDED, by=by, subject=operator, old=str(live(operator).count()))
        operator.renew_session_nonce()
    return True
