"""`manage.py clearsessions`, named as in Django: deletes expired sessions, trusted browsers and counters."""

from django.core.management.base import BaseCommand

from accounts import rate_limit
from operators.models import session
from twofactor import trusted


class Command(BaseCommand):
    help = (
        "Delete expired sessions and trusted browsers, and the counts of limits whose time is over. "
        "The worker does so by itself; where none runs, run it once a day."
    )

    def handle(self, **options: object) -> None:
        session.delete_ended()
        trusted.delete_expired()
        rate_limit.delete_ended()
