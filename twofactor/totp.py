"""Time-based one-time passwords (RFC 6238): which step does a code belong to? No Django in here.

SHA-1, 6 digits, 30 seconds: what every authenticator app supports.
"""

import hmac
from urllib.parse import quote

import pyotp

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20  # 160 bits, RFC 4226 section 4, requirement 6
WINDOW = 1  # steps either side: network delay and typing (RFC 6238 section 5.2), and phones that run fast
DRIFT_WINDOW = 20  # steps either side that an enrollment looks at to tell how far a clock is off
# Bytes after escaping. A QR code of both stays below version 11, which every camera reads from a screen.
LABEL_BYTES = 96
ISSUER_BYTES = 48


def step_at(seconds: float) -> int:
    """`seconds` counts from 1970."""
    return int(seconds) // STEP_SECONDS


def code_at(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).generate_otp(step)


def matching_step(secret: str, code: str, seconds: float) -> int | None:
    now = step_at(seconds)
    return _find(secret, code, [now, now - 1, now + 1])


def drift_steps(secret: str, code: str, seconds: float) -> int | None:
    """How far the clock behind a refused code is ahead (negative: slow); None where that is unknown."""
    now = step_at(seconds)
    near = range(WINDOW + 1, DRIFT_WINDOW + 1)
    step = _find(secret, code, [now + sign * distance for distance in near for sign in (-1, 1)])
    return None if step is None else step - now


def _find(secret: str, code: str, steps: list[int]) -> int | None:
    """Compare all of them, in constant time."""
    hits = [step for step in steps if step >= 0 and hmac.compare_digest(code_at(secret, step), code)]
    return hits[0] if hits else None


def provisioning_uri(secret: str, label: str, issuer: str) -> str:
    """Return the otpauth: address that authenticator apps read (the Key URI format).

    Label and issuer are cut, since a longer address makes a QR code that cameras cannot read; a
    colon in them would be taken for the separator between the two.
    """
    issuer_part = _cut(issuer.replace(":", " "), ISSUER_BYTES)
    label_part = _cut(label.replace(":", " "), LABEL_BYTES)
    return f"otpauth://totp/{issuer_part}:{label_part}?secret={secret}&issuer={issuer_part}"


def _cut(text: str, limit: int) -> str:
    """`limit` is in bytes, after escaping."""
    text = text.strip()
    while len(quote(text, safe="@")) > limit:
        text = text[:-1]
    return quote(text, safe="@")
