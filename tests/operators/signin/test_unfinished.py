"""A password whose code never comes leaves a trace, is limited and reported; so is a new browser."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from operators.signin import unfinished
from operators.signin.session_store import SessionStore
from tests.support.factories import code_for, make_account, make_operator
from tests.support.flows import log_in
from twofactor import pending
from twofactor import unfinished as telling

VERIFY = reverse("twofactor:verify")
LOG_OUT = reverse("operators:logout")
NOW = timezone.now()
NOTHING_AFTER = "Somebody typed your password on Uptrends and did not finish logging in"
NEW_BROWSER = "A login to Uptrends from a new browser"


@pytest.fixture
def olga(account):
    return make_operator(account, "olga@example.com", enrolled=True)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as moment:
        yield moment


def unfinished_entries() -> int:
    return AuditEntry.objects.filter(action=Action.LOGIN_UNFINISHED).count()


def subjects() -> list[str]:
    return [str(one.subject) for one in mail.outbox]


def known_browser(operator, steps=-1) -> Client:
    """A browser in which the operator has logged in with a code before, and logged out."""
    browser = Client()
    log_in(browser, operator)
    assert browser.post(VERIFY, {"code": code_for(steps=steps)}).status_code == 302
    browser.post(LOG_OUT)
    mail.outbox.clear()
    return browser


def test_a_login_without_a_code_is_in_the_trail_and_told_when_its_time_is_over(olga, clock):
    log_in(Client(REMOTE_ADDR="203.0.113.7"), olga)
    clock.shift(599)
    unfinished.tell_of_ended()
    assert (unfinished_entries(), subjects()) == (0, [])
    clock.shift(1)
    for _ in range(2):
        unfinished.tell_of_ended()
    assert (unfinished_entries(), subjects()) == (1, [NOTHING_AFTER])
    entry = AuditEntry.objects.get(action=Action.LOGIN_UNFINISHED)
    assert (entry.subject_id, entry.actor_id, entry.address) == (olga.pk, None, "203.0.113.7")
    assert mail.outbox[0].to == [olga.email]
    assert "203.0.113.7" in mail.outbox[0].body
    assert "This was not me" in mail.outbox[0].body


def test_each_is_in_the_trail_and_one_a_day_is_told(olga, clock):
    for _ in range(3):
        log_in(Client(), olga)
    clock.shift(600)
    unfinished.tell_of_ended()
    assert (unfinished_entries(), len(mail.outbox)) == (3, 1)
    clock.shift(timedelta(days=1))
    log_in(Client(), olga)
    clock.shift(600)
    unfinished.tell_of_ended()
    assert (unfinished_entries(), len(mail.outbox)) == (4, 2)


def test_a_login_with_its_code_leaves_no_such_trace(olga, clock):
    browser = Client()
    log_in(browser, olga)
    browser.post(VERIFY, {"code": code_for()})
    clock.shift(600)
    unfinished.tell_of_ended()
    browser.post(LOG_OUT)
    assert (unfinished_entries(), subjects()) == (0, [])


def test_a_known_browser_leaves_an_entry_and_nobody_is_told(olga):
    browser = known_browser(olga)
    log_in(browser, olga)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        unfinished.tell_of_ended()
    assert (unfinished_entries(), subjects()) == (1, [])


def test_logging_out_does_not_hide_it(olga):
    browser = Client()
    log_in(browser, olga)
    browser.post(LOG_OUT)
    assert (unfinished_entries(), subjects()) == (1, [NOTHING_AFTER])


def test_nor_do_five_wrong_codes(olga, clock):
    browser = Client()
    log_in(browser, olga)
    for steps in range(500, 505):
        browser.post(VERIFY, {"code": code_for(steps=steps)})
    assert (unfinished_entries(), subjects()) == (1, [NOTHING_AFTER])
    clock.shift(600)
    unfinished.tell_of_ended()
    assert (unfinished_entries(), subjects()) == (1, [NOTHING_AFTER])


def test_two_that_find_the_tries_used_up_at_once_tell_of_it_once(olga, monkeypatch):
    browser, twin = Client(), Client()
    log_in(browser, olga)
    twin.cookies = browser.cookies
    for steps in range(500, 504):
        browser.post(VERIFY, {"code": code_for(steps=steps)})
    real = pending.codes_left

    def first_let_the_other(request):
        monkeypatch.setattr(pending, "codes_left", real)
        assert twin.post(VERIFY, {"code": code_for(steps=505)}).status_code == 302
        return real(request)

    monkeypatch.setattr(pending, "codes_left", first_let_the_other)
    assert browser.post(VERIFY, {"code": code_for(steps=504)}).status_code == 302
    assert (unfinished_entries(), subjects()) == (1, [NOTHING_AFTER])


def test_nor_does_the_login_of_somebody_else_in_that_browser(olga, account):
    browser = Client()
    log_in(browser, olga)
    log_in(browser, make_operator(account))
    assert (unfinished_entries(), subjects()) == (1, [NOTHING_AFTER])


def test_the_same_person_who_begins_again_has_broken_nothing_off(olga):
    browser = Client()
    for _ in range(3):
        log_in(browser, olga)
    browser.post(VERIFY, {"code": code_for()})
    assert (unfinished_entries(), subjects()) == (0, [])


def test_what_was_told_of_is_not_told_again_when_the_browser_comes_back(olga, clock):
    browser = Client()
    log_in(browser, olga)
    clock.shift(600)
    unfinished.tell_of_ended()
    assert browser.get(VERIFY).url == reverse("operators:login")
    browser.post(LOG_OUT)
    assert unfinished_entries() == 1


def test_an_offer_that_nobody_answers_is_told_of_and_an_answered_one_is_not(db, clock):
    account = make_account(Policy.REQUIRED)
    account.required_from = NOW + timedelta(days=9)
    account.save()
    nora = make_operator(account)
    browser = Client()
    log_in(browser, nora)
    assert browser.post(reverse("operators:offer"), {"not_now": "on"}).status_code == 302
    assert unfinished_entries() == 0
    log_in(Client(), nora)
    clock.shift(600)
    unfinished.tell_of_ended()
    assert unfinished_entries() == 1


def test_a_login_that_waits_for_its_setup_link_is_none_of_them(db, clock):
    log_in(Client(), make_operator(make_account(Policy.REQUIRED)))
    clock.shift(3600)
    unfinished.tell_of_ended()
    assert unfinished_entries() == 0


def test_one_that_another_worker_tells_of_is_left_to_it(olga, clock, monkeypatch):
    log_in(Client(), olga)
    clock.shift(600)
    real = SessionStore.decode

    def decode(store, data):
        Operator.objects.get(pk=olga.pk).sessions.update(user=None)
        return real(store, data)

    monkeypatch.setattr(SessionStore, "decode", decode)
    unfinished.tell_of_ended()
    assert unfinished_entries() == 0


def test_of_somebody_who_is_gone_nothing_is_told(db):
    telling.tell(4711, None, known=False)
    assert not AuditEntry.objects.exists()
    assert mail.outbox == []


# How many there can be


def test_ten_passwords_without_a_code_are_the_end_for_strangers_and_known_browsers_go_on(olga):
    browser = known_browser(olga)
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
        for _ in range(10):
            assert log_in(Client(), olga).url == VERIFY
        assert "Too many tries" in log_in(Client(), olga).text
        assert log_in(browser, olga).url == VERIFY
        assert browser.post(VERIFY, {"code": code_for()}).status_code == 302


def test_a_code_takes_the_try_of_its_password_back(olga, clock):
    for _ in range(15):
        clock.shift(30)
        browser = Client()
        assert log_in(browser, olga).url == VERIFY
        assert browser.post(VERIFY, {"code": code_for()}).status_code == 302


def test_setup_links_that_nobody_opens_are_limited_alike(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    for _ in range(10):
        assert log_in(Client(), olga).status_code == 302
    assert "Too many tries" in log_in(Client(), olga).text


# A new browser


def test_a_login_from_a_browser_where_one_was_not_before_is_told(operator):
    log_in(Client(), operator)
    assert subjects() == []  # the first login of all
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    browser = Client(HTTP_USER_AGENT=agent, REMOTE_ADDR="203.0.113.7")
    log_in(browser, operator)
    assert subjects() == [NEW_BROWSER]
    assert "Firefox on Linux" in mail.outbox[0].body
    assert "203.0.113.7" in mail.outbox[0].body
    assert "This was not me" in mail.outbox[0].body
    browser.post(LOG_OUT)
    log_in(browser, operator)
    assert subjects() == [NEW_BROWSER]


def test_so_is_one_with_a_code(olga):
    known_browser(olga)
    browser = Client()
    log_in(browser, olga)
    browser.post(VERIFY, {"code": code_for()})
    assert subjects() == [NEW_BROWSER]


def test_after_a_password_reset_the_browser_is_not_new(operator):
    log_in(Client(), operator)
    browser = Client()
    browser.post(reverse("operators:password-reset"), {"email": operator.email})
    link = mail.outbox[-1].body.partition("http://testserver")[2].split()[0]
    browser.get(link)
    new = "a fine long password"
    url = reverse("operators:password-reset-choose")
    browser.post(url, {"new_password": new, "new_password_again": new})
    mail.outbox.clear()
    log_in(browser, operator, password=new)
    assert subjects() == []


def test_a_waiting_login_of_an_older_release_is_told_of_as_of_an_unknown_browser(olga):
    pending.broken_off({pending.SESSION_KEY: {"user": olga.pk, "step": "code"}})
    assert (unfinished_entries(), subjects()) == (1, [NOTHING_AFTER])
