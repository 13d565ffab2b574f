"""Deletes what has expired: sessions, trusted browsers, counts; named like the command of Django's app."""

from django.core.management.base import BaseCommand

from accounts import tally
from operators.sessions import SessionStore
from twofactor import trusted


class Command(BaseCommand):
    """manage.py clearsessions."""

    help = (
        "Delete expired sessions and trusted browsers, and the counts of limits whose time is over. "
        "Run it once a day."
    )

    def handle(self, **options: object) -> None:
        """Delete."""
        SessionStore.clear_expired()
        trusted.clear_expired()
        tally.delete_ended()
