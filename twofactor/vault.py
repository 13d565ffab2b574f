"""Keeps secrets unreadable in the database and in sessions.

Each key in TWO_FACTOR_KEYS is used for nothing by itself: for every purpose a key of its own is derived from
it (HKDF, RFC 5869). What is sealed says under which purpose and for which user, as part of what is
authenticated (AES-GCM): moved to another row, or to a place with another purpose, it does not open.
"""

import os
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from twofactor.totp import SECRET_BYTES

# The beginning of every sealed text, and part of what is authenticated.
VERSION = "v2."
KEY_BYTES = 32
NONCE_BYTES = 12  # random; NIST SP 800-38D, 8.3: for up to 2^32 texts under one key


class Purpose(StrEnum):
    """What a text is sealed for. The words are part of the keys: changed, they open nothing."""

    SECRET = "authenticator secret"  # noqa: S105
    RECOVERY_CODES = "new recovery codes"
    LINK = "copied link"
    KEY_CHECK = "check of the keys"


# Rows that the release before this one has sealed, by Fernet and without a purpose. They stay readable until
# rotate_two_factor_keys has sealed them anew. What it has put into sessions lived for 15 minutes.
UNVERSIONED = (Purpose.SECRET, Purpose.KEY_CHECK)


class SecretUnreadableError(Exception):
    """What is sealed cannot be read: the key is missing or wrong, or it was tampered with."""


def seal(text: str, user_id: int, purpose: Purpose) -> str:
    cipher, nonce = _ciphers(tuple(settings.TWO_FACTOR_KEYS), purpose)[0], os.urandom(NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, text.encode(), _context(user_id, purpose))
    return VERSION + urlsafe_b64encode(sealed).decode()


def unseal(sealed: str, user_id: int, purpose: Purpose) -> str:
    """Raise SecretUnreadableError where it is not readable as this user's, for this purpose."""
    return _open(tuple(settings.TWO_FACTOR_KEYS), sealed, user_id, purpose)


def is_newest(sealed: str, user_id: int, purpose: Purpose) -> bool:
    """No older key is needed for the text, and no older release."""
    try:
        _open(tuple(settings.TWO_FACTOR_KEYS[:1]), sealed, user_id, purpose)
    except SecretUnreadableError:
        return False
    return sealed.startswith(VERSION)


def check_keys() -> None:
    """Raise SecretUnreadableError where no key is set, or one of them is no key."""
    _raw(tuple(settings.TWO_FACTOR_KEYS))


def derive(context: str) -> list[str]:
    """Return a Base32 secret for each key, the newest first; only this server can compute them.

    The same context gives the same secrets. Raises SecretUnreadableError before anybody scans what could
    not be sealed afterwards.
    """
    info = b"two-factor derive\0enrollment\0" + context.encode()
    secrets = (_hkdf(key, info, SECRET_BYTES) for key in _raw(tuple(settings.TWO_FACTOR_KEYS)))
    return [b32encode(secret).decode() for secret in secrets]


def _open(keys: tuple[str, ...], sealed: str, user_id: int, purpose: Purpose) -> str:
    if not sealed.startswith(VERSION):
        return _open_unversioned(keys, sealed, user_id, purpose)
    for cipher in _ciphers(keys, purpose):
        try:
            raw = urlsafe_b64decode(sealed.removeprefix(VERSION))
            text = cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _context(user_id, purpose))
        except (InvalidTag, ValueError):
            continue
        return text.decode()
    raise SecretUnreadableError


def _open_unversioned(keys: tuple[str, ...], sealed: str, user_id: int, purpose: Purpose) -> str:
    """Open what the release before this one has sealed."""
    _raw(keys)
    if purpose not in UNVERSIONED:
        raise SecretUnreadableError
    try:
        owner, _, text = MultiFernet(map(Fernet, keys)).decrypt(sealed.encode()).decode().partition(":")
    except InvalidToken as error:
        raise SecretUnreadableError from error
    if owner != str(user_id):
        raise SecretUnreadableError
    return text


def _context(user_id: int, purpose: Purpose) -> bytes:
    return f"{VERSION}\0{purpose}\0{user_id}".encode()


@lru_cache(maxsize=32)
def _ciphers(keys: tuple[str, ...], purpose: Purpose) -> list[AESGCM]:
    info = b"two-factor seal\0" + purpose.encode()
    return [AESGCM(_hkdf(key, info, KEY_BYTES)) for key in _raw(keys)]


def _hkdf(key: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=info).derive(key)


@lru_cache(maxsize=8)
def _raw(keys: tuple[str, ...]) -> list[bytes]:
    """Newest first; raises SecretUnreadableError where none is set, or one is wrong."""
    try:
        keys_read = [urlsafe_b64decode(key) for key in keys]
    except ValueError as error:
        raise SecretUnreadableError from error
    if not keys_read or any(len(key) != KEY_BYTES for key in keys_read):
        raise SecretUnreadableError
    return keys_read
