"""Recovery codes: ten, each of which replaces one code from the app. No Django in here.

Stored are only hashes, keyed with the authenticator's own secret: whoever reads the database alone can
test no guess, a new secret makes the codes of the old one worthless, and rotating the server's keys does
not touch them.
"""

import hmac
import secrets
from base64 import b32encode
from collections.abc import Sequence
from hashlib import sha256

from accounts.text import code_within

COUNT = 10
BYTES = 10  # 80 bits; NIST SP 800-63B-4, 3.1.2 asks for 64
GROUP = 4
FEW = 3
ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
LENGTH = BYTES * 8 // 5
# Letters that look alike; Base32 has neither digit.
LOOKALIKES = str.maketrans("018", "OIB")


def generate() -> list[str]:
    return [_grouped(b32encode(secrets.token_bytes(BYTES)).decode()) for _ in range(COUNT)]


def normalize(typed: str) -> str:
    """Drops what stands around a code, and lookalikes; the rest is not necessarily a code."""
    return code_within(typed).upper().translate(LOOKALIKES)


def is_code(normalized: str) -> bool:
    return len(normalized) == LENGTH and set(normalized) <= ALPHABET


def hashes_of(codes: Sequence[str], secret: str) -> str:
    return " ".join(_hash_of(normalize(code), secret) for code in codes)


def number_of(hashes: str) -> int:
    return len(hashes.split())


def without(hashes: str, secret: str, code: str) -> str | None:
    """Return None where the code is none of them."""
    wanted = _hash_of(normalize(code), secret)
    all_hashes = hashes.split()
    # Every hash is compared, so that time does not tell which of them it was.
    hits = [hmac.compare_digest(known, wanted) for known in all_hashes]
    if not any(hits):
        return None
    return " ".join(known for known, hit in zip(all_hashes, hits, strict=True) if not hit)


def _hash_of(code: str, secret: str) -> str:
    return hmac.new(secret.encode(), b"recovery code\0" + code.encode(), sha256).hexdigest()


def _grouped(text: str) -> str:
    return "-".join(text[i : i + GROUP] for i in range(0, len(text), GROUP))
