"""A hundred wrong codes in a row lock the authenticator, and everybody who has to know hears of it."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from operators.models import Operator
from operators.people import reset
from tests.support.factories import NOBODY, RECOVERY_CODES, RESET, code_for, enroll, make_operator, signed_in
from tests.support.flows import key_on, log_in
from twofactor import codes

VERIFY = reverse("twofactor:verify")


@pytest.fixture
def olga(account, admin):
    olga = make_operator(account, "olga@example.com", enrolled=True)
    Operator.objects.filter(pk=olga.pk).update(code_failures=99, guessing_told=True)
    return olga


@pytest.fixture
def locked(olga):
    browser = Client()
    log_in(browser, olga)
    browser.post(VERIFY, {"code": "000000"})
    return browser


def test_the_hundredth_wrong_code_locks_and_is_mailed_to_operator_and_administrators(locked, olga, admin):
    assert sorted(message.to[0] for message in mail.outbox) == [admin.email, olga.email]
    bodies = {message.to[0]: " ".join(message.body.split()) for message in mail.outbox}
    for body in bodies.values():
        assert "100 wrong codes in a row were typed for olga@example.com." in body
        assert "From the network address: 127.0.0.1." in body
    advice = "Ask an administrator of your account for the reset, and choose a new password then."
    assert advice in bodies[olga.email]
    assert "Make sure that you speak to the operator themselves" in bodies[admin.email]
    # The link that freezes a sign-in is for the sign-in that the notice is about.
    assert ["/not-me/" in bodies[who.email] for who in (olga, admin)] == [True, False]
    assert AuditEntry.objects.filter(action=Action.AUTHENTICATOR_LOCKED, subject_id=olga.pk).count() == 1


def test_two_wrong_codes_that_lock_at_once_leave_one_entry(olga, admin, monkeypatch):
    """The ninety-ninth stands still, as in a process that is stopped, until the hundredth was counted."""
    row = Operator.objects.filter(pk=olga.pk)
    row.update(code_failures=98)
    first, second = (Operator.objects.complete().get(pk=olga.pk) for _ in range(2))
    real = codes.record

    def meanwhile(*args, **kwargs):
        monkeypatch.setattr(codes, "record", real)
        row.update(codes_blocked_until=None)
        codes.check(second, "000000", NOBODY)
        return real(*args, **kwargs)

    monkeypatch.setattr(codes, "record", meanwhile)
    codes.check(first, "000000", NOBODY)
    olga.refresh_from_db()
    assert olga.code_failures == 100
    assert AuditEntry.objects.filter(action=Action.AUTHENTICATOR_LOCKED, subject_id=olga.pk).count() == 1
    assert len(mail.outbox) == 2


def test_another_lock_after_a_reset_is_told_again(locked, olga):
    reset.reset(Operator.objects.complete().get(pk=olga.pk), NOBODY)
    enroll(olga)
    Operator.objects.filter(pk=olga.pk).update(code_failures=99)
    codes.check(Operator.objects.complete().get(pk=olga.pk), "000000", NOBODY)
    assert AuditEntry.objects.filter(action=Action.AUTHENTICATOR_LOCKED, subject_id=olga.pk).count() == 2


@pytest.mark.parametrize("hours", [2, 24 * 365])
def test_no_code_opens_it_again_however_long_one_waits(locked, olga, hours):
    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        browser = Client()
        log_in(browser, olga)
        assert "Ask an administrator" in browser.post(VERIFY, {"code": code_for()}).text
        answer = browser.post(reverse("twofactor:recover"), {"code": RECOVERY_CODES[0]})
        assert "Ask an administrator" in answer.text


def test_the_operators_page_says_so(locked, olga, admin_browser):
    page = admin_browser.get(olga.get_absolute_url()).text
    assert "Locked: 100 wrong codes" in page
    assert "no code is accepted until a reset" in page
    own = signed_in(Operator.objects.get(pk=olga.pk)).get(olga.get_absolute_url()).text
    assert "No code of yours is accepted any more" in own


def test_a_reset_unlocks(locked, olga, admin_browser):
    admin_browser.post(reverse("operators:reset", args=[olga.pk]), RESET)
    browser = Client()
    assert log_in(browser, olga).url == olga.get_absolute_url()
    after = Operator.objects.get(pk=olga.pk)
    assert (after.code_failures, after.codes_blocked_until, after.guessing_told) == (0, None, False)


def test_wrong_codes_while_setting_up_count_and_wait_but_never_lock(operator, operator_browser):
    scan = reverse("operators:scan", args=[operator.pk])
    secret = key_on(operator_browser.get(scan).text)
    Operator.objects.filter(pk=operator.pk).update(code_failures=150)
    assert "not right" in operator_browser.post(scan, {"code": "000000"}).text
    assert "Try again in 60 minutes" in operator_browser.post(scan, {"code": code_for(secret)}).text
    Operator.objects.filter(pk=operator.pk).update(codes_blocked_until=None)
    assert operator_browser.post(scan, {"code": code_for(secret)}).status_code == 302
    assert Operator.objects.get(pk=operator.pk).code_failures == 0


def test_a_try_stays_counted_when_the_request_fails(operator, operator_browser, monkeypatch):
    scan = reverse("operators:scan", args=[operator.pk])
    operator_browser.get(scan)
    monkeypatch.setattr("twofactor.enrollment.totp.drift_steps", lambda *_arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        operator_browser.post(scan, {"code": "123456"})
    assert Operator.objects.get(pk=operator.pk).code_failures == 1
