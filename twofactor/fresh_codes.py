"""New recovery codes, from the moment they are made until the person has saved them.

They wait in the person's own session, encrypted for that person, so that a reload shows them again.
Nobody else ever sees them, and after a quarter of an hour, or once they are saved, nobody at all.
"""

import time
from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from accounts import clock
from accounts.audit.trail import Origin, record
from accounts.models import Action
from twofactor import emails, recovery, vault
from twofactor.models import Authenticator

if TYPE_CHECKING:
    from operators.models import Operator

SESSION_KEY = "fresh_recovery_codes"
LIFETIME = 15 * 60
PURPOSE = vault.Purpose.RECOVERY_CODES


def keep(session: SessionBase, user: "Operator", codes: list[str], next_url: str) -> None:
    """Keep new codes for the page that shows them; `next_url` is where the person goes from there."""
    session[SESSION_KEY] = {
        "sealed": vault.seal(" ".join(codes), user.pk, PURPOSE),
        "at": time.time(),
        "next": next_url,
    }


def current(session: SessionBase, user: "Operator") -> list[str]:
    """Return the codes to show; none where there are none any more."""
    sealed = _sealed(session, user)
    return _open(sealed, user) if sealed else []


def are_lost(session: SessionBase, user: "Operator") -> bool:
    """Whether codes wait to be shown that no key opens: it was taken away after they were made."""
    sealed = _sealed(session, user)
    return bool(sealed) and not _open(sealed, user)


def _sealed(session: SessionBase, user: "Operator") -> str:
    """Return the codes that wait to be shown, as they are kept; "" where none do."""
    state: dict[str, Any] = session.get(SESSION_KEY, {})
    if not state or not clock.is_within(state["at"], LIFETIME) or not user.is_enrolled:
        return ""
    return str(state["sealed"])


def _open(sealed: str, user: "Operator") -> list[str]:
    """Return the codes; none where no key opens them. Nothing rests on them: there can be others at once."""
    try:
        return vault.unseal(sealed, user.pk, PURPOSE).split()
    except vault.SecretUnreadableError:
        return []


def saved(session: SessionBase, user: "Operator") -> str:
    """Note that the person has saved the codes that are kept; return where to go."""
    next_url: str = session.pop(SESSION_KEY)["next"]
    # As read: of other codes, made meanwhile, nobody has said that they are saved.
    mine = Authenticator.objects.filter(pk=user.authenticator.pk)
    same = mine.filter(recovery_hashes=user.authenticator.recovery_hashes)
    same.update(recovery_saved_at=timezone.now())
    return next_url


@transaction.atomic
def renew(session: SessionBase, user: "Operator", by: Origin) -> bool:
    """Make ten new codes in place of the old ones, and keep them to be shown. Ends the user's other sessions.

    False, and nothing stored, where authenticator, codes or sign-in are not as they were read.
    """
    codes = recovery.generate()
    authenticator = user.authenticator
    # The secret is part of the hashes: one that was replaced meanwhile must not get hashes of the old one.
    # And of two sets made at once only one counts: nobody is shown the other.
    same = Authenticator.objects.filter(
        pk=authenticator.pk,
        sealed_secret=authenticator.sealed_secret,
        recovery_hashes=authenticator.recovery_hashes,
    )
    if not same.update(
        recovery_hashes=recovery.hashes_of(codes, authenticator.secret), recovery_saved_at=None
    ):
        return False
    # As with a new phone: whoever makes new codes may have lost the old ones to somebody.
    if not user.renew_nonce_as_read(keep=by.session_key):
        transaction.set_rollback(True)
        return False
    record(Action.RECOVERY_CODES_RENEWED, by=by, subject=user)
    keep(session, user, codes, "")
    emails.recovery_codes_renewed(user, by.address)
    return True
