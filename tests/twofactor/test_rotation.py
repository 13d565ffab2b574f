"""Rotating the keys: what is re-encrypted, what is left alone, and when the old key may go."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from tests.support.factories import PASSWORD, SECRET, code_for, enroll, make_operator, signed_in
from twofactor import rotation, vault
from twofactor.models import Authenticator, KeyCheck

PURPOSE = vault.Purpose.SECRET

OTHER_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def new_key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def old(settings) -> list[str]:
    """The keys from before; a new one is put in front of them by `rotated`."""
    return list(settings.TWO_FACTOR_KEYS)


@pytest.fixture
def olga(account, old):
    return make_operator(account, "olga@example.com", enrolled=True)


def put_in_front(settings) -> str:
    key = new_key()
    settings.TWO_FACTOR_KEYS = [key, *settings.TWO_FACTOR_KEYS]
    return key


def run() -> str:
    out = StringIO()
    call_command("rotate_two_factor_keys", stdout=out)
    return out.getvalue()


def fails() -> tuple[str, str]:
    """Return what a run that ends with an error printed, and the error."""
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("rotate_two_factor_keys", stdout=out, stderr=out)
    return out.getvalue(), str(error.value)


def sealed(operator) -> str:
    return Authenticator.objects.values_list("sealed_secret", flat=True).get(user=operator)


def test_afterwards_the_new_key_alone_reads_every_secret(account, olga, settings):
    otto = make_operator(account)
    enroll(otto, OTHER_SECRET)
    key = put_in_front(settings)
    out = run()
    settings.TWO_FACTOR_KEYS = [key]
    assert [vault.unseal(sealed(who), who.pk, PURPOSE) for who in (olga, otto)] == [SECRET, OTHER_SECRET]
    assert "Secrets looked at: 2, re-encrypted: 2" in out
    assert "in 15 minutes the older keys may be removed" in out


def test_after_the_old_key_is_gone_the_same_phone_signs_in(olga, settings):
    key = put_in_front(settings)
    run()
    settings.TWO_FACTOR_KEYS = [key]
    browser = Client()
    browser.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    assert browser.post(reverse("twofactor:verify"), {"code": code_for()}).url == olga.get_absolute_url()


def test_nothing_but_the_secret_is_written(olga, settings):
    rest = [field.name for field in Authenticator._meta.fields if field.name != "sealed_secret"]
    before = Authenticator.objects.values(*rest).get(), sealed(olga)
    put_in_front(settings)
    run()
    assert Authenticator.objects.values(*rest).get() == before[0]
    assert sealed(olga) != before[1]


def test_what_is_under_the_newest_key_already_is_left_alone(olga, settings):
    put_in_front(settings)
    run()
    first = sealed(olga)
    out = run()
    assert sealed(olga) == first
    assert "Secrets looked at: 1, re-encrypted: 0" in out


def test_without_any_authenticator_the_old_keys_may_go(db):
    assert "may be removed" in run()


def test_all_batches_are_done(account, settings, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 2)
    for _ in range(3):
        make_operator(account)  # so that no authenticator has the number of its operator
    people = [make_operator(account, enrolled=True) for _ in range(5)]
    key = put_in_front(settings)
    lines = run().splitlines()
    settings.TWO_FACTOR_KEYS = [key]
    assert [vault.unseal(sealed(who), who.pk, PURPOSE) for who in people] == [SECRET] * 5
    assert [line.split(",")[0] for line in lines[:3]] == [
        f"Secrets looked at: {number}" for number in (2, 4, 5)
    ]


# Stopped, and others who write meanwhile


def test_a_run_that_was_stopped_keeps_what_is_done_and_the_next_does_the_rest(account, settings, monkeypatch):
    people = [make_operator(account, enrolled=True) for _ in range(3)]
    put_in_front(settings)
    real = vault.seal

    def stopped(secret, user_id, purpose):
        if user_id == people[1].pk:
            raise KeyboardInterrupt
        return real(secret, user_id, purpose)

    monkeypatch.setattr(vault, "seal", stopped)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.undo()
    done = sealed(people[0])
    assert [vault.is_newest(sealed(who), who.pk, PURPOSE) for who in people] == [True, False, False]
    assert "Secrets looked at: 3, re-encrypted: 2" in run()
    assert sealed(people[0]) == done


def test_a_row_that_changed_meanwhile_is_not_overwritten(olga, old, settings, monkeypatch):
    put_in_front(settings)
    new = settings.TWO_FACTOR_KEYS
    real = vault.seal

    def overtaken(secret, user_id, purpose):
        # Another server, still without the new key, enrolls her with another phone.
        if user_id == olga.pk:
            settings.TWO_FACTOR_KEYS = old
            Authenticator.objects.update(sealed_secret=real(OTHER_SECRET, user_id, purpose))
            settings.TWO_FACTOR_KEYS = new
        return real(secret, user_id, purpose)

    monkeypatch.setattr(vault, "seal", overtaken)
    out, error = fails()
    assert vault.unseal(sealed(olga), olga.pk, PURPOSE) == OTHER_SECRET
    assert "Secrets looked at: 1, re-encrypted: 0" in out
    assert "1 secret is not under the newest key. Keep the older keys." in error
    monkeypatch.undo()
    assert "may be removed" in run()


def test_a_row_that_was_deleted_meanwhile_does_not_matter(olga, settings, monkeypatch):
    put_in_front(settings)
    real = vault.seal

    def overtaken(secret, user_id, purpose):
        Authenticator.objects.filter(user=user_id).delete()
        return real(secret, user_id, purpose)

    monkeypatch.setattr(vault, "seal", overtaken)
    assert "may be removed" in run()


# Secrets and keys that are not right


@pytest.mark.parametrize("damage", ["nonsense", "of another key", "of another operator"])
def test_a_secret_that_no_key_opens_is_named_and_the_others_are_done(account, olga, settings, damage):
    otto = make_operator(account, enrolled=True)
    lost = {
        "nonsense": "nonsense",
        "of another key": Fernet(new_key()).encrypt(f"{olga.pk}:{SECRET}".encode()).decode(),
        "of another operator": sealed(otto),
    }[damage]
    Authenticator.objects.filter(user=olga).update(sealed_secret=lost)
    put_in_front(settings)
    out, error = fails()
    assert f"Operator {olga.pk}: no key opens this secret." in out
    assert f"Operator {otto.pk}" not in out
    assert "1 secret is not under the newest key" in error
    assert sealed(olga) == lost
    assert vault.is_newest(sealed(otto), otto.pk, PURPOSE)


def test_several_lost_secrets_are_counted(account, olga, settings):
    make_operator(account, enrolled=True)
    settings.TWO_FACTOR_KEYS = [new_key()]
    out, error = fails()
    assert out.count("no key opens this secret") == 2
    assert "2 secrets are not under the newest key" in error


@pytest.mark.parametrize("keys", [[], [""], ["no key"], ["no key", "old"], ["new", "no key", "old"]])
def test_a_setting_that_is_no_key_changes_nothing(olga, old, settings, keys):
    before = sealed(olga)
    names = {"old": old[0], "new": new_key()}
    settings.TWO_FACTOR_KEYS = [names.get(key, key) for key in keys]
    out, error = fails()
    assert "TWO_FACTOR_KEYS is empty, or a value in it is no key." in error
    assert out == ""
    assert sealed(olga) == before


def test_no_secret_is_printed(olga, settings):
    put_in_front(settings)
    out = run()
    assert out
    assert SECRET not in out
    assert len(settings.TWO_FACTOR_KEYS) > 1
    assert not any(key in out for key in settings.TWO_FACTOR_KEYS)


# The check of the keys


@pytest.fixture
def offers(account):
    """Returns whether somebody who has no authenticator is shown a QR code."""
    nora = make_operator(account)
    browser = signed_in(nora)
    return lambda: browser.get(reverse("operators:scan", args=[nora.pk])).status_code == 200


def test_after_a_rotation_people_enroll_with_the_new_key_alone(offers, settings):
    assert offers()
    key = put_in_front(settings)
    assert offers()
    run()
    settings.TWO_FACTOR_KEYS = [key]
    assert offers()


def test_before_the_rotation_the_old_key_is_needed(offers, settings):
    assert offers()
    settings.TWO_FACTOR_KEYS = [new_key()]
    assert not offers()
    _out, error = fails()
    assert "these are not the keys of this installation" in error


def test_where_the_keys_are_lost_one_may_begin_anew(olga, offers, settings):
    assert offers()
    settings.TWO_FACTOR_KEYS = [new_key()]
    with pytest.raises(CommandError, match="1 secret is not under the newest key"):
        call_command("rotate_two_factor_keys", "--keys-are-lost", stdout=StringIO(), stderr=StringIO())
    assert offers()


# What the release before has sealed, and what waits in sessions


def sealed_before(text: str, user_id: int, key: str) -> str:
    """Return a text as the release before sealed it."""
    return Fernet(key).encrypt(f"{user_id}:{text}".encode()).decode()


def test_rows_of_the_release_before_are_sealed_anew_under_the_same_key(olga, offers, settings):
    [key] = settings.TWO_FACTOR_KEYS
    Authenticator.objects.update(sealed_secret=sealed_before(SECRET, olga.pk, key))
    KeyCheck.objects.update_or_create(pk=1, defaults={"sealed": sealed_before("the keys are right", 0, key)})
    assert offers()
    assert Authenticator.objects.get().secret == SECRET
    assert "re-encrypted: 1" in run()
    assert sealed(olga).startswith(vault.VERSION)
    assert KeyCheck.objects.get().sealed.startswith(vault.VERSION)
    assert Authenticator.objects.get().secret == SECRET


def test_a_qr_code_that_was_scanned_before_the_keys_changed_still_counts(account, settings):
    nora = make_operator(account)
    browser, url = signed_in(nora), reverse("operators:scan", args=[nora.pk])
    scanned = browser.get(url).context["enrollment"].secret
    key = put_in_front(settings)
    assert browser.get(url).context["enrollment"].secret != scanned
    browser.post(url, {"code": code_for(scanned)})
    assert Authenticator.objects.get().secret == scanned
    settings.TWO_FACTOR_KEYS = [key]
    assert Authenticator.objects.get().secret == scanned


def test_new_recovery_codes_whose_key_is_gone_are_said_to_be_lost(olga, settings):
    browser, page = signed_in(olga), reverse("twofactor:recovery-codes")
    browser.post(reverse("twofactor:recovery-codes-new"))
    assert len(browser.get(page).context["codes"]) == 10
    key = put_in_front(settings)
    run()
    assert len(browser.get(page).context["codes"]) == 10
    settings.TWO_FACTOR_KEYS = [key]
    answer = browser.get(page)
    assert (answer.status_code, answer.context["codes"]) == (200, [])
    assert "they can no longer be shown" in answer.text
    assert "Make new recovery codes" in answer.text
    assert browser.post(reverse("twofactor:recovery-codes-download")).url == page
    assert browser.post(page, {"saved": "on"}).status_code == 302
    assert Authenticator.objects.get().recovery_saved_at is None
    browser.post(reverse("twofactor:recovery-codes-new"))
    assert len(browser.get(page).context["codes"]) == 10


def test_a_copied_link_whose_key_is_gone_is_not_shown_and_nothing_breaks(admin_browser, account, settings):
    url = reverse("operators:invitation-copy", args=[make_operator(account, invited=True).pk])
    admin_browser.post(url)
    assert "copied-link" in admin_browser.get(url).text
    key = put_in_front(settings)
    run()
    settings.TWO_FACTOR_KEYS = [key]
    assert "That link is not shown any more. Copy a new one" in admin_browser.get(url, follow=True).text
