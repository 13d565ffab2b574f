"""Keeps authenticator secrets unreadable in the database.

Every secret is encrypted with the newest of TWO_FACTOR_KEYS together with the number of its user:
a ciphertext that was moved to another row does not open there.
"""

import hashlib
import hmac
from base64 import b32encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from twofactor.totp import SECRET_BYTES


class SecretUnreadableError(Exception):
    """A stored secret cannot be read: the key is missing or wrong, or the row was tampered with."""


def seal(secret: str, user_id: int) -> str:
    """Return the ciphertext of a secret for one user."""
    return _keys(tuple(settings.TWO_FACTOR_KEYS)).encrypt(f"{user_id}:{secret}".encode()).decode()


def unseal(ciphertext: str, user_id: int) -> str:
    """Return the secret; raise SecretUnreadableError where it is not readable as this user's."""
    return _open(tuple(settings.TWO_FACTOR_KEYS), ciphertext, user_id)


def is_under_newest_key(ciphertext: str, user_id: int) -> bool:
    """Whether the first of TWO_FACTOR_KEYS alone opens a ciphertext: the others are not needed for it."""
    try:
        _open(tuple(settings.TWO_FACTOR_KEYS[:1]), ciphertext, user_id)
    except SecretUnreadableError:
        return False
    return True


def check_keys() -> None:
    """Raise SecretUnreadableError where no key is set or one of them is no key."""
    _keys(tuple(settings.TWO_FACTOR_KEYS))


def derive(context: str) -> str:
    """Return a Base32 secret that only this server can compute, always the same for the same context.

    Raises SecretUnreadableError before anybody scans what could not be sealed afterwards.
    """
    check_keys()
    key = settings.TWO_FACTOR_KEYS[0].encode()
    digest = hmac.new(key, b"two-factor enrollment\0" + context.encode(), hashlib.sha256).digest()
    return b32encode(digest[:SECRET_BYTES]).decode()


def _open(keys: tuple[str, ...], ciphertext: str, user_id: int) -> str:
    """Return the secret in a ciphertext that one of the keys opens and that is this user's."""
    try:
        owner, _, secret = _keys(keys).decrypt(ciphertext.encode()).decode().partition(":")
    except InvalidToken as error:
        raise SecretUnreadableError from error
    if owner != str(user_id):
        raise SecretUnreadableError
    return secret


@lru_cache(maxsize=8)
def _keys(keys: tuple[str, ...]) -> MultiFernet:
    """Return the cipher for these keys, newest first; raise SecretUnreadableError where one is no key."""
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise SecretUnreadableError from error
