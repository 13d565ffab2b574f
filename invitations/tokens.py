"""Which emailed link has this browser opened? Keeps its hash in the session, out of the address bar."""

from django.http import HttpRequest
from django.utils import timezone

from invitations.models import Link, hash_of

SESSION_KEY = "opened_links"


def remember(request: HttpRequest, purpose: Link.Purpose, token_hash: str) -> None:
    """Note that this browser has opened a link."""
    request.session[SESSION_KEY] = {**request.session.get(SESSION_KEY, {}), purpose.value: token_hash}


def remember_token(request: HttpRequest, purpose: Link.Purpose, token: str) -> None:
    """Note the token from an address; the session sees its hash only."""
    remember(request, purpose, hash_of(token))


def opened(request: HttpRequest, purpose: Link.Purpose) -> Link | None:
    """Return the link that this browser has opened, if it still works."""
    token_hash = opened_hash(request, purpose)
    return Link.find(token_hash, purpose, timezone.now()) if token_hash else None


def opened_hash(request: HttpRequest, purpose: Link.Purpose) -> str:
    """Return what is stored of the link that this browser has opened last; "" where it has opened none."""
    return str(request.session.get(SESSION_KEY, {}).get(purpose.value, ""))
