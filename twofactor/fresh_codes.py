"""New recovery codes, sealed in the person's session from when they are made until they are saved."""

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.mail.notices import tell
from accounts.models import Action
from twofactor import emails, recovery, vault
from twofactor.models import Authenticator, TwoFactorUser
from twofactor.sealed_in_session import SealedInSession

CODES = SealedInSession("fresh_recovery_codes", vault.Purpose.RECOVERY_CODES)


def keep(session: SessionBase, user: TwoFactorUser, codes: list[str], next_url: str) -> None:
    CODES.keep(session, user, " ".join(codes), next=next_url)


def current(session: SessionBase, user: TwoFactorUser) -> list[str]:
    return CODES.read(session, user).split() if user.is_enrolled else []


def are_lost(session: SessionBase, user: TwoFactorUser) -> bool:
    """Their key was taken away after they were made."""
    return user.is_enrolled and bool(CODES.kept(session)) and not CODES.read(session, user)


def saved(session: SessionBase, user: TwoFactorUser) -> str:
    next_url: str = CODES.forget(session)["next"]
    # As read: of other codes, made meanwhile, nobody has said that they are saved.
    authenticator = Authenticator.objects.filter(pk=user.authenticator.pk)
    codes_as_read = authenticator.filter(recovery_hashes=user.authenticator.recovery_hashes)
    codes_as_read.update(recovery_saved_at=timezone.now())
    return next_url


@transaction.atomic
def renew(session: SessionBase, user: TwoFactorUser, by: Origin) -> bool:
    """Ends the user's other sessions; false, storing nothing, where something has changed meanwhile."""
    codes = recovery.generate()
    authenticator = user.authenticator
    # The secret is part of the hashes: one that was replaced meanwhile must not get hashes of the old one.
    # And of two sets made at once only one counts: nobody is shown the other.
    codes_as_read = Authenticator.objects.filter(
        pk=authenticator.pk,
        sealed_secret=authenticator.sealed_secret,
        recovery_hashes=authenticator.recovery_hashes,
    )
    if not codes_as_read.update(
        recovery_hashes=recovery.hashes_of(codes, authenticator.secret), recovery_saved_at=None
    ):
        return False
    # As with a new phone: whoever makes new codes may have lost the old ones to somebody.
    if not user.renew_nonce_as_read(keep=by.session_key):
        transaction.set_rollback(True)
        return False
    record(Action.RECOVERY_CODES_RENEWED, by=by, subject=user)
    keep(session, user, codes, "")
    tell(user, emails.RECOVERY_CODES_RENEWED, by.address)
    return True
