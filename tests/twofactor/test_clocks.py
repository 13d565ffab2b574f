"""What if time passes between typing and looking, or the server's clock was wrong and is set right?"""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import Action, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from invitations import setup_link
from operators.models import Operator
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    SECRET,
    code_for,
    enroll,
    make_operator,
    signed_in,
)
from tests.support.flows import log_in
from twofactor import code_limits, totp

NOW = datetime(2026, 3, 3, 13, 5, tzinfo=UTC)
VERIFY = reverse("twofactor:verify")
RECOVER = reverse("twofactor:recover")
LATE = "That code was right, but it has expired. Type the one that the app shows now."
SET_BACK = "The server&#x27;s clock was fast and is set back: codes from the app count again in"


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


# A code that was typed before the question who it is


def code_then_question(clock, operator: Operator, passed: timedelta, steps: int = 0):
    """Type a code of a clock that is so many steps off; answer the question after it when time has passed."""
    browser, url = signed_in(operator), reverse("operators:scan", args=[operator.pk])
    secret = browser.get(url).context["enrollment"].secret
    clock.shift(minutes(16))
    asked = browser.post(url, {"code": code_for(secret, steps)})
    kept = dict(asked.context["kept"])
    clock.shift(passed)
    answer = {**kept, "proof_for": "POST", "proof_back": "/", "proof_password": PASSWORD}
    return browser, url, secret, answer


@pytest.mark.parametrize(("seconds", "enrolled"), [(20, True), (95, False), (600, False)])
def test_a_code_that_is_over_when_the_question_is_answered_is_called_late(clock, operator, seconds, enrolled):
    browser, url, secret, answer = code_then_question(clock, operator, timedelta(seconds=seconds))
    page = browser.post(url, answer)
    assert Operator.objects.get(pk=operator.pk).is_enrolled == enrolled
    if not enrolled:
        assert LATE in page.text
        assert "The clock of that phone" not in page.text
        assert Operator.objects.get(pk=operator.pk).code_failures == 0
        browser.post(url, {"code": code_for(secret)})
        assert Operator.objects.get(pk=operator.pk).is_enrolled


def test_after_a_wrong_answer_the_code_is_as_old_as_it_is(clock, operator):
    browser, url, _secret, answer = code_then_question(clock, operator, minutes(2))
    again = browser.post(url, {**answer, "proof_password": "wrong"})
    clock.shift(minutes(2))
    kept = dict(again.context["kept"])
    assert kept["proof_since"] == answer["proof_since"]
    assert LATE in browser.post(url, {**answer, **kept}).text


def test_a_clock_that_is_slow_is_called_as_slow_as_it_is(clock, operator):
    browser, url, _secret, answer = code_then_question(clock, operator, minutes(3), steps=-6)
    assert "The clock of that phone is about 3 minutes slow." in browser.post(url, answer).text


@pytest.mark.parametrize("since", ["", "x", "-1", "9" * 13, "999999999999", "\u0661"])
def test_a_moment_that_a_browser_makes_up_makes_no_code_right(clock, operator, since):
    browser, url, _secret, answer = code_then_question(clock, operator, minutes(5))
    page = browser.post(url, {**answer, "proof_since": since})
    assert page.status_code == 200
    assert not Operator.objects.get(pk=operator.pk).is_enrolled


def test_a_new_phone_says_so_too(clock, account):
    olga = make_operator(account, enrolled=True)
    browser, url = signed_in(olga), reverse("twofactor:new-phone")
    secret = browser.get(url).context["enrollment"].secret
    clock.shift(minutes(16))
    asked = browser.post(url, {"code": code_for(secret)})
    kept = dict(asked.context["kept"])
    clock.shift(minutes(2))
    proof = {"proof_for": "POST", "proof_password": PASSWORD, "proof_code": code_for()}
    assert LATE in browser.post(url, {**kept, **proof}).text


# The server's clock was fast


@pytest.fixture
def olga(clock, account):
    """Somebody who logged in while the server's clock, and the phone's, were two hours fast."""
    olga = make_operator(account, "olga@example.com", enrolled=True)
    clock.shift(minutes(120))
    log_in(browser := Client(), olga)
    assert browser.post(VERIFY, {"code": code_for()}).status_code == 302
    clock.shift(-minutes(120))
    return Operator.objects.complete().get(pk=olga.pk)


def refused(olga: Operator) -> str:
    log_in(browser := Client(), olga)
    answer = browser.post(VERIFY, {"code": code_for()})
    assert answer.status_code == 200
    return answer.text


def test_a_right_code_is_refused_with_the_reason_and_not_counted(olga, caplog):
    for _ in range(3):
        page = refused(olga)
        assert f"{SET_BACK} 2 hours." in page
        assert "Until then use a recovery code" in page
    assert Operator.objects.get(pk=olga.pk).code_failures == 0
    assert not AuditEntry.objects.filter(action=Action.CODE_FAILED).exists()
    assert (
        f"Operator {olga.pk}: a code of 7230 seconds ahead was accepted. Is the clock right?" in caplog.text
    )


def test_a_wrong_code_gets_the_same_answer_so_that_nobody_learns_which_is_right(olga):
    log_in(browser := Client(), olga)
    assert SET_BACK in browser.post(VERIFY, {"code": "000000"}).text


def test_the_code_of_the_future_is_not_accepted_again_when_its_time_comes(olga, clock):
    seen = code_for(steps=240)
    clock.shift(minutes(120))
    log_in(browser := Client(), olga)
    assert browser.post(VERIFY, {"code": seen}).status_code == 200
    clock.shift(timedelta(seconds=30))
    assert browser.post(VERIFY, {"code": code_for()}).status_code == 302


def test_a_recovery_code_and_a_new_phone_need_not_wait(olga, clock):
    log_in(browser := Client(), olga)
    assert browser.post(RECOVER, {"code": RECOVERY_CODES[0]}).status_code == 302
    url = reverse("twofactor:new-phone")
    secret = browser.get(url).context["enrollment"].secret
    browser.post(url, {"code": code_for(secret)})
    clock.shift(timedelta(seconds=30))
    log_in(again := Client(), olga)
    assert again.post(VERIFY, {"code": code_for(secret)}).status_code == 302


@pytest.mark.parametrize(("ahead", "seconds"), [(0, 0), (1, 0), (2, 90), (3, 120)])
def test_a_phone_that_runs_a_step_fast_is_no_wrong_clock(clock, account, ahead, seconds):
    olga = make_operator(account)
    olga.last_code_step = totp.step_at(NOW.timestamp()) + ahead
    assert olga.seconds_ahead(NOW) == seconds


# Waits


@pytest.mark.parametrize("failures", [10, 12, 60])
def test_a_wait_after_wrong_codes_never_exceeds_its_own_length(clock, account, failures):
    olga = make_operator(account, enrolled=True)
    Operator.objects.filter(pk=olga.pk).update(code_failures=failures - 1)
    olga.refresh_from_db()
    assert olga.admit_code(NOW)
    olga.refresh_from_db()
    longest = code_limits.delay_after(failures)
    assert olga.code_wait(NOW) == longest
    # Some seconds of difference between two servers are no reason to let a code pass.
    assert olga.code_wait(NOW - timedelta(seconds=30)) == longest
    assert not olga.admit_code(NOW - timedelta(seconds=30))
    # The clock was set back: the wait ends then.
    assert olga.code_wait(NOW - minutes(2)) == 0
    assert olga.admit_code(NOW - minutes(2))


def test_a_lock_is_no_wait(clock, account):
    olga = make_operator(account)
    enroll(olga, SECRET)
    Operator.objects.filter(pk=olga.pk).update(
        code_failures=code_limits.FAILURES_THAT_LOCK, codes_blocked_until=NOW + minutes(600)
    )
    olga = Operator.objects.complete().get(pk=olga.pk)
    assert not olga.admit_code(NOW)


# Other things that a clock which was fast has noted


def test_an_email_may_be_asked_for_again_after_the_clock_was_set_back(clock, account):
    olga = make_operator(account, override="required")
    clock.shift(minutes(24 * 60))
    for _ in range(5):
        assert setup_link.send(olga, NOBODY) == 0
        clock.shift(minutes(2))
    assert setup_link.send(olga, NOBODY) == 50 * 60
    clock.shift(-timedelta(seconds=30))
    assert setup_link.last_email(olga)[1] == 50 * 60 + 30
    clock.shift(-minutes(24 * 60))
    assert setup_link.last_email(olga)[1] == 0
    assert setup_link.send(olga, NOBODY) == 0
    # Between two servers whose clocks differ a little, a minute stays a minute.
    clock.shift(-timedelta(seconds=30))
    assert setup_link.send(olga, NOBODY) == 60


def test_a_link_lives_no_longer_than_links_do(clock, account):
    olga = make_operator(account, override="required")
    clock.shift(minutes(120))
    link = setup_link.make_link(olga, NOBODY)
    clock.shift(-timedelta(seconds=59))
    assert Client().get(link, follow=True).status_code == 200
    clock.shift(-minutes(119))
    answer = Client().get(link, follow=True)
    assert answer.status_code == 410
    assert "It has expired." in answer.text


def test_an_email_that_was_put_off_by_a_fast_clock_leaves(clock, account):
    mail = OutgoingMail.objects.create(account=account, to="a@example.com", created_at=NOW, next_try_at=NOW)
    clock.shift(minutes(120))
    assert mail.put_off(NOW + minutes(150))
    assert OutgoingMail.claim(mail.pk, NOW + minutes(120)) is None
    assert OutgoingMail.claim(mail.pk, NOW + minutes(30))
    assert OutgoingMail.claim(mail.pk, NOW + minutes(30)) is None


def test_a_login_that_waits_for_its_code_does_not_wait_longer(clock, account):
    olga = make_operator(account, enrolled=True)
    clock.shift(minutes(120))
    log_in(browser := Client(), olga)
    clock.shift(-timedelta(seconds=59))
    assert browser.get(VERIFY).status_code == 200
    clock.shift(-minutes(60))
    assert browser.get(VERIFY).status_code == 302


def test_a_browser_that_was_trusted_by_a_fast_clock_is_not_trusted(clock, account):
    account.trusted_browser_days = 1
    account.save()
    olga = make_operator(account, enrolled=True)
    clock.shift(minutes(120))
    log_in(browser := Client(), olga)
    browser.post(VERIFY, {"code": code_for(), "trust": "on"})
    log_in(browser, olga)
    assert "_auth_user_id" in browser.session
    clock.shift(-minutes(120))
    assert log_in(browser, olga).url == VERIFY
