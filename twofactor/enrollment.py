"""Setting up an authenticator: what is offered, and what makes it valid. Sole owner of an unconfirmed secret.

An unconfirmed secret is stored nowhere. It is derived from the server's newest key, a random seed of the
browser session, the user, and the user's session nonce. So reload, second tab and wrong code keep the
same secret; another browser never sees it; and enrollment, reset or a new password make it worthless.
A secret shared between sessions would let whoever knows a password note it down and wait for the
owner to confirm it.
"""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.mail.notices import tell
from accounts.models import Action
from twofactor import emails, key_check, qr, recovery, totp, vault
from twofactor.models import Authenticator, TwoFactorUser

SEED_KEY = "offer_seed"


class AlreadyEnrolledError(Exception):
    """The user has an authenticator; a second enrollment would lock the first phone out."""


class SignInChangedError(Exception):
    """The user's sign-in was frozen, or what this act came from was ended, since the user was read."""


class WrongCodeError(Exception):
    """The code does not fit the offered secret, or it is too early for another try.

    `drift` is how many seconds the clock that made it is ahead (negative: behind), where that is the
    reason; `wait` is how many seconds no code is looked at; `unseen` says that this session was never shown
    a QR code to which the code could belong; `late` that it was right when it was typed.
    """

    def __init__(
        self, *, drift: int | None = None, wait: int = 0, unseen: bool = False, late: bool = False
    ) -> None:
        super().__init__()
        self.drift = drift
        self.wait = wait
        self.unseen = unseen
        self.late = late


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A secret that somebody has just shown to hold, by the code of a time step."""

    secret: str
    step: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    secret: str
    uri: str

    @property
    def qr(self) -> str:
        """A data: address, so that the picture has no address of its own."""
        return "data:image/png;base64," + b64encode(qr.png(self.uri)).decode()

    @property
    def key_groups(self) -> list[str]:
        return [self.secret[i : i + 4] for i in range(0, len(self.secret), 4)]


def new_seed() -> str:
    return secrets.token_urlsafe(32)


def offer(session: SessionBase, user: TwoFactorUser) -> Offer:
    """Return the secret that this session may confirm for this user; the same on every call until then.

    Raises SecretUnreadableError where the server's key is not the one that everything else is sealed with.
    """
    secret = _secrets(session, user)[0]
    return Offer(secret, totp.provisioning_uri(secret, user.email, settings.TWO_FACTOR_ISSUER))


def _secrets(session: SessionBase, user: TwoFactorUser) -> list[str]:
    """Also what was offered under each older key, before a rotation."""
    key_check.verify()
    seed = session.get(SEED_KEY)
    if not seed:
        seed = session[SEED_KEY] = new_seed()
    return vault.derive(f"{seed}\0{user.pk}\0{user.session_nonce}")


def confirm(session: SessionBase, user: TwoFactorUser, code: str, typed_at: float | None = None) -> Confirmed:
    """Check the code against the offered secret; stores nothing but the try.

    `typed_at` is when it was typed, where that is longer ago, in seconds since 1970: it says why a code is
    refused, and makes none right. Not to be called in a transaction: a try that fails must stay counted.
    Raises WrongCodeError.
    """
    now = timezone.now()
    if SEED_KEY not in session:
        raise WrongCodeError(unseen=True)
    offered = _secrets(session, user)
    if user.code_wait(now):
        raise WrongCodeError(wait=user.code_wait(now))
    if hit := _matching(offered, code, now.timestamp()):
        return Confirmed(*hit, now)
    typed = typed_at or now.timestamp()
    if _matching(offered, code, typed):
        raise WrongCodeError(late=True)
    if not user.admit_code(now):
        user.refresh_from_db(fields=["code_failures", "codes_blocked_until"])
        raise WrongCodeError(wait=user.code_wait(now))
    raise WrongCodeError(drift=_drift(offered[0], code, typed))


def _matching(offered: list[str], code: str, seconds: float) -> tuple[str, int] | None:
    steps = ((secret, totp.matching_step(secret, code, seconds)) for secret in offered)
    return next(((secret, step) for secret, step in steps if step is not None), None)


def _drift(secret: str, code: str, typed: float) -> int | None:
    """In seconds, negative where the clock is behind; None where that is not why the code is refused."""
    steps = totp.drift_steps(secret, code, typed)
    return None if steps is None else steps * totp.STEP_SECONDS


def enroll(user: TwoFactorUser, confirmed: Confirmed, by: Origin, recovery_codes: Sequence[str] = ()) -> None:
    """Ends other sessions and links; raises AlreadyEnrolledError or SignInChangedError, storing nothing."""
    try:
        with transaction.atomic():
            # The unique user decides between two that finish at the same time.
            user.authenticator = Authenticator.objects.create(
                user_id=user.pk,
                sealed_secret=vault.seal(confirmed.secret, user.pk, vault.Purpose.SECRET),
                confirmed_at=confirmed.at,
                recovery_hashes=recovery.hashes_of(recovery_codes, confirmed.secret),
            )
            user.take_first_step(confirmed.step, confirmed.at)
            if not user.renew_nonce_as_read(*user.CODE_FIELDS, keep=by.session_key):
                raise SignInChangedError
            record(Action.TWO_FACTOR_ENROLLED, by=by, subject=user)
            if by.actor == user:  # whoever does it for somebody else has a notice of their own
                tell(user, emails.ENROLLED, by.address)
    except IntegrityError as error:
        raise AlreadyEnrolledError from error


def replace(user: TwoFactorUser, confirmed: Confirmed, by: Origin, recovery_codes: Sequence[str]) -> bool:
    """The old phone's codes are right until it is done; false where its secret or the sign-in has changed."""
    old = user.authenticator
    with transaction.atomic():
        # The old secret as it was read is the condition: a reset or another new phone may have come first.
        row_as_read = Authenticator.objects.filter(pk=old.pk, sealed_secret=old.sealed_secret)
        replaced = row_as_read.update(
            sealed_secret=vault.seal(confirmed.secret, user.pk, vault.Purpose.SECRET),
            confirmed_at=confirmed.at,
            recovery_hashes=recovery.hashes_of(recovery_codes, confirmed.secret),
            recovery_saved_at=None,
        )
        if not replaced:
            return False
        user.take_first_step(confirmed.step, confirmed.at)
        if not user.renew_nonce_as_read(*user.CODE_FIELDS, keep=by.session_key):
            transaction.set_rollback(True)
            return False
        record(Action.PHONE_CHANGED, by=by, subject=user)
        tell(user, emails.PHONE_CHANGED, by.address)
    return True


def check_readable(user: TwoFactorUser) -> None:
    """Raise SecretUnreadableError where the user's authenticator cannot be read."""
    authenticator = getattr(user, "authenticator", None)
    if authenticator is not None:
        vault.unseal(authenticator.sealed_secret, user.pk, vault.Purpose.SECRET)


def remove(user: TwoFactorUser, by: Origin) -> bool:
    """Delete the user's authenticator, with its lock, and end what it opened; false where there was none.

    Also false where the user acts, and what they act from has been ended: the caller undoes it all then.
    """
    deleted, _ = Authenticator.objects.filter(user=user.pk).delete()
    if not deleted:
        return False
    user.clear_failures()
    if by.actor == user:
        return user.renew_nonce_as_read(*user.RECOVERY_FIELDS, keep=by.session_key)
    user.renew_session_nonce(*user.RECOVERY_FIELDS, keep=by.session_key)
    return True
