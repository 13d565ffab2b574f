"""Secrets at rest: whose they are, key rotation, and a server without the right key."""

from base64 import b32decode

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, SECRET, code_for, make_operator
from twofactor import vault
from twofactor.models import Authenticator
from twofactor.vault import SecretUnreadableError


def test_what_is_sealed_is_read_again_and_not_readable_in_between():
    sealed = vault.seal(SECRET, 7)
    assert SECRET not in sealed
    assert vault.unseal(sealed, 7) == SECRET


def test_a_ciphertext_moved_to_another_user_fails():
    with pytest.raises(SecretUnreadableError):
        vault.unseal(vault.seal(SECRET, 7), 8)


def test_a_ciphertext_that_was_changed_does_not_open():
    sealed = vault.seal(SECRET, 7)
    for at in range(len(sealed) - 4):  # of the last letters not every bit counts
        other = "A" if sealed[at] != "A" else "B"
        with pytest.raises(SecretUnreadableError):
            vault.unseal(sealed[:at] + other + sealed[at + 1 :], 7)


def test_a_new_secret_has_160_bits():
    assert len(b32decode(vault.derive("somebody"))) == 20


def test_no_secret_is_derived_where_one_of_the_keys_is_none(settings):
    for keys in ([], ["no key"], [*settings.TWO_FACTOR_KEYS, "no key"]):
        settings.TWO_FACTOR_KEYS = keys
        with pytest.raises(SecretUnreadableError):
            vault.derive("somebody")


def test_a_new_key_reads_what_an_older_one_sealed(settings):
    sealed = vault.seal(SECRET, 7)
    settings.TWO_FACTOR_KEYS = [Fernet.generate_key().decode(), *settings.TWO_FACTOR_KEYS]
    assert vault.unseal(sealed, 7) == SECRET


def test_the_newest_key_seals(settings):
    old = settings.TWO_FACTOR_KEYS
    settings.TWO_FACTOR_KEYS = [Fernet.generate_key().decode(), *old]
    sealed = vault.seal(SECRET, 7)
    settings.TWO_FACTOR_KEYS = old
    with pytest.raises(SecretUnreadableError):
        vault.unseal(sealed, 7)


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
