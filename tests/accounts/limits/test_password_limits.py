"""Guessing passwords does not pay, and does not lock the person out whose password is guessed."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import rate_limit
from accounts.models import Tally
from accounts.policy import Policy
from tests.support.factories import PASSWORD, make_account, make_operator
from tests.support.flows import link_in_mail, log_in

LOGIN = reverse("operators:login")
COOKIE = settings.KNOWN_BROWSER_COOKIE_NAME
TOO_MANY = "Too many tries"
NOW = timezone.now()


def guess(client, email, times=1, **kwargs):
    data = {"email": email, "password": "a wrong password"}
    return [client.post(LOGIN, data, **kwargs) for _ in range(times)][-1]


@pytest.mark.parametrize("kind", ["operator", "nobody", "invited", "deactivated", "single sign-on"])
def test_after_ten_wrong_passwords_the_answer_is_the_same_for_everybody(account, kind):
    fields: dict[str, Any] = {
        "invited": {"invited": True},
        "deactivated": {"active": False},
        "single sign-on": {"single_sign_on": True},
    }
    if kind != "nobody":
        make_operator(account, "olga@example.com", **fields.get(kind, {}))
    with time_machine.travel(NOW, tick=False):
        assert TOO_MANY not in guess(Client(), "olga@example.com", 10).text
        answer = guess(Client(), "OLGA@example.com ")
        assert f"{TOO_MANY}. Wait 15 minutes" in answer.text
        assert answer.status_code == 200


def test_the_right_password_does_not_help_a_stranger_within_the_wait(operator):
    with time_machine.travel(NOW, tick=False) as clock:
        guess(Client(), operator.email, 11)
        assert TOO_MANY in log_in(Client(), operator).text
        clock.shift(15 * 60)
        assert log_in(Client(), operator).status_code == 302


def test_no_password_is_hashed_within_the_wait(operator, monkeypatch):
    guess(Client(), operator.email, 11)
    monkeypatch.setattr("operators.signin.journey.authenticate", lambda *_args, **_fields: 1 / 0)
    assert TOO_MANY in log_in(Client(), operator).text


@pytest.mark.thorough
def test_strangers_do_not_lock_out_a_known_browser(operator):
    browser = Client()
    log_in(browser, operator)
    browser.post(reverse("operators:logout"))
    guess(Client(), operator.email, 200)
    assert TOO_MANY in log_in(Client(), operator).text
    assert log_in(browser, operator).status_code == 302


def test_a_known_browser_has_ten_tries_of_its_own(operator):
    browser = Client()
    log_in(browser, operator)
    browser.post(reverse("operators:logout"))
    assert TOO_MANY not in guess(browser, operator.email, 10).text
    assert TOO_MANY in guess(browser, operator.email).text
    assert log_in(Client(), operator).status_code == 302


def test_a_browser_is_known_for_its_own_people_only(operator, account):
    browser = Client()
    log_in(browser, operator)
    browser.post(reverse("operators:logout"))
    otto = make_operator(account)
    guess(Client(), otto.email, 11)
    assert TOO_MANY in log_in(browser, otto).text


def test_a_cookie_of_ones_own_making_is_no_known_browser(operator):
    guess(Client(), operator.email, 11)
    browser = Client()
    browser.cookies[COOKIE] = "eyJhIjoiYiJ9:forged:forged"
    assert TOO_MANY in log_in(browser, operator).text


@pytest.mark.thorough
def test_a_browser_knows_its_five_newest_people(account):
    browser = Client()
    people = [make_operator(account) for _ in range(6)]
    for person in people:
        log_in(browser, person)
        browser.post(reverse("operators:logout"))
    for person in people:
        guess(Client(), person.email, 11)
    assert TOO_MANY in log_in(browser, people[0]).text
    for person in (people[1], people[5]):
        assert log_in(browser, person).status_code == 302
        browser.post(reverse("operators:logout"))


@pytest.mark.thorough
def test_an_address_is_limited_across_names_and_others_are_untouched(operator):
    with time_machine.travel(NOW, tick=False):
        for number in range(100):
            guess(Client(), f"nobody{number}@example.com", REMOTE_ADDR="203.0.113.5")
        assert TOO_MANY in guess(Client(), "last@example.com", REMOTE_ADDR="203.0.113.5").text
        assert TOO_MANY not in guess(Client(), operator.email, REMOTE_ADDR="203.0.113.6").text


def test_a_hundred_a_day_is_the_end_for_strangers(operator):
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(10):
            guess(Client(), operator.email, 10)
            clock.shift(15 * 60)
        assert "Wait 22 hours" in guess(Client(), operator.email).text


def chooses_new_password(browser, operator, new="a fine long password"):
    browser.post(reverse("operators:password-reset"), {"email": operator.email})
    browser.get(link_in_mail())
    url = reverse("operators:password-reset-choose")
    browser.post(url, {"new_password": new, "new_password_again": new})
    return new


def test_a_new_password_by_mail_ends_the_wait(operator):
    guess(Client(), operator.email, 11)
    new = chooses_new_password(Client(), operator)
    assert log_in(Client(), operator, password=new).status_code == 302


def test_after_a_new_password_by_mail_strangers_do_not_keep_its_owner_out(operator):
    browser = Client()
    new = chooses_new_password(browser, operator)
    guess(Client(), operator.email, 11)
    assert TOO_MANY in log_in(Client(), operator, password=new).text
    assert log_in(browser, operator, password=new).status_code == 302


def test_nor_where_a_new_address_was_confirmed(operator):
    browser = Client()
    log_in(browser, operator)
    browser.post(reverse("operators:email", args=[operator.pk]), {"email": "new@example.com"})
    other = Client()
    other.get(link_in_mail())
    other.post(reverse("operators:email-confirm"))
    operator.refresh_from_db()
    assert operator.email == "new@example.com"
    guess(Client(), operator.email, 11)
    assert TOO_MANY in log_in(Client(), operator).text
    assert log_in(other, operator).status_code == 302


def test_nor_at_a_setup_link_which_has_ten_tries_of_its_own(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    log_in(Client(), olga)
    guess(Client(), olga.email, 11)
    url, link = reverse("invitations:setup-password"), link_in_mail()
    for number in range(10):
        browser = Client()
        browser.get(link)
        if not number:
            assert browser.post(url, {"password": PASSWORD}).url == reverse("invitations:setup")
        assert "That is not your password" in browser.post(url, {"password": "a wrong password"}).text
    browser = Client()
    browser.get(link)
    assert TOO_MANY in browser.post(url, {"password": PASSWORD}).text


def test_right_passwords_are_not_counted(operator):
    for _ in range(15):
        assert log_in(Client(), operator).status_code == 302


def test_the_setup_links_password_page_is_limited_too(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    log_in(Client(), olga)
    browser = Client()
    browser.get(link_in_mail())
    url = reverse("invitations:setup-password")
    for _ in range(10):
        browser.post(url, {"password": "a wrong password"})
    assert TOO_MANY in browser.post(url, {"password": PASSWORD}).text


def test_neither_table_nor_cookie_lists_people(operator):
    browser = Client()
    log_in(browser, operator)
    assert not Tally.objects.filter(key__contains=operator.email).exists()
    assert operator.email not in browser.cookies[COOKIE].value
    assert browser.cookies[COOKIE]["httponly"]
    assert browser.cookies[COOKIE]["samesite"] == "Lax"


def test_the_cookie_lives_for_a_year_and_travels_as_the_session_does(operator, settings):
    settings.SESSION_COOKIE_SECURE = True
    browser = Client()
    log_in(browser, operator)
    assert browser.cookies[COOKIE]["max-age"] == 365 * 24 * 60 * 60
    assert browser.cookies[COOKIE]["secure"]


@pytest.mark.parametrize(("days", "known"), [(364, True), (366, False)])
def test_a_browser_is_known_for_a_year(operator, days, known):
    browser = Client()
    log_in(browser, operator)
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        guess(Client(), operator.email, 11)
        assert (TOO_MANY not in log_in(browser, operator).text) is known


def test_a_count_never_falls_below_zero_and_ended_windows_can_be_deleted(db):
    limit = rate_limit.Limit("x", 1, 60)
    rate_limit.give_back([limit])
    assert rate_limit.count([limit]) == 0
    assert str(Tally.objects.get()) == "1 times x"
    assert rate_limit.count([limit]) > 0
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert rate_limit.count([limit]) == 0
        assert rate_limit.delete_ended() == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=200)):
        assert rate_limit.delete_ended() == 1


def test_strangers_who_make_names_up_fill_no_table_beyond_the_limit(db, monkeypatch):
    monkeypatch.setattr("accounts.limits.password_limits.TRIES_BY_ADDRESS", 3)
    for number in range(4):
        guess(Client(), f"somebody{number}@example.com")
    before = Tally.objects.count()
    for number in range(20):
        assert TOO_MANY in guess(Client(), f"nobody{number}@example.com").text
    # The first few are written down, each under a name of its own.
    assert Tally.objects.count() - before <= 5
