"""Deletes expired sessions; by the name of Django's own command, whose app is not installed."""

from django.core.management.base import BaseCommand

from operators.sessions import SessionStore


class Command(BaseCommand):
    """manage.py clearsessions."""

    help = "Delete expired sessions. Run it once a day."

    def handle(self, **options: object) -> None:
        """Delete."""
        SessionStore.clear_expired()
