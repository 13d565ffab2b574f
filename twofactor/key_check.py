"""Are these the installation's keys? Asked before a new secret is sealed, so that none is sealed with others.

A key that is valid but wrong fails where a secret is read; whoever has none yet would go past it unnoticed.
"""

from functools import lru_cache

from django.conf import settings
from django.db import IntegrityError, transaction

from twofactor import vault
from twofactor.models import Authenticator, KeyCheck

PK = 1
NOBODY = 0  # no user has this number
TEXT = "the keys are right"
PURPOSE = vault.Purpose.KEY_CHECK
# So many secrets are tried before the keys are called wrong: a few may be damaged.
TRIED = 20


def verify() -> None:
    """Raise SecretUnreadableError where TWO_FACTOR_KEYS does not open what was sealed before."""
    verify_once(tuple(settings.TWO_FACTOR_KEYS))


@lru_cache(maxsize=8)
def verify_once(_keys: tuple[str, ...]) -> None:
    """Look into the database once in each process: a failure is not remembered, and right keys stay right."""
    sealed = _stored()
    if sealed is None:
        _begin()
    else:
        vault.unseal(sealed, NOBODY, PURPOSE)


def accept_keys() -> None:
    """Take the keys as they are for the right ones, whatever was sealed before."""
    KeyCheck.objects.update_or_create(pk=PK, defaults={"sealed": vault.seal(TEXT, NOBODY, PURPOSE)})


def renew() -> bool:
    """Return false where none of the keys opens the check."""
    try:
        verify()
    except vault.SecretUnreadableError:
        return False
    accept_keys()
    return True


def _stored() -> str | None:
    return KeyCheck.objects.values_list("sealed", flat=True).first()


def _begin() -> None:
    newest = Authenticator.objects.order_by("-pk").values_list("sealed_secret", "user_id")[:TRIED]
    secrets = list(newest)
    if secrets and not any(_opens(*secret) for secret in secrets):
        raise vault.SecretUnreadableError
    try:
        with transaction.atomic():
            KeyCheck.objects.create(pk=PK, sealed=vault.seal(TEXT, NOBODY, PURPOSE))
    except IntegrityError:  # another request was faster
        vault.unseal(_stored() or "", NOBODY, PURPOSE)


def _opens(sealed: str, user_id: int) -> bool:
    try:
        vault.unseal(sealed, user_id, vault.Purpose.SECRET)
    except vault.SecretUnreadableError:
        return False
    return True
