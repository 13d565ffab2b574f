"""Time-based codes: the vectors of RFC 6238, the window, and how far a clock is off."""

from base64 import b32encode

import pytest

from twofactor import totp

# RFC 6238, appendix B, SHA-1; its codes have 8 digits, of which ours are the last 6.
RFC_SECRET = b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]
NOW = 1111111111
STEP = totp.step_at(NOW)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_codes_are_those_of_the_rfc(seconds, code):
    assert totp.code_at(RFC_SECRET, totp.step_at(seconds)) == code[-6:]


@pytest.mark.parametrize(("seconds", "step"), [(0, 0), (29.99, 0), (30, 1), (59, 1), (60, 2)])
def test_a_step_has_thirty_seconds(seconds, step):
    assert totp.step_at(seconds) == step


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_either_side_is_accepted(steps, accepted):
    code = totp.code_at(RFC_SECRET, STEP + steps)
    assert totp.matching_step(RFC_SECRET, code, NOW) == (STEP + steps if accepted else None)


@pytest.mark.parametrize("steps", [*range(-20, -1), *range(2, 21)])
def test_a_clock_that_is_two_to_twenty_steps_off_is_found_out(steps):
    assert totp.drift_steps(RFC_SECRET, totp.code_at(RFC_SECRET, STEP + steps), NOW) == steps


@pytest.mark.parametrize("steps", [-21, 21, -1, 0, 1])
def test_other_steps_are_no_drift(steps):
    assert totp.drift_steps(RFC_SECRET, totp.code_at(RFC_SECRET, STEP + steps), NOW) is None


def test_the_beginning_of_time_has_no_step_before_it():
    assert totp.matching_step(RFC_SECRET, totp.code_at(RFC_SECRET, 0), 0) == 0


def test_label_and_issuer_are_escaped_and_cut():
    uri = totp.provisioning_uri("ABC", "a:b" * 99, "Up & Co: ü")
    assert uri.startswith("otpauth://totp/Up%20%26%20Co%20%20%C3%BC:a%20ba")
    assert uri.endswith("?secret=ABC&issuer=Up%20%26%20Co%20%20%C3%BC")
    assert len(uri) < 300
