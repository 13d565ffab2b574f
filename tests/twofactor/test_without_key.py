"""A server whose key is missing or wrong says that it cannot answer; nobody is asked to enroll again."""

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from invitations import invite
from operators.models import Operator
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    RESET,
    code_for,
    make_account,
    make_operator,
    signed_in,
)
from tests.support.flows import link_in_mail, log_in
from tests.support.proof import proof, stale
from twofactor import key_check
from twofactor.models import Authenticator, KeyCheck
from twofactor.vault import SecretUnreadableError

# What the setting becomes; "right" stands for the key from before.
MISSING = {"none": [], "empty": [""], "no key": ["no key"], "no key after the right one": ["right", "no key"]}
WRONG = {**MISSING, "another key": [Fernet.generate_key().decode()]}
VERIFY = reverse("twofactor:verify")


@pytest.fixture
def lose_key(db, settings):
    """Lets the server run with such a setting from then on."""
    (right,) = settings.TWO_FACTOR_KEYS

    def lose(kind: str) -> None:
        settings.TWO_FACTOR_KEYS = [right if key == "right" else key for key in WRONG[kind]]

    return lose


def is_the_plain_page(answer) -> bool:
    names = [template.name for template in answer.templates]
    return answer.status_code == 503 and "503.html" in names and "cannot answer just now" in answer.text


def waiting_for_code(operator: Operator) -> Client:
    browser = Client()
    log_in(browser, operator)
    return browser


@pytest.mark.parametrize("kind", WRONG)
def test_the_code_step_lets_nobody_in(account, lose_key, kind):
    operator = make_operator(account, enrolled=True)
    browser = waiting_for_code(operator)
    lose_key(kind)
    assert is_the_plain_page(browser.post(VERIFY, {"code": code_for()}))
    assert browser.get(operator.get_absolute_url()).status_code == 302


@pytest.mark.parametrize("kind", WRONG)
def test_a_proof_inside_a_session_is_not_taken(account, lose_key, kind):
    browser = stale(make_operator(account, administrator=True, enrolled=True))
    browser.raise_request_exception = False
    lose_key(kind)
    assert is_the_plain_page(
        browser.post(reverse("operators:policy-preview"), proof(two_factor_policy="disabled"))
    )
    account.refresh_from_db()
    assert account.two_factor_policy == Policy.OPTIONAL


@pytest.mark.parametrize("kind", WRONG)
def test_a_sign_in_from_its_beginning_lets_nobody_in_and_mails_no_setup_link(lose_key, kind, mailoutbox):
    operator = make_operator(make_account(Policy.REQUIRED), enrolled=True)
    lose_key(kind)
    browser = waiting_for_code(operator)
    assert is_the_plain_page(browser.post(VERIFY, {"code": code_for()}))
    assert mailoutbox == []


@pytest.mark.parametrize("kind", WRONG)
def test_with_the_key_put_right_the_waiting_sign_in_goes_on(account, lose_key, settings, kind):
    operator = make_operator(account, enrolled=True)
    browser = waiting_for_code(operator)
    right = settings.TWO_FACTOR_KEYS
    lose_key(kind)
    browser.post(VERIFY, {"code": code_for()})
    settings.TWO_FACTOR_KEYS = right
    assert browser.post(VERIFY, {"code": code_for()}).url == operator.get_absolute_url()


@pytest.mark.parametrize("kind", WRONG)
def test_the_own_reset_is_not_done(account, lose_key, kind):
    operator = make_operator(account, enrolled=True)
    lose_key(kind)
    url = reverse("operators:reset", args=[operator.pk])
    assert is_the_plain_page(
        signed_in(operator).post(url, {"proof_password": PASSWORD, "proof_code": code_for()})
    )
    assert Authenticator.objects.filter(user=operator).exists()


@pytest.mark.parametrize("kind", WRONG)
def test_a_reset_by_an_administrator_throws_no_authenticator_away(account, admin_browser, lose_key, kind):
    operator = make_operator(account, enrolled=True)
    lose_key(kind)
    assert is_the_plain_page(admin_browser.post(reverse("operators:reset", args=[operator.pk]), RESET))
    assert Authenticator.objects.filter(user=operator).exists()
    assert Operator.objects.get(pk=operator.pk).session_nonce == operator.session_nonce


def test_whose_key_is_lost_for_good_is_reset_from_the_command_line(account, lose_key):
    operator = make_operator(account, enrolled=True)
    lose_key("another key")
    call_command("reset_two_factor", operator.email, "--reason", "key lost", verbosity=0)
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("kind", WRONG)
def test_the_operator_page_still_says_enrolled_and_offers_no_scan(account, admin_browser, lose_key, kind):
    operator = make_operator(account, enrolled=True)
    lose_key(kind)
    scan = reverse("operators:scan", args=[operator.pk])
    for browser in (admin_browser, signed_in(operator)):
        page = browser.get(operator.get_absolute_url())
        assert page.status_code == 200
        assert scan not in page.text
        assert "Reset two-factor authentication" in page.text
        assert browser.get(scan).headers["Location"] == operator.get_absolute_url()
        assert browser.post(scan, {"code": code_for()}).headers["Location"] == operator.get_absolute_url()


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("page", [VERIFY, reverse("twofactor:recover")])
def test_a_code_that_could_not_be_looked_at_does_not_count(account, lose_key, kind, page):
    operator = make_operator(account, enrolled=True)
    browser = waiting_for_code(operator)
    lose_key(kind)
    code = RECOVERY_CODES[0] if page != VERIFY else "000000"
    for _ in range(6):
        assert is_the_plain_page(browser.post(page, {"code": code}))
    assert Operator.objects.get(pk=operator.pk).code_failures == 0
    assert not AuditEntry.objects.filter(action=Action.CODE_FAILED).exists()


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("code", ["123456", RECOVERY_CODES[0]])
def test_nor_does_one_in_a_proof(account, lose_key, kind, code):
    operator = make_operator(account, administrator=True, enrolled=True)
    browser = stale(operator)
    browser.raise_request_exception = False
    lose_key(kind)
    fields = proof(two_factor_policy="disabled", proof_code=code)
    assert is_the_plain_page(browser.post(reverse("operators:policy-preview"), fields))
    assert Operator.objects.get(pk=operator.pk).code_failures == 0


# Where there is no authenticator yet: nothing is offered that could not be kept, and no key is taken that is
# not the one of the others


@pytest.fixture
def somebody_is_enrolled(account):
    make_operator(account, enrolled=True)


@pytest.fixture
def somebody_has_looked(account):
    """A page with a QR code was shown once, and nobody is enrolled."""
    olga = make_operator(account)
    signed_in(olga).get(reverse("operators:scan", args=[olga.pk]))


@pytest.mark.parametrize("before", ["somebody_is_enrolled", "somebody_has_looked"])
def test_nobody_is_enrolled_under_another_key(operator, operator_browser, lose_key, request, before):
    request.getfixturevalue(before)
    url = reverse("operators:scan", args=[operator.pk])
    lose_key("another key")
    assert is_the_plain_page(operator_browser.get(url))
    assert is_the_plain_page(operator_browser.post(url, {"code": "123456"}))
    assert Operator.objects.get(pk=operator.pk).code_failures == 0


def test_a_damaged_secret_keeps_nobody_from_enrolling(account, operator, operator_browser):
    make_operator(account, enrolled=True)
    Authenticator.objects.filter(user=make_operator(account, enrolled=True)).update(sealed_secret="nonsense")
    assert operator_browser.get(reverse("operators:scan", args=[operator.pk])).status_code == 200


def as_before_the_other_has_stored_it(monkeypatch) -> None:
    """Let the check find nothing at its first look."""
    real = key_check._stored
    asked: list[str] = []
    monkeypatch.setattr(key_check, "_stored", lambda: real() if asked else asked.append("once"))


def test_two_that_enroll_first_at_the_same_moment_do_not_disturb_each_other(db, monkeypatch):
    key_check.verify()
    key_check.verify_once.cache_clear()
    as_before_the_other_has_stored_it(monkeypatch)
    key_check.verify()
    assert str(KeyCheck.objects.get()) == "check of the keys"


def test_of_two_with_different_keys_only_the_first_goes_on(db, monkeypatch, lose_key):
    key_check.verify()
    lose_key("another key")
    as_before_the_other_has_stored_it(monkeypatch)
    with pytest.raises(SecretUnreadableError):
        key_check.verify()


@pytest.mark.parametrize("kind", MISSING)
def test_the_scan_popup_offers_nothing(operator, operator_browser, lose_key, kind):
    url = reverse("operators:scan", args=[operator.pk])
    lose_key(kind)
    assert is_the_plain_page(operator_browser.get(url))
    assert is_the_plain_page(operator_browser.get(url, headers={"HX-Request": "true"}))
    assert is_the_plain_page(operator_browser.post(url, {"code": "123456"}))


@pytest.mark.parametrize("kind", MISSING)
def test_the_setup_page_offers_nothing_and_the_link_stays_good(lose_key, settings, kind):
    browser = waiting_for_code(make_operator(make_account(Policy.REQUIRED)))
    url = browser.get(link_in_mail(), follow=True).request["PATH_INFO"]
    right = settings.TWO_FACTOR_KEYS
    lose_key(kind)
    assert is_the_plain_page(browser.get(url))
    assert is_the_plain_page(browser.post(url, {"code": "123456"}))
    settings.TWO_FACTOR_KEYS = right
    assert browser.get(url).status_code == 200


@pytest.mark.parametrize("kind", MISSING)
def test_accepting_an_invitation_offers_nothing_and_the_invitation_stays_good(lose_key, settings, kind):
    ivo = make_operator(make_account(Policy.REQUIRED), name="Ivo", invited=True)
    invite.send(ivo, NOBODY)
    browser = Client()
    browser.get(link_in_mail())
    details = {"name": "Ivo", "new_password": PASSWORD, "new_password_again": PASSWORD}
    url = browser.post(reverse("invitations:accept"), details).url
    right = settings.TWO_FACTOR_KEYS
    lose_key(kind)
    assert is_the_plain_page(browser.get(url))
    assert is_the_plain_page(browser.post(url, {"code": "123456"}))
    assert not Operator.objects.get(pk=ivo.pk).is_active
    settings.TWO_FACTOR_KEYS = right
    assert browser.get(url).status_code == 200
