"""A new link to be copied, from the moment it is made until the administrator has left its page.

It waits in the administrator's own session, encrypted for that person, so that a reload shows the same
link again instead of making another one.
"""

import time
from typing import TYPE_CHECKING

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from accounts import clock
from invitations.link_mail import url_of
from invitations.models import Link, hash_of
from twofactor import vault

if TYPE_CHECKING:
    from operators.models import Operator

SESSION_KEY = "fresh_link"
LIFETIME = 15 * 60


def keep(session: SessionBase, viewer: "Operator", person: "Operator", purpose: str, url: str) -> None:
    """Keep a person's link to be shown to the viewer."""
    token = url.rstrip("/").rpartition("/")[2]
    session[SESSION_KEY] = {
        "sealed": vault.seal(token, viewer.pk, vault.Purpose.LINK),
        "operator": person.pk,
        "purpose": purpose,
        "at": time.time(),
    }


def current(session: SessionBase, viewer: "Operator", person: "Operator", purpose: Link.Purpose) -> str:
    """Return the link to show; "" where there is none any more, or it does not work any more."""
    state = session.get(SESSION_KEY)
    if not state or (state["operator"], state["purpose"]) != (person.pk, purpose):
        return ""
    if not clock.is_within(state["at"], LIFETIME):
        return ""
    try:
        token = vault.unseal(state["sealed"], viewer.pk, vault.Purpose.LINK)
    except vault.SecretUnreadableError:  # its key was taken away since: another link can be made at once
        return ""
    live = Link.find(hash_of(token), purpose, timezone.now())
    return url_of(purpose, token) if live else ""


def forget(session: SessionBase) -> None:
    """Drop the link: the page that shows it has been left."""
    if SESSION_KEY in session:
        del session[SESSION_KEY]
