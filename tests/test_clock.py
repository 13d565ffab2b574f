"""A clock that is set back: nothing lives longer than it may, and nobody waits for the time that was."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import periodic, rate_limit
from accounts.clock import SKEW
from accounts.models import PeriodicTask
from operators.models.session import Session
from tests.support.factories import code_for, enroll, signed_in
from tests.support.flows import log_in
from twofactor import code_limits, fresh_codes, proof

HOUR = timedelta(hours=1)
VERIFY = reverse("twofactor:verify")
LIMIT = rate_limit.Limit("something", 1, 900)


def ahead(by: timedelta = HOUR) -> time_machine.travel:
    return time_machine.travel(timezone.now() + by, tick=False)


def test_a_waiting_login_of_the_time_to_come_is_none(operator):
    enroll(operator)
    browser = Client()
    with ahead():
        log_in(browser, operator)
    assert browser.get(VERIFY).status_code == 302


def test_the_clocks_of_two_servers_may_differ(operator):
    enroll(operator)
    browser = Client()
    with ahead(timedelta(seconds=SKEW - 10)):
        log_in(browser, operator)
    assert browser.get(VERIFY).status_code == 200


def test_recovery_codes_are_not_shown_for_longer(operator):
    enroll(operator)
    session = Client().session
    with ahead():
        fresh_codes.keep(session, operator, ["a-code"], "")
        assert fresh_codes.current(session, operator) == ["a-code"]
    assert fresh_codes.current(session, operator) == []


@pytest.mark.parametrize(("seconds", "asks"), [(SKEW + 60, True), (SKEW - 60, False)])
def test_a_proof_does_not_count_for_longer(operator, seconds, asks):
    browser = signed_in(operator)
    session = browser.session
    with ahead(timedelta(seconds=seconds)):
        proof.remember(session, with_code=True)
    session.save()
    assert ("Confirm that it is you" in browser.get(reverse("operators:password")).text) is asks


@pytest.mark.parametrize(("by", "lives"), [(HOUR, False), (timedelta(seconds=SKEW - 10), True)])
def test_no_session_lives_longer_than_12_hours(operator, by, lives):
    browser = Client()
    with ahead(by):
        log_in(browser, operator)
    assert (browser.get(operator.get_absolute_url()).status_code == 200) is lives
    assert Session.objects.filter(user=operator).exists() is lives


def test_what_is_not_used_still_ends_after_an_hour(operator):
    """ "Last seen" lies in the future; the next use puts it right."""
    browser = Client()
    log_in(browser, operator)
    Session.objects.update(last_seen_at=timezone.now() + 5 * HOUR)
    browser.get(operator.get_absolute_url())
    with ahead(timedelta(minutes=61)):
        assert browser.get(operator.get_absolute_url()).status_code == 302


def test_nobody_waits_for_codes_longer_than_the_longest_wait(operator):
    enroll(operator)
    wait = timedelta(seconds=code_limits.LONGEST_DELAY)
    operator.code_failures, operator.codes_blocked_until = 20, timezone.now() + wait + timedelta(days=1)
    operator.save()
    browser = Client()
    log_in(browser, operator)
    assert browser.post(VERIFY, {"code": code_for()}).url == operator.get_absolute_url()


def test_within_it_they_do(operator):
    enroll(operator)
    wait = timedelta(seconds=code_limits.LONGEST_DELAY)
    operator.code_failures, operator.codes_blocked_until = 20, timezone.now() + wait
    operator.save()
    browser = Client()
    log_in(browser, operator)
    assert "Try again in" in browser.post(VERIFY, {"code": code_for()}).text


def test_a_limit_holds_for_no_longer_than_its_window(db):
    with ahead():
        assert [bool(rate_limit.count([LIMIT])) for _ in range(2)] == [False, True]
    assert rate_limit.count([LIMIT]) == 0
    assert rate_limit.count([LIMIT]) == LIMIT.seconds


def test_nor_does_a_gate(db):
    gate = rate_limit.Limit("gate", 1, 900, is_gate=True)
    with ahead():
        assert [bool(rate_limit.count([gate])) for _ in range(3)] == [False, True, True]
    assert rate_limit.count([gate]) == 0


def test_the_clocks_of_two_servers_do_not_begin_a_window_anew(db):
    with ahead(timedelta(seconds=SKEW - 10)):
        rate_limit.count([LIMIT])
    assert rate_limit.count([LIMIT]) > 0


def test_what_is_to_be_done_every_so_often_is_done(db, settings):
    settings.PERIODIC_TASKS = {"accounts.mail.delivery.forget_old": 3600}
    with ahead(timedelta(days=1)):
        periodic.run_due()
    periodic.run_due()
    assert PeriodicTask.objects.get().due_at <= timezone.now() + HOUR
