"""Secrets at rest: whose they are, key rotation, and a server without the right key."""

from base64 import b32decode, urlsafe_b64decode

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.support.factories import PASSWORD, SECRET, code_for, make_operator
from twofactor import vault
from twofactor.models import Authenticator
from twofactor.vault import SecretUnreadableError

PURPOSE = vault.Purpose.SECRET


def test_what_is_sealed_is_read_again_and_not_readable_in_between():
    sealed = vault.seal(SECRET, 7, PURPOSE)
    assert SECRET not in sealed
    assert vault.unseal(sealed, 7, PURPOSE) == SECRET


def test_a_ciphertext_moved_to_another_user_fails():
    with pytest.raises(SecretUnreadableError):
        vault.unseal(vault.seal(SECRET, 7, PURPOSE), 8, PURPOSE)


def test_a_ciphertext_that_was_changed_does_not_open():
    sealed = vault.seal(SECRET, 7, PURPOSE)
    for at in range(len(sealed) - 4):  # of the last letters not every bit counts
        other = "A" if sealed[at] != "A" else "B"
        with pytest.raises(SecretUnreadableError):
            vault.unseal(sealed[:at] + other + sealed[at + 1 :], 7, PURPOSE)


def test_a_new_secret_has_160_bits():
    assert [len(b32decode(secret)) for secret in vault.derive("somebody")] == [20]


def test_no_secret_is_derived_where_one_of_the_keys_is_none(settings):
    for keys in ([], ["no key"], [*settings.TWO_FACTOR_KEYS, "no key"]):
        settings.TWO_FACTOR_KEYS = keys
        with pytest.raises(SecretUnreadableError):
            vault.derive("somebody")


def test_a_new_key_reads_what_an_older_one_sealed(settings):
    sealed = vault.seal(SECRET, 7, PURPOSE)
    settings.TWO_FACTOR_KEYS = [Fernet.generate_key().decode(), *settings.TWO_FACTOR_KEYS]
    assert vault.unseal(sealed, 7, PURPOSE) == SECRET


def test_the_newest_key_seals(settings):
    old = settings.TWO_FACTOR_KEYS
    settings.TWO_FACTOR_KEYS = [Fernet.generate_key().decode(), *old]
    sealed = vault.seal(SECRET, 7, PURPOSE)
    settings.TWO_FACTOR_KEYS = old
    with pytest.raises(SecretUnreadableError):
        vault.unseal(sealed, 7, PURPOSE)


@pytest.mark.parametrize("key", [Fernet.generate_key().decode(), "no key"], ids=["another", "none"])
def test_a_wrong_key_answers_503_and_offers_no_enrollment(account, settings, key):
    operator = make_operator(account, enrolled=True)
    browser = Client()
    browser.post(reverse("operators:login"), {"email": operator.email, "password": PASSWORD})
    settings.TWO_FACTOR_KEYS = [key]
    answer = browser.post(reverse("twofactor:verify"), {"code": code_for()})
    assert answer.status_code == 503
    assert "enrollment-key" not in answer.text
    assert browser.get(operator.get_absolute_url()).status_code == 302


def test_a_swapped_row_lets_nobody_in(account):
    olga, otto = make_operator(account, enrolled=True), make_operator(account, enrolled=True)
    stolen = Authenticator.objects.get(user=otto).sealed_secret
    Authenticator.objects.filter(user=olga).update(sealed_secret=stolen)
    browser = Client()
    browser.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    assert browser.post(reverse("twofactor:verify"), {"code": code_for()}).status_code == 503


# What for, and sealed by which release


KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
# Made by the release before, with that key: the secret of user 7, the check of the keys, new recovery codes.
OLD_SECRET = (
    "gAAAAABrCaK6q0weGExoZu4VYOyJaC1tL3zqTlWCOgOS33E2VvtpmlUwtgr9jLyZYGW8fwFCYQeeuTe20_4rygfFi8Qj8cxxMLpw7nr9"
    "ZmFifNknto9_YsHo1xSLd11MFKG1Dmqn2i2C"
)
OLD_CHECK = (
    "gAAAAABrCaK6xT_jyEzmTbi9wGs_OzUrqUUIxzWQFNLaaTKdDIDsGhre9Jtldush7L-Io5V1bvAjYhheGeMx5Akc3nFcgr8k9bcIg2fJ"
    "BKEh1DVngANaBZo="
)
OLD_CODES = (
    "gAAAAABrCaK6jfNrczQPHm-E83Myiek_HZ356hefB4pyCeplxcB9h6aei7QhoyoDF6WRjdg_uKXPpkWG24PsoGOYQDt-MODuspjyBdzY"
    "CaIESS_O-ntcidMwq1YbZsFa9W4liJp4dmql"
)


@pytest.fixture
def _fixed_key(settings):
    settings.TWO_FACTOR_KEYS = [KEY]


@pytest.mark.parametrize("sealed_for", vault.Purpose)
@pytest.mark.parametrize("opened_for", vault.Purpose)
def test_a_text_opens_for_its_own_purpose_only(sealed_for, opened_for):
    sealed = vault.seal("text", 7, sealed_for)
    if sealed_for == opened_for:
        assert vault.unseal(sealed, 7, opened_for) == "text"
    else:
        with pytest.raises(SecretUnreadableError):
            vault.unseal(sealed, 7, opened_for)


def test_purposes_have_keys_of_their_own_and_none_is_the_one_that_is_set():
    text = vault.seal("text", 7, PURPOSE).removeprefix(vault.VERSION)
    raw, context = urlsafe_b64decode(text), f"v2.\0{PURPOSE}\0{7}".encode()
    for key in settings.TWO_FACTOR_KEYS:
        with pytest.raises(InvalidTag):
            AESGCM(urlsafe_b64decode(key)).decrypt(raw[:12], raw[12:], context)


@pytest.mark.usefixtures("_fixed_key")
def test_what_was_sealed_stays_readable_in_later_releases():
    sealed = "v2.--Dj0P5N5WeACZNbiNgmzB6vHN3scDRQ8LcbnTqKMe329g63AfNOBX7YLpvPuFSq1k2DM-VPuDdhUhCI"
    assert vault.unseal(sealed, 7, PURPOSE) == SECRET
    assert vault.derive("somebody") == ["DURAC4X4OB42NGCCTRRRL5DF2ONTNY45"]


@pytest.mark.usefixtures("_fixed_key")
def test_rows_of_the_release_before_are_read_until_they_are_sealed_anew():
    assert vault.unseal(OLD_SECRET, 7, PURPOSE) == SECRET
    assert vault.unseal(OLD_CHECK, 0, vault.Purpose.KEY_CHECK) == "the keys are right"
    assert not vault.is_newest(OLD_SECRET, 7, PURPOSE)
    assert vault.is_newest(vault.seal(SECRET, 7, PURPOSE), 7, PURPOSE)


@pytest.mark.usefixtures("_fixed_key")
@pytest.mark.parametrize(
    ("sealed", "user_id", "purpose"),
    [
        (OLD_SECRET, 8, vault.Purpose.SECRET),
        (OLD_SECRET, 7, vault.Purpose.RECOVERY_CODES),
        (OLD_SECRET, 7, vault.Purpose.LINK),
        (OLD_CODES, 7, vault.Purpose.RECOVERY_CODES),
        (OLD_SECRET[:-2] + "A=", 7, vault.Purpose.SECRET),
    ],
)
def test_a_text_without_a_purpose_opens_as_a_row_of_its_user_only(sealed, user_id, purpose):
    with pytest.raises(SecretUnreadableError):
        vault.unseal(sealed, user_id, purpose)


def test_what_was_damaged_is_not_readable():
    sealed = vault.seal(SECRET, 7, PURPOSE)
    other = "A" if sealed[10] != "A" else "B"
    damaged = [sealed[:-8], sealed.removeprefix(vault.VERSION), sealed[:10] + other + sealed[11:]]
    nonsense = ["", *(vault.VERSION + text for text in ("", "A", "ä" * 44, "AAAA" * 20))]
    for text in [*damaged, *nonsense]:
        with pytest.raises(SecretUnreadableError):
            vault.unseal(text, 7, PURPOSE)
