"""The links that this browser has opened: their hashes, in its session and out of the address bar."""

from django.http import HttpRequest
from django.utils import timezone

from invitations.models import Link, hash_of

SESSION_KEY = "opened_links"


def remember(request: HttpRequest, purpose: Link.Purpose, token_hash: str) -> None:
    request.session[SESSION_KEY] = {**request.session.get(SESSION_KEY, {}), purpose.value: token_hash}


def remember_token(request: HttpRequest, purpose: Link.Purpose, token: str) -> None:
    remember(request, purpose, hash_of(token))


def opened(request: HttpRequest, purpose: Link.Purpose) -> Link | None:
    token_hash = opened_hash(request, purpose)
    return Link.find(token_hash, purpose, timezone.now()) if token_hash else None


def opened_hash(request: HttpRequest, purpose: Link.Purpose) -> str:
    """Also of a link that has ended."""
    return str(request.session.get(SESSION_KEY, {}).get(purpose.value, ""))
