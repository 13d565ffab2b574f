"""The arithmetic of codes, against the vectors of RFC 6238, appendix B, cut to six digits."""

from base64 import b32encode

import pytest

from twofactor import totp

SECRET = b32encode(b"12345678901234567890").decode()
NOW = 1_700_000_010


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_the_standard(seconds, code):
    assert totp.matching_step(SECRET, code, seconds) == seconds // 30


@pytest.mark.parametrize(("distance", "found"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_either_side_is_accepted_and_two_are_not(distance, found):
    step = totp.step_at(NOW) + distance
    assert totp.matching_step(SECRET, totp.code_at(SECRET, step), NOW) == (step if found else None)


@pytest.mark.parametrize(
    ("distance", "drift"),
    [(-21, None), (-20, -20), (-2, -2), (-1, None), (0, None), (1, None), (2, 2), (20, 20), (21, None)],
)
def test_a_clock_is_recognized_from_two_to_twenty_steps_away(distance, drift):
    code = totp.code_at(SECRET, totp.step_at(NOW) + distance)
    assert totp.drift_steps(SECRET, code, NOW) == drift


def test_long_names_are_cut_so_that_the_code_stays_small():
    uri = totp.provisioning_uri(SECRET, "ü" * 254, "a:" * 200)
    assert len(uri) < 280
    assert uri.count(":") == 2


def test_there_is_room_for_96_bytes_of_label_and_48_of_issuer():
    label, issuer = "l" * 90 + "@e.com", "i" * 48
    expected = f"otpauth://totp/{issuer}:{label}?secret={SECRET}&issuer={issuer}"
    assert totp.provisioning_uri(SECRET, label, issuer) == expected
    assert totp.provisioning_uri(SECRET, label + "l", issuer + "i") == expected


def test_spaces_around_names_are_dropped_and_colons_become_spaces():
    expected = f"otpauth://totp/A%20B:c%20d@e?secret={SECRET}&issuer=A%20B"
    assert totp.provisioning_uri(SECRET, " c:d@e ", " A:B ") == expected


@pytest.mark.parametrize(("seconds", "step"), [(0, 0), (29.99, 0), (30, 1), (59, 1), (60, 2)])
def test_a_step_has_thirty_seconds(seconds, step):
    assert totp.step_at(seconds) == step


@pytest.mark.parametrize("distance", [*range(-20, -1), *range(2, 21)])
def test_every_step_from_two_to_twenty_is_recognized(distance):
    code = totp.code_at(SECRET, totp.step_at(NOW) + distance)
    assert totp.drift_steps(SECRET, code, NOW) == distance


def test_the_beginning_of_time_has_no_step_before_it():
    assert totp.matching_step(SECRET, totp.code_at(SECRET, 0), 0) == 0
