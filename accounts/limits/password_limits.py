"""Slows down guessing of passwords: by name, by network address, and apart for browsers that are known.

Every try is counted before it is looked at, in the database, which all processes share in every
configuration. Strangers can use up the tries of a name, but not those of a browser in which that person
has signed in before: it has a count of its own (OWASP Authentication Cheat Sheet, "device cookies"). So
has one in which the person has shown to hold the mailbox, by a link that was sent there.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.http import HttpRequest

from accounts import sent_twice
from accounts.audit.trail import origin, record
from accounts.limits import refusals
from accounts.limits.refusals import What
from accounts.models import Action
from accounts.network import by_network
from accounts.rate_limit import Limit, count_and_claim, give_back, reset
from accounts.session_store import ours

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

MINUTES_15 = 15 * 60
DAY = 24 * 60 * 60
TRIES_BY_NAME = 10
# NIST SP 800-63B-4, 3.2.2: no more than 100 wrong ones in a row for one account.
TRIES_BY_NAME_A_DAY = 100
# An office behind one address has many people; they mistype, too.
TRIES_BY_ADDRESS = 100

COOKIE_AGE = 365 * DAY
PEOPLE_IN_A_BROWSER = 5
SALT = "accounts.guessing.known_browser"


@dataclass(frozen=True, slots=True)
class Tries:
    """A try that was counted: how many seconds to wait (0: go on), and where it was counted.

    `sent_before`: an equal request, without a session too, has come first.
    """

    wait: int
    limits: list[Limit] = field(default_factory=list)
    sent_before: bool = False

    def forgive(self) -> None:
        give_back(self.limits)


def admit(request: HttpRequest, name: str, link: str = "") -> Tries:
    """Count a try to sign in under a name (an email address in its one form) before it is looked at.

    `link` is the hash of a link from that person's mailbox which was opened here: it has tries of its own.
    """
    limits = _limits(request, name, link)
    claim = sent_twice.claim_without_session(request)
    wait, sent_before = count_and_claim(limits, claim)
    if claim and not sent_before:
        ours(request.session).claimed = True
    tries = Tries(wait, [*limits, claim] if claim and sent_before else limits, sent_before)
    if tries.wait:
        _write_down(request, name, tries.wait)
    return tries


def _write_down(request: HttpRequest, name: str, wait: int) -> None:
    """Writes once, into the trail of whoever has the name."""
    gates = by_network(request, "refused passwords from", TRIES_BY_ADDRESS, MINUTES_15)
    if not refusals.is_new(What.PASSWORDS, digest(name), wait, gates):
        return
    person = get_user_model().objects.filter(email=name).select_related("account").first()
    if person is None:
        refusals.log(What.PASSWORDS, request)
    else:
        record(Action.LIMIT_REACHED, by=origin(request), subject=person, new=str(What.PASSWORDS.label))


def forgive(request: HttpRequest, name: str) -> None:
    """To be called when the login that the right password began is finished."""
    give_back(_limits(request, name))


def is_known(request: HttpRequest, name: str) -> bool:
    return digest(name) in _known(request)


def forget_strangers(name: str) -> None:
    """To be called when the person of the name has proved to hold the mailbox."""
    reset(_by_name(name))


def remember_browser(request: HttpRequest, name: str) -> None:
    """The browser gets tries of its own; `known_browser_cookie` sends its cookie."""
    known = _known(request)
    own = known.get(digest(name)) or token_urlsafe(16)
    newest = {digest(name): own} | {each: value for each, value in known.items() if each != digest(name)}
    request.known_browser = dict(list(newest.items())[:PEOPLE_IN_A_BROWSER])  # type: ignore[attr-defined]


def known_browser_cookie(
    get_response: "Callable[[HttpRequest], HttpResponse]",
) -> "Callable[[HttpRequest], HttpResponse]":
    def middleware(request: HttpRequest) -> "HttpResponse":
        response = get_response(request)
        known = getattr(request, "known_browser", None)
        if known is not None:
            response.set_cookie(
                settings.KNOWN_BROWSER_COOKIE_NAME,
                signing.dumps(known, salt=SALT, compress=True),
                max_age=COOKIE_AGE,
                httponly=True,
                secure=settings.SESSION_COOKIE_SECURE,
                samesite="Lax",
            )
        return response

    return middleware


def digest(text: str) -> str:
    """Hashed, so that neither table nor cookie lists people."""
    return sha256(text.encode()).hexdigest()[:32]


def _limits(request: HttpRequest, name: str, link: str = "") -> list[Limit]:
    browser = link or _known(request).get(digest(name))
    return _limits_of_browser(name, browser) if browser else _limits_of_strangers(request, name)


def _limits_of_browser(name: str, browser: str) -> list[Limit]:
    key = f"{digest(name)} {digest(browser)}"
    return [
        Limit(f"password browser {key}", TRIES_BY_NAME, MINUTES_15),
        Limit(f"password browser day {key}", TRIES_BY_NAME_A_DAY, DAY),
    ]


def _limits_of_strangers(request: HttpRequest, name: str) -> list[Limit]:
    return [
        *_by_name(name),
        *by_network(request, "password address", TRIES_BY_ADDRESS, MINUTES_15),
    ]


def _by_name(name: str) -> list[Limit]:
    return [
        Limit(f"password name {digest(name)}", TRIES_BY_NAME, MINUTES_15),
        Limit(f"password name day {digest(name)}", TRIES_BY_NAME_A_DAY, DAY),
    ]


def _known(request: HttpRequest) -> dict[str, str]:
    """Newest first; nobody where the cookie is not ours."""
    if not hasattr(request, "known_people"):  # a login asks several times
        cookie = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")
        try:
            request.known_people = signing.loads(cookie, salt=SALT, max_age=COOKIE_AGE)  # type: ignore[attr-defined]
        except signing.BadSignature:
            request.known_people = {}  # type: ignore[attr-defined]
    people: dict[str, str] = request.known_people  # type: ignore[attr-defined]
    return people
