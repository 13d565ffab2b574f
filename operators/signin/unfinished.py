"""Finds logins that ended because the code was never given; the worker runs it every few minutes."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from operators.models.session import Session
from operators.signin.session_store import SessionStore
from twofactor import pending


def tell_of_ended() -> None:
    """Report the logins whose time is over, each once however many workers run."""
    lived = timedelta(seconds=settings.SESSION_COOKIE_AGE - min(pending.LIFETIMES.values()))
    waiting = Session.objects.filter(
        user__isnull=False, signed_in_at=None, expire_date__lte=timezone.now() + lived
    )
    for row in waiting.iterator():
        data = SessionStore().decode(row.session_data)
        if pending.is_over(data):
            with transaction.atomic():
                # The login no longer waits. The session stays: the browser may come back with it.
                waiting_row = Session.objects.filter(pk=row.pk, user=row.user_id, signed_in_at=None)
                if waiting_row.update(user=None):
                    pending.broken_off(data)
