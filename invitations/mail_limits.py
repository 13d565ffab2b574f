"""Limits how many emails with links a mailbox gets and a person can request, whatever the nonce.

The limits of a link itself (one a minute, five an hour; `Link.reserve`) start again with each new nonce, so
that nobody waits without a link after a reset. With those alone, by changing address and password in turn, or
inviting and withdrawing, one person could send any number of emails to any address.
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
# Pairs: how many, in how many seconds.
Windows: TypeAlias = tuple[tuple[int, int], ...]
# To one mailbox, by purpose: password resets, open to strangers, must not use up setup links.
TO_ONE: dict[Link.Purpose, Windows] = {
    # The mailbox of an operator, who may be waiting: no daily limit.
    Purpose.SETUP: ((10, HOUR),),
    Purpose.PASSWORD_RESET: ((10, HOUR),),
    # Anybody's mailbox: they may never have heard of us.
    Purpose.INVITATION: ((5, HOUR), (10, DAY)),
    Purpose.EMAIL: ((5, HOUR), (10, DAY)),
}
# New addresses to confirm, by person asking: their own, and, as an administrator, those of others.
OWN_ADDRESSES: Windows = ((10, HOUR), (20, DAY))
ADDRESSES_OF_OTHERS: Windows = ((200, HOUR), (1000, DAY))


class TooManyMailsError(TooSoonError):
    """The mailbox, or the person asking, has reached a limit."""


def admit(user: Person, purpose: Purpose, mail: OutgoingMail) -> None:
    """Raises TooManyMailsError; goes into the transaction that stores the email, so that both roll back."""
    if wait := rate_limit.count(_limits(user, purpose, mail)):
        raise TooManyMailsError(wait)


def give_back(user: Person, purpose: Purpose, mail: OutgoingMail) -> None:
    rate_limit.give_back(_limits(user, purpose, mail))


@contextmanager
def record_refusals(user: Person, by: Origin) -> Iterator[None]:
    """Record refusals in the audit trail; goes around the transaction, or they would be rolled back."""
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
    """None for setup links, as the logins that ask for them are limited."""
    if purpose is Purpose.EMAIL and asker:
        allowed = OWN_ADDRESSES if asker == user.pk else ADDRESSES_OF_OTHERS
        return _limits_of(f"{purpose} by {asker} own {asker == user.pk}", allowed)
    if purpose is Purpose.INVITATION:
        return _limits_of(f"{purpose} by account {user.account_id}", ((settings.INVITATIONS_A_DAY, DAY),))
    return []


def _limits_of(key: str, allowed: Windows) -> list[Limit]:
    return [Limit(f"mail {key} in {seconds}", times, seconds) for times, seconds in allowed]
