"""Deletes expired sessions and trusted browsers; named like the command of Django's app."""

from django.core.management.base import BaseCommand

from operators.sessions import SessionStore
from twofactor import trusted


class Command(BaseCommand):
    """manage.py clearsessions."""

    help = "Delete expired sessions and trusted browsers. Run it once a day."

    def handle(self, **options: object) -> None:
        """Delete."""
        SessionStore.clear_expired()
        trusted.clear_expired()
