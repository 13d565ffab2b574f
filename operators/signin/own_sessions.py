"""Where is an operator signed in? The operator's own list of sessions, and ending them.

Administrators end all of somebody else's at once (OWASP ASVS 5.0, 7.4.5), and see none of them.
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

# Whoever has more is a program. The rest is counted all the same, and ended with the others.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class OwnSessions:
    rows: list[Session]
    total: int


def live(operator: Operator) -> QuerySet[Session]:
    """Return the operator's sessions that have not ended."""
    return Session.objects.filter(
        user=operator, expire_date__gt=timezone.now(), last_seen_at__gt=idle_since()
    )


def listed(operator: Operator, here: str | None) -> OwnSessions:
    """Return the operator's sessions, the one with the key `here` first, then by when they were last seen."""
    first = Case(When(session_key=here, then=Value(0)), default=Value(1))
    rows = list(live(operator).defer("session_data").order_by(first, "-last_seen_at", "pk")[: SHOWN + 1])
    total = len(rows) if len(rows) <= SHOWN else live(operator).count()
    return OwnSessions(rows[:SHOWN], total)


def end(operator: Operator, public_id: uuid.UUID, by: Origin) -> Session | None:
    """End one of the operator's sessions; return it as it was, None where there is no such session."""
    with transaction.atomic():
        mine = live(operator).filter(public_id=public_id)
        session = mine.defer("session_data").first()
        if session is None or not mine.delete()[0]:
            return None
        record(Action.SESSION_ENDED, by=by, subject=operator, old=f"{session.browser}, {session.address}")
    return session


def end_others(operator: Operator, by: Origin) -> int:
    """End all of the operator's sessions but the one in which it happens; return how many there were."""
    with transaction.atomic():
        ended, _each = live(operator).exclude(session_key=by.session_key).delete()
        if ended:
            record(Action.OTHER_SESSIONS_ENDED, by=by, subject=operator, old=str(ended))
    return ended


def end_all(operator: Operator, by: Origin) -> bool:
    """End the operator's sessions, waiting sign-ins, trusted browsers and unspent links, all at once.

    Returns whether it was done: nothing is to be ended of somebody who has not joined or is deleted.
    """
    with transaction.atomic():
        # Locked, so that nobody deletes the row before it gets its new nonce.
        row = Operator.objects.select_for_update(no_key=True).filter(pk=operator.pk, joined_at__isnull=False)
        if row.first() is None:
            return False
        record(Action.ALL_SESSIONS_ENDED, by=by, subject=operator, old=str(live(operator).count()))
        operator.renew_session_nonce()
    return True
