"""A limit has refused somebody: is that written down already?

Once in each window and for each name, so that an administrator sees an attack that does not end, and the
attack does not fill the trail. What is about nobody goes to the log.
"""

import logging
from collections.abc import Sequence

from django.db.models import TextChoices
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import rate_limit
from accounts.audit.trail import Origin, record
from accounts.models import Action
from accounts.network import by_network, client_address
from accounts.person import Person

logger = logging.getLogger(__name__)


class What(TextChoices):
    """What somebody has tried too often; the names stand in keys of accounts.limits, and in the log."""

    PASSWORDS = "passwords", _("Passwords")
    CODES = "codes", _("Codes")
    RESET_LINKS = "reset links", _("Links to choose a new password")
    LINKS = "links", _("Emailed links")
    NOT_ME = "not-me links", _("Links “This was not me”")
    ADDRESSES = "addresses", _("Addresses that cannot be invited")
    EMAILS = "emails", _("Emails with a link")
    NEW_PASSWORDS = "new passwords", _("New passwords behind an emailed link")


def is_new(what: What, name: str, wait: int, gates: Sequence[rate_limit.Limit] = ()) -> bool:
    """Whether this is the first refusal of a name since the window began that ends in `wait` seconds.

    `gates` bound how many names there can be, where strangers make them up: beyond them none is new.
    """
    return not rate_limit.count([rate_limit.Limit(f"refused {what} {name}", 1, wait), *gates])


def note(what: What, person: Person, by: Origin, wait: int) -> None:
    if is_new(what, str(person.pk), wait):
        record(Action.LIMIT_REACHED, by=by, subject=person, new=str(what.label))


def admit_network(request: HttpRequest, what: What, allowed: int, seconds: int) -> int:
    """Return 0, or the seconds to wait."""
    limits = by_network(request, what, allowed, seconds)
    wait = rate_limit.count(limits)
    # Once for the widest network: of its lines there are more than anybody reads, or should be stored.
    if wait and is_new(what, limits[-1].key, wait):
        log(what, request)
    return wait


def log(what: What, request: HttpRequest) -> None:
    """For somebody who has no trail."""
    logger.warning("Limit reached: %s, from %s", what, client_address(request))
