"""Guessing a code must not pay: how long the wait after wrong codes is."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from operators.models import Operator
from tests.support.factories import PASSWORD, code_for, make_operator
from twofactor.code_limits import delay_after, failures_with_a_delay

VERIFY = reverse("twofactor:verify")


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (9, 0), (10, 30), (11, 60), (12, 120), (16, 1920), (17, 3600), (18, 3600), (10**6, 3600)],
)
def test_the_wait_doubles_from_the_tenth_wrong_code_to_an_hour(failures, seconds):
    assert delay_after(failures) == seconds


def test_the_wait_is_another_one_after_the_tenth_to_the_seventeenth_wrong_code():
    assert list(failures_with_a_delay()) == list(range(10, 18))


@pytest.fixture
def browser(account):
    """A browser at the code step, of an operator with nine wrong codes."""
    operator = make_operator(account, enrolled=True)
    Operator.objects.update(code_failures=9)
    browser = Client()
    browser.post(reverse("operators:login"), {"email": operator.email, "password": PASSWORD})
    return browser


def test_the_tenth_wrong_code_blocks_and_says_for_how_long(browser):
    assert "Try again in 30 seconds" in browser.post(VERIFY, {"code": "000000"}).text


@pytest.mark.parametrize(("seconds", "status"), [(29, 200), (30, 302)])
def test_a_right_code_counts_again_after_thirty_seconds(browser, seconds, status):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        browser.post(VERIFY, {"code": "000000"})
    with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
        assert browser.post(VERIFY, {"code": code_for()}).status_code == status


def test_a_right_code_clears_the_count(browser):
    assert browser.post(VERIFY, {"code": code_for()}).status_code == 302
    assert Operator.objects.get().code_failures == 0
