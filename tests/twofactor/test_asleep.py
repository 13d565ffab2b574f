"""What sleeps is worth no less than what is awake: a proof takes a code from whoever has an authenticator."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from operators.overrides.override import set_override
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    RESET,
    code_for,
    make_account,
    make_operator,
)
from tests.support.flows import link_in_mail, log_in
from twofactor import proof
from twofactor.code_limits import FAILURES_THAT_LOCK

ASKS = "Confirm that it is you"
NEW = {"new_password": "a fine long password", "new_password_again": "a fine long password"}
CHOOSE = reverse("operators:password-reset-choose")


def by_account(operator: Operator) -> None:
    operator.account.two_factor_policy = Policy.DISABLED
    operator.account.save()


def by_override(operator: Operator) -> None:
    set_override(operator, Policy.DISABLED, NOBODY, reason="lost the phone")


def by_override_with_a_last_day(operator: Operator) -> None:
    until = timezone.now() + timedelta(days=3)
    set_override(operator, Policy.DISABLED, NOBODY, reason="lost the phone", until=until)


asleep = pytest.mark.parametrize("puts_to_sleep", [by_account, by_override, by_override_with_a_last_day])


@pytest.fixture
def anna(db):
    """An administrator with an authenticator."""
    return make_operator(make_account(Policy.REQUIRED), "anna@example.com", administrator=True, enrolled=True)


def with_the_password(operator: Operator, puts_to_sleep) -> Client:
    """Return a browser in which the password alone has just opened a session."""
    puts_to_sleep(operator)
    browser = Client()
    log_in(browser, operator)
    assert browser.get(operator.get_absolute_url()).status_code == 200
    return browser


def stored(operator: Operator) -> Operator:
    found: Operator = Operator.objects.complete().get(pk=operator.pk)
    return found


ACTS = {
    "twofactor:new-phone": {"code": "123456"},
    "twofactor:recovery-codes-new": {},
    "operators:password": {"current_password": PASSWORD, **NEW},
    "operators:email": {"email": "thief@example.com"},
    "operators:override": {"override": "on", "policy": "optional"},
    "operators:create": {"name": "Eve", "email": "eve@example.com", **NEW},
    "operators:bulk": {"kind": "reset", "every": "on"},
}


@asleep
@pytest.mark.parametrize("name", ACTS)
def test_the_password_alone_changes_nothing(anna, puts_to_sleep, name, mailoutbox):
    browser = with_the_password(anna, puts_to_sleep)
    url = reverse(name, args=[anna.pk] if name in ("operators:email", "operators:override") else [])
    before, trail = stored(anna), AuditEntry.objects.count()
    mailoutbox.clear()  # she was told of the override
    for data in (ACTS[name], {**ACTS[name], "proof_for": "POST", "proof_password": PASSWORD}):
        page = browser.post(url, data)
        assert ASKS in page.text
        assert 'name="proof_code"' in page.text
    after = stored(anna)
    assert vars(after.authenticator) == {**vars(before.authenticator), "_state": after.authenticator._state}
    assert (after.password, after.email, after.override) == (before.password, before.email, before.override)
    assert AuditEntry.objects.count() == trail
    assert mailoutbox == []


@pytest.mark.parametrize("name", ["twofactor:new-phone", "operators:email", "operators:create"])
def test_nor_where_an_identity_provider_is_the_way_in(anna, name):
    Operator.objects.filter(pk=anna.pk).update(sign_in_method=Operator.SignInMethod.SINGLE_SIGN_ON)
    browser = Client()
    browser.force_login(anna)
    session = browser.session
    proof.remember(session, with_code=False)
    session.save()
    url = reverse(name, args=[anna.pk] if name == "operators:email" else [])
    page = browser.post(url, {**ACTS[name], "proof_for": "POST", "proof_password": PASSWORD}).text
    assert ASKS in page
    assert 'name="proof_code"' in page


@asleep
@pytest.mark.parametrize("code", [code_for, lambda: RECOVERY_CODES[0]], ids=["app", "recovery code"])
def test_with_a_code_of_either_kind_it_goes_on(anna, puts_to_sleep, code):
    browser = with_the_password(anna, puts_to_sleep)
    proven = {"proof_for": "POST", "proof_password": PASSWORD, "proof_code": code()}
    url = reverse("operators:password")
    assert browser.post(url, {**ACTS["operators:password"], **proven}).status_code == 302
    assert stored(anna).check_password(NEW["new_password"])
    assert stored(anna).is_enrolled


@asleep
def test_an_own_reset_takes_a_code(anna, puts_to_sleep):
    browser = with_the_password(anna, puts_to_sleep)
    url = reverse("operators:reset", args=[anna.pk])
    browser.post(url, {"proof_password": PASSWORD})
    assert stored(anna).is_enrolled
    browser.post(url, {"proof_password": PASSWORD, "proof_code": code_for()})
    assert not stored(anna).is_enrolled


@asleep
def test_so_does_the_reset_of_somebody_else(anna, puts_to_sleep):
    olga = make_operator(anna.account, enrolled=True)
    browser = with_the_password(anna, puts_to_sleep)
    url = reverse("operators:reset", args=[olga.pk])
    proven = {"proof_for": "POST", "proof_password": PASSWORD}
    assert ASKS in browser.post(url, {**RESET, **proven}).text
    assert stored(olga).is_enrolled


def test_the_thief_s_phone_is_not_asked_for_when_the_exception_ends(anna):
    """The way in that this closes: password in the gap, own phone, and the owner is out once it is over."""
    browser = with_the_password(anna, by_override)
    assert ASKS in browser.get(reverse("twofactor:new-phone")).text
    set_override(stored(anna), "", NOBODY)
    owner = Client()
    log_in(owner, anna)
    assert owner.post(reverse("twofactor:verify"), {"code": code_for()}).url == reverse("operators:list")


def test_a_password_only_proof_of_a_moment_ago_does_not_count(anna):
    browser = with_the_password(anna, by_account)
    assert browser.session["proof"]["code"] is False
    assert ASKS in browser.get(reverse("operators:password")).text


def test_a_locked_authenticator_is_no_way_round(anna):
    Operator.objects.filter(pk=anna.pk).update(code_failures=FAILURES_THAT_LOCK)
    browser = with_the_password(anna, by_account)
    proven = {"proof_for": "POST", "proof_password": PASSWORD, "proof_code": code_for()}
    page = browser.post(reverse("operators:password"), {**ACTS["operators:password"], **proven})
    assert "Ask an administrator of your account to reset" in page.text
    assert stored(anna).check_password(PASSWORD)


def test_who_has_no_authenticator_proves_with_the_password(account, admin):
    browser = Client()
    log_in(browser, admin)
    assert browser.post(reverse("operators:password"), ACTS["operators:password"]).status_code == 302


@asleep
def test_the_page_says_so_and_offers_what_can_be_done(anna, puts_to_sleep):
    page = with_the_password(anna, puts_to_sleep).get(anna.get_absolute_url()).text
    assert "Login asks for no code at present." in page
    assert "Use a new phone" in page
    assert "Reset two-factor authentication" in page


# By mail


def opened_reset(operator: Operator) -> Client:
    browser = Client()
    browser.post(reverse("operators:password-reset"), {"email": operator.email})
    browser.get(link_in_mail())
    return browser


@pytest.mark.parametrize("policy", [Policy.REQUIRED, Policy.OPTIONAL, Policy.DISABLED])
def test_the_mailbox_alone_sets_no_password_where_an_authenticator_is_set_up(anna, policy):
    anna.account.two_factor_policy = policy
    anna.account.save()
    browser = opened_reset(anna)
    page = browser.get(CHOOSE).text
    assert "a code from it is needed as well" in page
    assert browser.post(CHOOSE, NEW).status_code == 200
    assert "not right" in browser.post(CHOOSE, {**NEW, "code": "000000"}).text
    assert stored(anna).check_password(PASSWORD)
    assert browser.post(CHOOSE, {**NEW, "code": code_for()}).url == reverse("operators:login")
    assert stored(anna).check_password(NEW["new_password"])


def test_a_recovery_code_does_it_too(anna):
    browser = opened_reset(anna)
    assert browser.post(CHOOSE, {**NEW, "code": RECOVERY_CODES[3]}).status_code == 302
    assert AuditEntry.objects.filter(action=Action.RECOVERY_CODE_USED, subject_id=anna.pk).exists()


def test_a_locked_authenticator_leaves_the_password_as_it_is(anna):
    Operator.objects.filter(pk=anna.pk).update(code_failures=FAILURES_THAT_LOCK)
    page = opened_reset(anna).post(CHOOSE, {**NEW, "code": code_for()}).text
    assert "Ask an administrator of your account to reset" in page
    assert stored(anna).check_password(PASSWORD)


def test_whoever_has_no_authenticator_needs_the_mailbox_only(operator):
    browser = opened_reset(operator)
    assert "a code from it" not in browser.get(CHOOSE).text
    assert browser.post(CHOOSE, NEW).status_code == 302
