"""The edges of codes, proofs and waiting sign-ins, where one more or one moment later is another thing."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from invitations.opened_links import SESSION_KEY as OPENED_LINKS
from operators.models import Operator
from operators.people.reset import reset_unreadable
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    RESET,
    code_for,
    make_operator,
    signed_in,
)
from tests.support.flows import key_on, log_in
from twofactor import codes, pending, recovery

VERIFY = reverse("twofactor:verify")
ASKS = "Confirm that it is you"


@pytest.fixture
def olga(account):
    return make_operator(account, "olga@example.com", administrator=True, enrolled=True)


def waiting(operator) -> Client:
    browser = Client()
    log_in(browser, operator)
    return browser


# What a right code leaves behind


@pytest.mark.parametrize(
    ("page", "code"), [(VERIFY, None), (reverse("twofactor:recover"), RECOVERY_CODES[0])]
)
def test_a_right_code_after_nine_wrong_ones_takes_count_and_delay_back(olga, page, code):
    Operator.objects.update(code_failures=9, guessing_told=True)
    assert waiting(olga).post(page, {"code": code or code_for()}).status_code == 302
    olga.refresh_from_db()
    assert (olga.code_failures, olga.codes_blocked_until) == (0, None)
    assert not olga.guessing_told


def test_a_row_of_wrong_codes_is_told_once_and_the_next_row_again(olga):
    for row in range(2):
        Operator.objects.update(code_failures=8)
        for told in (0, 1, 1):
            Operator.objects.update(codes_blocked_until=None)
            waiting(olga).post(VERIFY, {"code": "000000"})
            assert len(mail.outbox) == told
        assert mail.outbox[0].to == [olga.email]
        body = " ".join(mail.outbox[0].body.split())
        assert "10 wrong codes in a row were typed for olga@example.com." in body
        assert "somebody who knows your password is trying codes" in body
        assert "From the network address: 127.0.0.1." in body
        assert "If it was you, check the clock of your phone" in body
        assert "/not-me/" in mail.outbox.pop().body
        Operator.objects.update(codes_blocked_until=None)
        waiting(olga).post(reverse("twofactor:recover"), {"code": RECOVERY_CODES[row]})
        mail.outbox.clear()


def test_a_recovery_code_is_no_use_of_the_app(olga):
    browser = waiting(olga)
    browser.post(reverse("twofactor:recover"), {"code": RECOVERY_CODES[0]})
    assert "not used since then" in browser.get(olga.get_absolute_url()).text
    browser = waiting(olga)
    browser.post(VERIFY, {"code": code_for()})
    assert ", last used " in browser.get(olga.get_absolute_url()).text


def test_the_code_that_set_the_app_up_is_no_use_of_it_either(operator, operator_browser):
    scan = reverse("operators:scan", args=[operator.pk])
    operator_browser.post(scan, {"code": code_for(key_on(operator_browser.get(scan).text))})
    assert "not used since then" in operator_browser.get(operator.get_absolute_url()).text


def test_a_recovery_code_writes_nothing_else_of_its_person(olga):
    Operator.objects.filter(pk=olga.pk).update(two_factor_override=Policy.REQUIRED)
    assert codes.check_recovery(olga, RECOVERY_CODES[0], Origin(actor=olga)) is None
    olga.refresh_from_db()
    assert olga.two_factor_override == Policy.REQUIRED


def test_the_code_that_set_it_up_does_not_sign_in(operator, operator_browser):
    scan = reverse("operators:scan", args=[operator.pk])
    code = code_for(key_on(operator_browser.get(scan).text))
    assert operator_browser.post(scan, {"code": code}).status_code == 302
    assert "used already" in waiting(operator).post(VERIFY, {"code": code}).text


def test_a_code_is_worthless_once_its_authenticator_is_reset(olga):
    reset_unreadable(Operator.objects.complete().get(pk=olga.pk), NOBODY)
    assert not olga.accept_step(10**9, timezone.now())


def test_a_delay_is_rounded_up_and_over_when_it_is_over(olga):
    now = timezone.now()
    olga.codes_blocked_until = now + timedelta(seconds=29.5)
    assert olga.code_wait(now) == 30
    assert olga.code_wait(now + timedelta(seconds=31)) == 0


def test_recovery_codes_are_shown_in_four_groups_of_four():
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", code) for code in recovery.generate())


@pytest.mark.parametrize(("used", "reminded"), [(5, False), (6, True)])
def test_a_sign_in_reminds_when_three_recovery_codes_are_left(olga, used, reminded):
    for code in RECOVERY_CODES[:used]:
        olga.authenticator.spend_recovery_code(code)
    answer = waiting(olga).post(reverse("twofactor:recover"), {"code": RECOVERY_CODES[used]})
    assert (answer.url == reverse("twofactor:recovery-reminder")) == reminded


# The waiting sign-in


def test_whatever_the_browser_held_is_gone_after_the_password(olga):
    browser = Client()
    browser.get(reverse("invitations:setup-link", args=["x" * 43]))
    key = browser.session.session_key
    log_in(browser, olga)
    assert browser.session.session_key != key
    assert OPENED_LINKS not in browser.session


def test_nothing_waits_any_more_after_five_wrong_codes(olga):
    browser = waiting(olga)
    for _ in range(5):
        browser.post(VERIFY, {"code": "000000"})
    assert pending.SESSION_KEY not in browser.session


def test_a_waiting_sign_in_is_over_at_the_very_moment(olga):
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        browser = waiting(olga)
        clock.shift(10 * 60)
        assert browser.get(VERIFY).url == reverse("operators:login")


@pytest.mark.parametrize(("seconds", "status"), [(3599, 200), (3601, 302)])
def test_the_page_about_the_email_stays_as_long_as_its_link_lives(account, operator, seconds, status):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        browser = waiting(operator)
        clock.shift(seconds)
        assert browser.get(reverse("invitations:check-email")).status_code == status


# The proof


def stale(operator) -> Client:
    with time_machine.travel(timezone.now() - timedelta(minutes=16)):
        browser = waiting(operator)
        browser.post(VERIFY, {"code": code_for()})
    return browser


def proof(page, **fields):
    """Return what the page that asks would be sent with."""
    method = re.search(r'name="proof_for" value="(\w+)"', page.text)
    assert method
    return {"proof_for": method[1], "proof_password": PASSWORD, "proof_code": code_for(), **fields}


@pytest.mark.parametrize("name", ["scan", "email", "override", "sign-in-method"])
def test_it_is_asked_for_before_acts_on_oneself_too(olga, name):
    assert ASKS in stale(olga).post(reverse(f"operators:{name}", args=[olga.pk])).text


def test_resetting_oneself_asks_on_its_own_page_alone(olga):
    page = stale(olga).get(reverse("operators:reset", args=[olga.pk]))
    assert ASKS not in page.text
    assert "proof_for" not in page.text


def test_it_counts_at_the_very_moment(admin):
    with time_machine.travel(timezone.now(), tick=False):
        browser = waiting(admin)
        assert ASKS not in browser.get(reverse("operators:password")).text


def test_right_passwords_are_not_counted_as_tries(olga):
    browser = signed_in(olga)
    Operator.objects.filter(pk=olga.pk).update(last_code_step=0)
    for turn in range(12):
        with time_machine.travel(timezone.now() + timedelta(minutes=20, seconds=31 * turn)):
            session = browser.session
            session["proof"]["at"] = 0
            session.save()
            page = browser.get(reverse("operators:password"))
            assert ASKS not in browser.post(reverse("operators:password"), proof(page)).text


def test_a_wrong_password_is_in_the_trail(olga):
    browser = stale(olga)
    page = browser.get(reverse("operators:password"))
    browser.post(reverse("operators:password"), proof(page, proof_password="wrong"))
    assert AuditEntry.objects.filter(action=Action.PROOF_FAILED, subject_id=olga.pk).count() == 1


def test_a_page_that_was_asked_for_comes_up_without_a_complaint(olga):
    browser = stale(olga)
    url = reverse("operators:password")
    answer = browser.post(url, proof(browser.get(url)))
    assert ASKS not in answer.text
    assert "has-error" not in answer.text


def test_a_form_that_was_sent_is_done_after_the_second_try(olga):
    browser = stale(olga)
    url = reverse("operators:reset", args=[make_operator(olga.account, enrolled=True).pk])
    page = browser.post(url, RESET)
    page = browser.post(url, proof(page, **RESET, proof_code="000000"))
    assert page.text.count('name="proof_code"') == 1
    assert browser.post(url, proof(page, **RESET)).status_code == 302


def test_cancel_leads_home_where_nobody_says_from_where_one_came(olga):
    page = stale(olga).get(reverse("operators:password"))
    assert f"""href="{reverse("operators:home")}" data-popup-close>Cancel""" in page.text
