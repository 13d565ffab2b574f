"""Who is told by email that a login asks for less than before, or works again."""

import pytest
from django.core import mail
from django.urls import reverse

from accounts import rounds
from accounts.audit.trail import Origin
from accounts.models import Account
from accounts.policy import AccountRule, Policy
from operators.models import Announcement, Operator
from operators.overrides.override import set_override
from operators.people import removal
from operators.people.login_method import set_sign_in_method
from operators.reminders import announcing
from operators.signin import frozen
from tests.support.factories import NOBODY, PASSWORD, code_for, make_operator, set_policy, signed_in
from tests.support.flows import log_in

ANNAS_ADDRESS = "192.0.2.7"
NOT_ME = "/not-me/"
Method = Operator.SignInMethod


@pytest.fixture
def by(admin: Operator) -> Origin:
    return Origin(admin, ANNAS_ADDRESS)


@pytest.fixture
def olga(account: Account) -> Operator:
    return make_operator(account, "olga@example.com", name="Olga", enrolled=True)


def told() -> list[str]:
    return sorted(address for message in mail.outbox for address in message.to)


def letter_to(address: str) -> str:
    (letter,) = [message for message in mail.outbox if message.to == [address]]
    assert letter.alternatives
    return str(letter.body)


# An override


def test_whoever_is_asked_for_no_code_any_longer_is_told_by_whom(olga, by):
    set_override(olga, Policy.DISABLED, by, reason="No phone")
    letter = letter_to(olga.email)
    assert "Anna Admin has switched two-factor authentication off for olga@example.com" in letter
    assert NOT_ME in letter
    assert told() == [olga.email]


def test_of_an_administrator_the_others_are_told_too(account, by):
    berta = make_operator(account, "berta@example.com", name="Berta", administrator=True, enrolled=True)
    set_override(berta, Policy.DISABLED, by, reason="No phone")
    assert told() == ["anna@example.com", "berta@example.com"]
    assert "for Berta (berta@example.com), who is an administrator" in letter_to("anna@example.com")


@pytest.mark.parametrize(
    ("fields", "account_policy", "override"),
    [
        ({"enrolled": False}, Policy.OPTIONAL, Policy.DISABLED),
        ({"active": False}, Policy.OPTIONAL, Policy.DISABLED),
        ({"single_sign_on": True}, Policy.OPTIONAL, Policy.DISABLED),
        ({}, Policy.REQUIRED, Policy.OPTIONAL),
        ({"override": Policy.DISABLED}, Policy.OPTIONAL, ""),
        ({}, Policy.DISABLED, Policy.DISABLED),
    ],
)
def test_nobody_is_told_where_the_login_takes_what_it_took(account, by, fields, account_policy, override):
    account.two_factor_policy = account_policy
    account.save()
    ivo = make_operator(account, **{"enrolled": True, **fields})
    assert set_override(ivo, override, by, reason="No phone")
    assert told() == []


# The account's setting


def everybody(account: Account) -> None:
    """One who gives a code, and others who do not."""
    make_operator(account, "olga@example.com", enrolled=True)
    make_operator(account, "required@example.com", enrolled=True, override=Policy.REQUIRED)
    make_operator(account, enrolled=True, override=Policy.DISABLED)
    make_operator(account, enrolled=True, active=False)
    make_operator(account, enrolled=True, single_sign_on=True)
    make_operator(account, invited=True)
    make_operator(account)


def test_switched_off_for_the_account_all_who_typed_a_code_and_the_administrators_are_told(account, admin):
    everybody(account)
    make_operator(account, "berta@example.com", administrator=True)
    set_policy(signed_in(admin), Policy.DISABLED)
    assert told() == ["anna@example.com", "berta@example.com", "olga@example.com", "required@example.com"]
    words = "Anna Admin has switched two-factor authentication off for everybody"
    assert words in letter_to("olga@example.com")
    assert "from Optional to Disabled" in letter_to("berta@example.com")
    assert NOT_ME in letter_to("anna@example.com")
    assert NOT_ME not in letter_to("berta@example.com")


def test_from_required_to_optional_the_administrators_are_told(account, admin):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    everybody(account)
    set_policy(signed_in(admin), Policy.OPTIONAL)
    assert told() == ["anna@example.com"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (Policy.OPTIONAL, Policy.DISABLED, "Everybody who is asked for a code now is told by email"),
        (Policy.REQUIRED, Policy.OPTIONAL, "All administrators are told by email"),
        (Policy.DISABLED, Policy.OPTIONAL, ""),
    ],
)
def test_the_preview_says_who_will_be_told(account, admin_browser, old, new, words):
    account.two_factor_policy = old
    account.save()
    page = admin_browser.get(reverse("operators:policy-preview"), {"two_factor_policy": new}).text
    assert ("told by email" in page) is bool(words)
    assert words in page


def test_asking_more_is_told_to_nobody(account):
    admin = make_operator(account, administrator=True, enrolled=True)
    set_policy(signed_in(admin), Policy.REQUIRED)
    assert told() == []


def test_a_round_whose_worker_died_tells_the_rest_and_nobody_twice(account, monkeypatch, time_machine):
    everybody(account)
    monkeypatch.setattr(announcing, "BATCH", 1)
    with monkeypatch.context() as patch:
        patch.setattr(rounds, "hand_on", lambda *_: None)
        announcing.change_and_tell(account, AccountRule(Policy.DISABLED), NOBODY, mail_now=False)
    row = Announcement.objects.get()
    announcing._tell_batch(row.pk)
    assert told() == ["olga@example.com"]
    assert "The command line has switched" in letter_to("olga@example.com")
    time_machine.move_to(row.moved_at + 2 * announcing.HEARTBEAT_TIMEOUT)
    announcing.remind_and_carry_on()
    assert told() == ["olga@example.com", "required@example.com"]


def test_a_round_about_a_setting_that_is_another_by_now_tells_nobody(account, monkeypatch):
    everybody(account)
    monkeypatch.setattr(rounds, "hand_on", lambda *_: None)
    announcing.change_and_tell(account, AccountRule(Policy.DISABLED), NOBODY, mail_now=False)
    announcing.change_and_tell(account, AccountRule(Policy.OPTIONAL), NOBODY, mail_now=False)
    assert not announcing._tell_batch(Announcement.objects.get().pk)
    assert told() == []


# Another door, and one that opens again


@pytest.mark.parametrize(
    ("single_sign_on", "method", "words"),
    [
        (False, Method.SINGLE_SIGN_ON, "from “Password” to “Single sign-on”"),
        (True, Method.PASSWORD, "from “Single sign-on” to “Password”"),
    ],
)
def test_another_login_method_is_told(account, by, single_sign_on, method, words):
    olga = make_operator(account, "olga@example.com", single_sign_on=single_sign_on)
    set_sign_in_method(olga, method, by)
    assert words in letter_to(olga.email)
    assert NOT_ME in letter_to(olga.email)
    assert not set_sign_in_method(olga, method, by)
    assert told() == [olga.email]


def test_an_activated_operator_is_told(account, by):
    dan = make_operator(account, "dan@example.com", active=False)
    removal.activate(dan, by)
    assert "Anna Admin has activated dan@example.com" in letter_to(dan.email)
    assert NOT_ME in letter_to(dan.email)
    assert not removal.activate(dan, by)
    assert told() == [dan.email]


def test_of_an_activated_administrator_the_others_are_told(account, admin, by):
    dan = make_operator(account, "dan@example.com", name="Dan", administrator=True, active=False)
    removal.activate(dan, by)
    assert told() == [admin.email, dan.email]
    assert "activated Dan (dan@example.com), who is an administrator" in letter_to(admin.email)


def test_a_freed_operator_is_told(account, by):
    olga = make_operator(account, "olga@example.com", frozen_at=account.policy_changed_at)
    Operator.objects.filter(pk=olga.pk).update(frozen_at="2026-11-24T12:00:00Z")
    frozen.free(olga, by)
    assert "Anna Admin has freed the login of olga@example.com" in letter_to(olga.email)


# A browser


def test_a_browser_that_is_trusted_is_told(account, olga, client):
    account.set_trusted_browser_days(30)
    log_in(client, olga)
    client.post(reverse("twofactor:verify"), {"code": code_for(), "trust": "on"})
    letter = letter_to(olga.email)
    assert "is trusted for 30 days: the password of olga@example.com alone is enough there." in letter
    assert "127.0.0.1" in letter
    assert NOT_ME in letter


# Administrators' network addresses


def test_what_an_administrator_did_is_told_without_their_network_address(account, olga, by):
    removal.deactivate(olga, by)
    removal.activate(olga, by)
    set_override(olga, Policy.DISABLED, by, reason="No phone")
    set_sign_in_method(olga, Method.SINGLE_SIGN_ON, by)
    assert len(mail.outbox) == 3
    assert not any(ANNAS_ADDRESS in str(message.message()) for message in mail.outbox)


def test_to_an_administrator_it_is_told_with_it(account, by):
    berta = make_operator(account, "berta@example.com", administrator=True, active=False)
    removal.activate(berta, by)
    assert all(ANNAS_ADDRESS in message.body for message in mail.outbox)
    assert PASSWORD not in letter_to(berta.email)
