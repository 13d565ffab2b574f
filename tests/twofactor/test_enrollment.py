"""Scanning for oneself and for others: never lost, never twice, never somebody else's secret."""

import re
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.policy import Policy
from operators.models import Operator
from operators.people.reset import NotEnrolledError, reset_unreadable
from tests.support.factories import NOBODY, RESET, SECRET, code_for, enroll, make_operator, signed_in
from tests.support.flows import key_on
from twofactor import enrollment, qr, vault
from twofactor.models import Authenticator
from twofactor.vault import SecretUnreadableError

PURPOSE = vault.Purpose.SECRET


def scan(operator) -> str:
    return reverse("operators:scan", args=[operator.pk])


def test_reload_and_second_tab_show_the_same_secret_and_another_browser_does_not(operator):
    browser = signed_in(operator)
    secret = key_on(browser.get(scan(operator)).text)
    assert key_on(browser.get(scan(operator)).text) == secret
    assert key_on(signed_in(operator).get(scan(operator)).text) != secret


def test_an_administrator_scans_for_somebody_who_is_told_by_mail(admin_browser, operator):
    secret = key_on(admin_browser.get(scan(operator)).text)
    page = admin_browser.post(scan(operator), {"code": code_for(secret)}, follow=True).text
    assert "who was told by email" in page
    assert mail.outbox[0].to == ["olga@example.com"]


def test_the_administrator_hears_that_the_mail_failed(admin_browser, operator, settings):
    secret = key_on(admin_browser.get(scan(operator)).text)
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    page = admin_browser.post(scan(operator), {"code": code_for(secret)}, follow=True).text
    assert "tell them yourself" in page


def test_a_wrong_code_keeps_the_secret_and_stores_nothing(operator_browser, operator):
    secret = key_on(operator_browser.get(scan(operator)).text)
    assert key_on(operator_browser.post(scan(operator), {"code": "000000"}).text) == secret
    assert not Authenticator.objects.exists()


def test_whoever_got_enrolled_meanwhile_keeps_that_authenticator(operator_browser, operator):
    secret = key_on(operator_browser.get(scan(operator)).text)
    enroll(operator)
    page = operator_browser.post(scan(operator), {"code": code_for(secret)}, follow=True).text
    assert "set up for you already" in page
    assert vault.unseal(Authenticator.objects.get().sealed_secret, operator.pk, PURPOSE) == SECRET


def test_two_that_finish_at_the_same_time_enroll_once(operator):
    session = Client().session
    code = code_for(enrollment.offer(session, operator).secret)
    confirmed = enrollment.confirm(session, operator, code)
    enroll(operator)
    with pytest.raises(enrollment.AlreadyEnrolledError):
        enrollment.enroll(operator, confirmed, NOBODY)


def test_it_counts_from_the_moment_of_its_code(operator):
    session = Client().session
    confirmed = enrollment.confirm(session, operator, code_for(enrollment.offer(session, operator).secret))
    earlier = replace(confirmed, at=confirmed.at - timedelta(seconds=1))
    enrollment.enroll(operator, earlier, NOBODY)
    stored = Operator.objects.complete().get(pk=operator.pk)
    assert (stored.authenticator.confirmed_at, stored.last_code_at) == (earlier.at, earlier.at)


def test_who_has_to_wait_since_a_try_elsewhere_hears_how_long(operator):
    now = timezone.now()
    Operator.objects.filter(pk=operator.pk).update(codes_blocked_until=now + timedelta(seconds=45))
    session = Client().session
    enrollment.offer(session, operator)
    with time_machine.travel(now, tick=False), pytest.raises(enrollment.WrongCodeError) as error:
        enrollment.confirm(session, operator, "000000")
    assert error.value.wait == 45


def test_the_picture_on_the_page_is_the_qr_code_of_the_key(operator, operator_browser):
    page = operator_browser.get(scan(operator))
    [picture] = re.findall(r'src="data:image/png;base64,([^"]+)"', page.text)
    assert b64decode(picture) == qr.png(page.context["enrollment"].uri)


def test_finishing_ends_the_operators_other_sessions(operator):
    here, there = signed_in(operator), signed_in(operator)
    here.post(scan(operator), {"code": code_for(key_on(here.get(scan(operator)).text))})
    assert here.get(operator.get_absolute_url()).status_code == 200
    assert there.get(operator.get_absolute_url()).status_code == 302


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"override": Policy.DISABLED}, "disabled for this operator"),
        ({"single_sign_on": True}, "single sign-on"),
        ({"invited": True}, "while accepting the invitation"),
    ],
)
def test_where_nothing_can_be_scanned_the_reason_is_said(admin_browser, account, fields, words):
    somebody = make_operator(account, **fields)
    assert words in admin_browser.get(scan(somebody), follow=True).text


def test_a_session_that_ended_leads_from_the_popup_to_the_login_page(operator):
    answer = Client().post(scan(operator), {"code": "123456"}, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith("/login/?next=")


def test_resetting_says_what_follows(admin_browser, account):
    for override in Policy:
        olga = make_operator(account, enrolled=True, override=override)
        assert "stops working for good" in admin_browser.get(reverse("operators:reset", args=[olga.pk])).text


def test_a_reset_that_somebody_else_was_faster_with_says_so(admin_browser, operator):
    page = admin_browser.post(reverse("operators:reset", args=[operator.pk]), follow=True).text
    assert "is not set up for Olga Operator" in page
    with pytest.raises(NotEnrolledError):
        reset_unreadable(operator, NOBODY)


def test_a_reset_whose_mail_failed_says_so(admin_browser, account, settings):
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    olga = make_operator(account, enrolled=True)
    page = admin_browser.post(reverse("operators:reset", args=[olga.pk]), RESET, follow=True).text
    assert "could not be sent" in page


def test_a_ciphertext_that_was_moved_to_another_row_does_not_open():
    assert vault.unseal(vault.seal(SECRET, 1, PURPOSE), 1, PURPOSE) == SECRET
    with pytest.raises(SecretUnreadableError):
        vault.unseal(vault.seal(SECRET, 1, PURPOSE), 2, PURPOSE)


def test_an_old_key_still_opens_and_a_wrong_one_does_not(settings):
    old, new = vault.Fernet.generate_key().decode(), vault.Fernet.generate_key().decode()
    settings.TWO_FACTOR_KEYS = [old]
    sealed = vault.seal(SECRET, 1, PURPOSE)
    settings.TWO_FACTOR_KEYS = [new, old]
    assert vault.unseal(sealed, 1, PURPOSE) == SECRET
    for keys in ([new], ["no key"]):
        settings.TWO_FACTOR_KEYS = keys
        with pytest.raises(SecretUnreadableError):
            vault.unseal(sealed, 1, PURPOSE)


def test_who_was_shown_no_qr_code_in_this_session_hears_that_this_one_is_new(operator, operator_browser):
    url = reverse("operators:scan", args=[operator.pk])
    scanned = operator_browser.get(url).context["enrollment"].secret
    # As after a new release, or where the session began anew in another tab.
    session = operator_browser.session
    del session[enrollment.SEED_KEY]
    session.save()
    answer = operator_browser.post(url, {"code": code_for(scanned)})
    assert "This QR code is a new one. If you have scanned another one before, remove it" in answer.text
    assert answer.context["enrollment"].secret != scanned
    assert Operator.objects.get(pk=operator.pk).code_failures == 0
    operator_browser.post(url, {"code": code_for(answer.context["enrollment"].secret)})
    assert Operator.objects.get(pk=operator.pk).is_enrolled
