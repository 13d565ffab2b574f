"""A new link to be copied, sealed in the administrator's session from when it is made until its page is left.

A reload shows the same link again instead of making another one.
"""

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from accounts.person import Person
from invitations.link_mail import url_of
from invitations.models import Link, hash_of
from twofactor import vault
from twofactor.sealed_in_session import SealedInSession

TOKEN = SealedInSession("fresh_link", vault.Purpose.LINK)


def keep(session: SessionBase, viewer: Person, person: Person, purpose: str, url: str) -> None:
    token = url.rstrip("/").rpartition("/")[2]
    TOKEN.keep(session, viewer, token, operator=person.pk, purpose=purpose)


def current(session: SessionBase, viewer: Person, person: Person, purpose: Link.Purpose) -> str:
    """Return "" where the link that is kept does not work any more."""
    kept = TOKEN.kept(session)
    if (kept.get("operator"), kept.get("purpose")) != (person.pk, purpose):
        return ""
    token = TOKEN.read(session, viewer)
    live = Link.find(hash_of(token), purpose, timezone.now()) if token else None
    return url_of(purpose, token) if live else ""
