"""Whose logins ended without a code, because nobody came back? The worker asks every few minutes."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from operators.models.session import Session
from operators.signin.session_store import SessionStore
from twofactor import pending


def tell_of_ended() -> None:
    """Tell of the logins whose time is over; of each once, however many ask."""
    lived = timedelta(seconds=settings.SESSION_COOKIE_AGE - min(pending.LIFETIMES.values()))
    waiting = Session.objects.filter(
        user__isnull=False, signed_in_at=None, expire_date__lte=timezone.now() + lived
    )
    for row in waiting.iterator():
        data = SessionStore().decode(row.session_data)
        if pending.is_over(data):
            with transaction.atomic():
                # Nobody waits in it any longer. The session stays: the browser may come back with it.
                mine = Session.objects.filter(pk=row.pk, user=row.user_id, signed_in_at=None)
                if mine.update(user=None):
                    pending.broken_off(data)
