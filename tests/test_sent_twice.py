"""A form that is sent a second time, with the cookies of the first, lands where one click lands."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import sent_twice
from accounts.models import Action, AuditEntry, Tally
from operators.models import Group, Operator
from operators.models.session import Session
from operators.signin import journey
from operators.signin.session_store import SessionStore
from tests.support import twice
from tests.support.database import everything
from tests.support.factories import PASSWORD, code_for

COOKIE = settings.SESSION_COOKIE_NAME


def what_it_says(browser: Client, url: str) -> str:
    page = browser.get(url)
    assert page.status_code == 200
    return twice.HIDDEN.sub("", page.text)


@pytest.mark.parametrize("act", twice.ACTS, ids=lambda act: act.__name__)
def test_the_second_of_two_equal_requests_gets_the_answer_of_the_first(db, act):
    form = act()
    browser = form.twin()
    first = form.send()
    stored = everything()
    second = form.send(browser)
    assert everything() == stored
    assert first.status_code == second.status_code
    assert first.content == second.content
    if form.lands:
        assert first.status_code == 302, first.text
        assert form.lands in (first.url, "new")
        assert second.headers["Location"] == first.url
        # With what it says, which the browser may never have got with the first.
        assert what_it_says(browser, first.url) == what_it_says(form.browser, first.url)
    # Session, known browser, trusted browser: all that one click leaves.
    left = {name: cookie.value for name, cookie in browser.cookies.items() if name != "messages"}
    assert left == {name: cookie.value for name, cookie in form.browser.cookies.items() if name != "messages"}


# What is no equal request


@pytest.fixture
def form(db):
    """The code of a login, of which the first click has gone through."""
    return twice.code()


def refused(form: twice.Form, browser: Client) -> None:
    """Send once more; nothing is opened, nothing is stored, and no cookie of a session comes back."""
    stored = everything()
    answer = form.send(browser)
    assert answer.headers["Location"] == twice.LOGIN
    assert COOKIE not in answer.cookies
    assert everything() == stored


@pytest.mark.parametrize("part", ["code", "csrfmiddlewaretoken"])
def test_the_old_key_opens_nothing_without_the_code_and_the_very_copy_of_the_form(form, part):
    """Whoever has planted or stolen the key of a session from before the code."""
    thief = form.twin()
    another = twice.filled(form.browser, form.at, "").data["csrfmiddlewaretoken"]
    form.send()
    form.data[part] = {"code": code_for(steps=500), "csrfmiddlewaretoken": another}[part]
    refused(form, thief)


def test_the_code_and_the_form_open_nothing_without_the_old_key(form):
    thief = form.twin()
    form.send()
    del thief.cookies[COOKIE]
    refused(form, thief)


def test_after_a_minute_the_answer_is_not_given_any_more(form):
    late, too_late = form.twin(), form.twin()
    form.send()
    now = timezone.now()
    with time_machine.travel(now + timedelta(seconds=59), tick=False):
        assert COOKIE in form.send(late).cookies
    with time_machine.travel(now + timedelta(seconds=62), tick=False):
        refused(form, too_late)


@pytest.mark.parametrize("end", ["log out", "new nonce", "another act", "new key"])
def test_what_ends_the_session_or_goes_on_in_it_ends_the_answer_too(form, end):
    late = form.twin()
    form.send()
    operator = Operator.objects.get()
    if end == "new nonce":
        operator.renew_session_nonce()
    elif end == "new key":
        session = form.browser.session
        session.cycle_key()
        session.save()
    else:
        page = twice.filled(form.browser, operator.get_absolute_url() + "name/", "", name="Olga")
        page.at = twice.reverse("operators:logout") if end == "log out" else page.at
        assert page.send().status_code == 302
    refused(form, late)


def test_the_database_holds_the_answer_for_nobody_but_the_browser_that_asked(db):
    form = twice.code_with_trust()
    form.send()
    row = Session.objects.get()
    token = form.browser.cookies[settings.TRUSTED_BROWSER_COOKIE_NAME].value
    assert row.answer
    assert token not in row.answer
    assert form.data["code"] not in row.answer + row.act


# What is not done


def test_a_wrong_code_that_is_sent_twice_is_one_try(db):
    form = twice.code()
    form.data["code"] = code_for(steps=500)
    first, second = form.send(), form.send()
    assert "That code is not right" in first.text
    assert second.content == first.content
    assert Operator.objects.get().code_failures == Session.objects.get().wrong_codes == 1
    with time_machine.travel(timezone.now() + timedelta(seconds=6), tick=False):
        form.send()
    assert Operator.objects.get().code_failures == Session.objects.get().wrong_codes == 2


def test_what_failed_for_a_reason_of_ours_is_done_when_it_is_sent_again(db, settings):
    form = twice.popup()
    keys, settings.TWO_FACTOR_KEYS = settings.TWO_FACTOR_KEYS, ["no key"]
    assert form.send().status_code == 503
    settings.TWO_FACTOR_KEYS = keys
    assert form.send().headers["Location"] == form.lands


def test_a_file_may_be_asked_for_twice(admin):
    browser = twice.inside(admin)
    form = twice.filled(browser, twice.reverse("operators:list"), "", at=twice.reverse("operators:export"))
    assert b"anna@example.com" in form.send().getvalue()
    assert b"anna@example.com" in form.send().getvalue()


def test_a_page_that_is_too_long_to_be_kept_is_made_again(admin, monkeypatch):
    monkeypatch.setattr(sent_twice, "LONGEST", 100)
    form = twice.filled(twice.inside(admin), twice.reverse("operators:group-add"), "", name="")
    assert form.send().content != form.send().content


def test_whoever_waits_too_long_for_the_first_is_told_so(db, monkeypatch):
    monkeypatch.setattr(sent_twice, "PATIENCE", 0.1)
    form = twice.group()
    form.send(form.twin())
    Session.objects.update(answer="")
    assert form.send().headers["Location"] == "/"
    assert "is still under way" in form.browser.get("/", follow=True).text
    assert Group.objects.filter(name="Night shift").count() == 1


def test_what_died_halfway_may_be_begun_again(db):
    form = twice.group()
    form.send(form.twin())
    Group.objects.filter(name="Night shift").delete()
    Session.objects.update(answer="", act_until=timezone.now())
    assert form.send().status_code == 302
    assert Group.objects.filter(name="Night shift").count() == 1


# A login in a browser without a session


def meanwhile(monkeypatch: pytest.MonkeyPatch, form: twice.Form) -> list[Any]:
    """Let an equal request come while the first looks at the password; its answer is in the list then."""
    answers: list[Any] = []
    twin, real = form.twin(), journey.authenticate

    def look(*args, **words):
        monkeypatch.setattr(journey, "authenticate", real)
        answers.append(form.send(twin))
        return real(*args, **words)

    monkeypatch.setattr(journey, "authenticate", look)
    return answers


def test_a_wrong_password_that_is_sent_twice_at_once_is_one_try(db, monkeypatch):
    form = twice.login()
    form.data["password"] = "wrong"
    answers = meanwhile(monkeypatch, form)
    # The first ends while the second waits for it: it has opened nothing.
    monkeypatch.setattr(sent_twice.time, "sleep", lambda _seconds: claims().delete())
    first = form.send()
    assert {answer.status_code for answer in (first, *answers)} == {200}
    assert all("That email and password do not match" in answer.text for answer in (first, *answers))
    assert [form.browser.cookies.get(COOKIE), len(answers)] == [None, 1]
    assert AuditEntry.objects.filter(action=Action.SIGN_IN_FAILED).count() == 1
    assert set(Tally.objects.values_list("count", flat=True)) == {1}


def claims():
    return Tally.objects.filter(key__startswith="sent twice")


def test_a_wrong_password_leaves_no_claim_and_may_be_sent_again(db):
    form = twice.login()
    form.data["password"] = "wrong"
    assert form.send().status_code == 200
    assert not claims().exists()


def test_a_login_that_takes_too_long_to_be_waited_for_is_not_begun_again(db, monkeypatch):
    monkeypatch.setattr(sent_twice, "PATIENCE", 0.1)
    form = twice.login()
    answers = meanwhile(monkeypatch, form)
    assert form.send().headers["Location"] == form.lands
    assert [answer.headers["Location"] for answer in answers] == ["/"]
    assert AuditEntry.objects.filter(action=Action.SIGNED_IN).count() == 1


def test_who_logs_out_and_goes_back_may_send_the_same_copy_of_the_login_form_again(db):
    form = twice.login_that_waits_for_a_code()
    twin = form.twin()
    form.send()
    Session.objects.all().delete()
    with time_machine.travel(timezone.now() + timedelta(seconds=11), tick=False):
        assert form.send(twin).headers["Location"] == form.lands
    assert Session.objects.count() == 1


def test_a_login_whose_answer_is_not_kept_leaves_no_claim(db, monkeypatch):
    monkeypatch.setattr(sent_twice, "LONGEST", 0)
    assert twice.login().send().status_code == 302
    assert not claims().exists()


@pytest.mark.parametrize("part", ["password", "csrfmiddlewaretoken"])
def test_a_login_opens_nothing_without_the_password_and_the_very_copy_of_the_form(db, part):
    form = twice.login()
    twin = form.twin()
    key = form.send().cookies[COOKIE].value
    other = twice.filled(twin, twice.LOGIN, "").data
    form.data[part] = other.get(part, "wrong")
    answer = form.send(twin)
    assert COOKIE not in answer.cookies or answer.cookies[COOKIE].value != key


def test_a_login_opens_nothing_without_the_csrf_cookie_it_was_sent_with(db):
    form = twice.login()
    form.send(form.twin())
    other = twice.new_browser()
    other.get(twice.LOGIN)
    assert COOKIE not in form.send(other).cookies


# What it costs


def statements_of(form: twice.Form) -> int:
    with CaptureQueriesContext(connection) as context:
        assert form.send().status_code == 302
    return len(context)


@pytest.mark.parametrize(
    ("act", "more"), [(twice.login, 0), (twice.code, 0), (twice.popup, 1), (twice.group, 2)]
)
def test_a_login_costs_no_statement_more_for_it_and_other_acts_little(db, act, more):
    form, plain = act(), act()
    plain.browser.handler.enforce_csrf_checks = False
    del plain.data["csrfmiddlewaretoken"]
    assert statements_of(form) == statements_of(plain) + more


# Another request of the same browser


@pytest.mark.parametrize("act", [twice.code, twice.code_after_a_rise_of_the_policy])
def test_a_code_whose_login_has_gone_on_in_another_tab_counts_nothing_and_ends_nothing(db, act, monkeypatch):
    """Not the same code: no equal request. It has read the session before the other changed its key."""
    form = act()
    field = "code" if "code" in form.data else "proof_code"
    other, wrong = form.twin(), {**form.data, field: code_for(steps=500)}
    real = SessionStore.count_attempt

    def too_late(self, limit):
        monkeypatch.undo()
        form.send(other)
        return real(self, limit)

    monkeypatch.setattr(SessionStore, "count_attempt", too_late)
    answer = form.browser.post(form.at, wrong)
    assert answer.headers["Location"] == twice.LOGIN
    assert COOKIE not in answer.cookies
    assert "was continued in another tab" in form.browser.get(twice.LOGIN).text
    assert Operator.objects.get().code_failures == 0
    assert other.get(form.lands).status_code == 200


def test_a_key_of_no_session_stays_in_the_browser_which_may_have_another_by_now(operator):
    browser = Client()
    browser.cookies[COOKIE] = "0" * 32
    assert COOKIE not in browser.get(operator.get_absolute_url()).cookies
    assert browser.post(twice.LOGIN, {"email": operator.email, "password": PASSWORD}).status_code == 302
    assert browser.get(operator.get_absolute_url()).status_code == 200


def test_a_login_is_not_lost_with_the_session_of_before(db):
    """That one was ended between the look for it and the end of the request."""
    session = SessionStore()
    session["before"] = True
    session.save()
    old = session.session_key
    Session.objects.all().delete()
    session.restart()
    session["after"] = True
    session.save()
    [row] = Session.objects.all()
    assert row.session_key == session.session_key != old
    assert SessionStore(row.session_key).load() == {"after": True}


def test_who_has_no_session_may_log_out(db):
    assert Client().post(twice.reverse("operators:logout")).headers["Location"] == twice.LOGIN


# A session that ends while something is done in it


def end_it_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    real = SessionStore.save

    def save(self, **options):
        Session.objects.all().delete()
        real(self, **options)

    monkeypatch.setattr(SessionStore, "save", save)


def test_who_was_logged_out_meanwhile_reads_that_and_what_was_done(db, monkeypatch):
    form = twice.own_password()
    end_it_meanwhile(monkeypatch)
    answer = form.browser.post(form.at, form.data, headers={"referer": "http://testserver/sessions/"})
    assert answer.headers["Location"] == f"{twice.LOGIN}?next=/sessions/"
    page = form.browser.get(answer.headers["Location"]).text
    assert "Your session was ended or renewed elsewhere" in page
    assert "Your password is changed" in page


def test_who_was_logged_out_while_a_page_was_made_comes_back_to_it(operator, monkeypatch):
    url = twice.reverse("operators:scan", args=[operator.pk])
    browser = twice.inside(operator)
    end_it_meanwhile(monkeypatch)
    assert browser.get(url).headers["Location"] == f"{twice.LOGIN}?next={url}"
