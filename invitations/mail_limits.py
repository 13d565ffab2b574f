"""How many emails with a link does a mailbox get, and how many may somebody ask for? No new nonce resets it.

The limits of a link itself (one a minute, five an hour; `Link.reserve`) begin anew with each new nonce, so
that nobody waits without a link after a reset. With them alone whoever changes address and password in turn,
or invites and withdraws, could send any number of emails to any address.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from django.conf import settings

from accounts import rate_limit
from accounts.audit.trail import Origin
from accounts.durations import HOUR
from accounts.limits import refusals
from accounts.limits.password_limits import DAY, digest
from accounts.limits.refusals import What
from accounts.models.outgoing_mail import OutgoingMail
from accounts.person import Person
from accounts.rate_limit import Limit
from invitations.models import Link, TooSoonError

Purpose = Link.Purpose
# Each so many in so many seconds.
Windows: TypeAlias = tuple[tuple[int, int], ...]
# To one mailbox, by purpose: nobody's password resets use up somebody's setup links.
TO_ONE: dict[Link.Purpose, Windows] = {
    # It is the mailbox of an operator, who may be waiting: no limit for the day.
    Purpose.SETUP: ((10, HOUR),),
    Purpose.PASSWORD_RESET: ((10, HOUR),),
    # Anybody's mailbox, who may never have heard of us.
    Purpose.INVITATION: ((5, HOUR), (10, DAY)),
    Purpose.EMAIL: ((5, HOUR), (10, DAY)),
}
# New addresses to be confirmed, by who asks: one's own, and as an administrator those of others.
OWN_ADDRESSES: Windows = ((10, HOUR), (20, DAY))
ADDRESSES_OF_OTHERS: Windows = ((200, HOUR), (1000, DAY))


class TooManyMailsError(TooSoonError):
    """A mailbox has had, or somebody has asked for, as many emails as they may."""


def admit(user: Person, purpose: Purpose, mail: OutgoingMail) -> None:
    """Count an email before it is stored; raises TooManyMailsError.

    Within the transaction that stores it: what is undone does not count.
    """
    if wait := rate_limit.count(_limits(user, purpose, mail)):
        raise TooManyMailsError(wait)


def give_back(user: Person, purpose: Purpose, mail: OutgoingMail) -> None:
    """Take an email back that did not go out."""
    rate_limit.give_back(_limits(user, purpose, mail))


@contextmanager
def written_down(user: Person, by: Origin) -> Iterator[None]:
    """Note in the trail where a limit refuses an email; to be put around the transaction that asks for it."""
    try:
        yield
    except TooManyMailsError as error:
        refusals.note(What.EMAILS, user, by, error.wait)
        raise


def _limits(user: Person, purpose: Purpose, mail: OutgoingMail) -> list[Limit]:
    return [
        *_limits_of(f"{purpose} to {digest(mail.to)}", TO_ONE[purpose]),
        *_limits_of_asker(user, purpose, mail.asked_by_id),
    ]


def _limits_of_asker(user: Person, purpose: Purpose, asker: int | None) -> list[Limit]:
    """Return what limits who asks; a login that asks for a setup link is limited as a login."""
    if purpose is Purpose.EMAIL and asker:
        allowed = OWN_ADDRESSES if asker == user.pk else ADDRESSES_OF_OTHERS
        return _limits_of(f"{purpose} by {asker} own {asker == user.pk}", allowed)
    if purpose is Purpose.INVITATION:
        return _limits_of(f"{purpose} by account {user.account_id}", ((settings.INVITATIONS_A_DAY, DAY),))
    return []


def _limits_of(key: str, allowed: Windows) -> list[Limit]:
    """Return a limit for each of several windows."""
    return [Limit(f"mail {key} in {seconds}", times, seconds) for times, seconds in allowed]
