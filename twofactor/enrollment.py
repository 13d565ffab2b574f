"""Setting up an authenticator: what is offered, and what makes it valid. Sole owner of an unconfirmed secret.

An unconfirmed secret is stored nowhere. It is derived from the server's key, a random seed of the
browser session, the user, and the user's session nonce. So reload, second tab and wrong code keep the
same secret; another browser never sees it; and enrollment, reset or a new password make it worthless.
A secret shared between sessions would let whoever knows a password note it down and wait for the
owner to confirm it.
"""

import secrets
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.audit import Origin, record
from accounts.models import Action
from twofactor import qr, totp, vault
from twofactor.models import Authenticator

if TYPE_CHECKING:
    from operators.models import Operator

SEED_KEY = "enrollment_seed"


class AlreadyEnrolledError(Exception):
    """The user has an authenticator; a second enrollment would lock the first phone out."""


class WrongCodeError(Exception):
    """The code does not fit the offered secret.

    `drift` is how many seconds the clock that made it is ahead (negative: behind), where that is the reason.
    """

    def __init__(self, drift: int | None) -> None:
        super().__init__()
        self.drift = drift


@dataclass(frozen=True, slots=True)
class Offer:
    """What a person scans or types: the secret in three forms."""

    secret: str
    uri: str

    @property
    def qr(self) -> str:
        """The QR code as a data: address, so that the picture has no address of its own."""
        return "data:image/png;base64," + b64encode(qr.png(self.uri)).decode()

    @property
    def key_groups(self) -> list[str]:
        """The secret in groups of four letters, for typing."""
        return [self.secret[i : i + 4] for i in range(0, len(self.secret), 4)]


def new_seed() -> str:
    """Return a random seed for a session; sign-in puts one into every new session."""
    return secrets.token_urlsafe(32)


def offer(session: SessionBase, user: "Operator") -> Offer:
    """Return the secret that this session may confirm for this user; the same on every call until then."""
    seed = session.get(SEED_KEY)
    if not seed:
        seed = session[SEED_KEY] = new_seed()
    secret = vault.derive(f"{seed}\0{user.pk}\0{user.session_nonce}")
    return Offer(secret, totp.provisioning_uri(secret, user.email, settings.TWO_FACTOR_ISSUER))


def finish(session: SessionBase, user: "Operator", code: str, by: Origin) -> None:
    """Enroll the user if the code fits the offered secret; ends the user's other sessions and links.

    Raises WrongCodeError or AlreadyEnrolledError; nothing is stored then.
    """
    now = timezone.now()
    secret = offer(session, user).secret
    step = totp.matching_step(secret, code, now.timestamp())
    if step is None:
        drift = totp.drift_steps(secret, code, now.timestamp())
        raise WrongCodeError(None if drift is None else drift * totp.STEP_SECONDS)
    try:
        with transaction.atomic():
            # The unique user decides between two that finish at the same time.
            user.authenticator = Authenticator.objects.create(
                user=user,
                sealed_secret=vault.seal(secret, user.pk),
                confirmed_at=now,
                last_used_at=now,
                last_step=step,
            )
            user.renew_session_nonce(keep=by.session_key)
            record(Action.TWO_FACTOR_ENROLLED, by=by, subject=user)
    except IntegrityError as error:
        raise AlreadyEnrolledError from error


def remove(user: "Operator") -> bool:
    """Delete the user's authenticator; return whether there was one."""
    deleted, _ = Authenticator.objects.filter(user=user).delete()
    return bool(deleted)
