"""Sessions: what is stored, when they end, and the page on which their owner ends them."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import rate_limit
from accounts.audit.trail import Origin
from accounts.models import Action, AuditEntry, Tally
from accounts.periodic import run_due
from invitations import opening
from operators.models import Operator
from operators.models.session import Session
from operators.people import removal, reset
from operators.people.login_method import set_sign_in_method
from operators.signin import own_sessions
from operators.signin.session_store import SessionStore
from tests.support.factories import NOBODY, PASSWORD, code_for, enroll, make_account, make_operator, signed_in
from tests.support.flows import key_on, link_in_mail
from tests.support.sessions import CHROME, FIREFOX, after, is_signed_in
from twofactor.made_by import MadeBy

LOGIN = reverse("operators:login")


def log_in(operator: Operator, user_agent: str = FIREFOX, address: str = "192.0.2.7") -> Client:
    """Log in as people do."""
    browser = Client(headers={"user-agent": user_agent}, REMOTE_ADDR=address)
    assert browser.post(LOGIN, {"email": operator.email, "password": PASSWORD}).status_code == 302
    return browser


def row_of(browser: Client) -> Session:
    return Session.objects.get(session_key=browser.session.session_key)


# What is stored


def test_a_session_knows_whose_it_is_and_where_it_was_opened(operator):
    row = row_of(log_in(operator))
    assert (row.user_id, row.address, row.browser) == (operator.pk, "192.0.2.7", "Firefox on Linux")
    assert row.signed_in_at is not None
    assert timezone.now() - row.signed_in_at < timedelta(minutes=1)
    assert row.last_seen_at == row.signed_in_at


def test_a_long_or_strange_user_agent_is_no_hindrance(operator):
    assert row_of(log_in(operator, "x" * 2000)).user_agent == "x" * 300
    assert row_of(log_in(operator, "a\0b")).user_agent == "ab"


def test_a_waiting_sign_in_names_who_waits_and_is_no_session_of_theirs(operator):
    enroll(operator)
    browser = log_in(operator)
    row = row_of(browser)
    assert (row.user_id, row.signed_in_at, row.last_seen_at) == (operator.pk, None, None)
    assert list(own_sessions.live(operator)) == []
    assert browser.get(reverse("operators:home")).url.startswith(reverse("operators:login"))


def test_a_session_says_who_is_signed_in_and_not_who_its_row_names(operator, admin):
    browser = log_in(operator)
    Session.objects.update(user=admin)
    assert browser.get(reverse("operators:home")).wsgi_request.user == operator


@pytest.mark.parametrize("enrolled", [True, False])
def test_a_key_from_before_the_password_is_worth_nothing_after_it(operator, enrolled):
    if enrolled:
        enroll(operator)
    browser = Client()
    browser.post(reverse("operators:password-reset"), {"email": "nobody@example.com"})
    before = row_of(browser).session_key
    browser.post(LOGIN, {"email": operator.email, "password": PASSWORD})
    assert row_of(browser).session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_the_key_changes_with_the_code_and_the_row_stays(operator):
    enroll(operator)
    browser = log_in(operator)
    before = row_of(browser)
    browser.post(reverse("twofactor:verify"), {"code": code_for()})
    after = row_of(browser)
    assert after.session_key != before.session_key
    assert after.public_id == before.public_id
    assert Session.objects.count() == 1


def test_a_stranger_has_no_row(db):
    Client().get(LOGIN)
    Client().get("/")
    assert not Session.objects.exists()


def test_a_row_is_named_without_its_key(operator):
    row = row_of(signed_in(operator))
    assert row.session_key not in str(row)


@pytest.mark.parametrize(("minutes", "statements"), [(4, 1), (6, 2)])
def test_last_seen_is_written_every_five_minutes_at_most(admin, minutes, statements):
    browser = log_in(admin)
    before = row_of(browser).last_seen_at
    with after(minutes=minutes):
        with CaptureQueriesContext(connection) as captured:
            browser.get(reverse("operators:add"))
        assert len(captured) == statements
        with CaptureQueriesContext(connection) as captured:
            browser.get(reverse("operators:add"))
        assert len(captured) == 1
    seen = row_of(browser).last_seen_at
    assert seen is not None
    assert before is not None
    assert seen - before >= timedelta(minutes=minutes) if statements == 2 else seen == before


# How long it lives


def test_a_session_ends_12_hours_after_sign_in_whatever_is_done_in_it(operator):
    browser = log_in(operator)
    for hour in range(1, 22):
        with after(minutes=30 * hour):
            assert is_signed_in(browser, operator)
    with after(hours=11):
        data = {"current_password": PASSWORD, "new_password": "a fine long one"}
        browser.post(reverse("operators:password"), {**data, "new_password_again": "a fine long one"})
    for minutes in (30, 59):
        with after(hours=11, minutes=minutes):
            assert is_signed_in(browser, operator)
    with after(hours=12, seconds=1):
        assert not is_signed_in(browser, operator)


@pytest.mark.parametrize(("minutes", "signed_in"), [(59, True), (60, False)])
def test_a_session_that_nobody_uses_ends_after_an_hour(operator, minutes, signed_in):
    browser = log_in(operator)
    start = timezone.now()
    with time_machine.travel(start + timedelta(minutes=minutes, seconds=1), tick=False):
        assert is_signed_in(browser, operator) is signed_in
    assert is_signed_in(browser, operator) is signed_in


def test_how_long_nobody_may_use_it_is_a_setting(operator, settings):
    settings.SESSION_IDLE_MINUTES = 20
    browser = log_in(operator)
    assert "nobody uses it for 20 minutes" in browser.get(reverse("operators:sessions")).text
    with after(minutes=15):
        assert is_signed_in(browser, operator)
    with after(minutes=34):
        assert is_signed_in(browser, operator)
    with after(minutes=55):
        assert not is_signed_in(browser, operator)


def test_the_list_leaves_out_what_ended_for_lack_of_use(operator):
    log_in(operator, CHROME)
    with after(minutes=61):
        page = log_in(operator).get(reverse("operators:sessions")).text
    assert "Firefox" in page
    assert "Chrome" not in page


def test_the_12_hours_begin_at_sign_in_not_at_the_password(operator):
    enroll(operator)
    browser = log_in(operator)
    with after(minutes=9):
        browser.post(reverse("twofactor:verify"), {"code": code_for()})
    for half_hours in range(1, 24):
        with after(minutes=30 * half_hours):
            assert is_signed_in(browser, operator)
    with after(hours=12, minutes=5):
        assert is_signed_in(browser, operator)


def test_what_has_expired_is_cleared(operator):
    old = row_of(log_in(operator))
    with after(hours=12):
        new = row_of(log_in(operator))
    with after(hours=12, minutes=59):
        call_command("clearsessions")
    assert list(Session.objects.values_list("pk", flat=True)) == [new.pk]
    assert old.pk != new.pk


def test_the_worker_clears_what_has_ended_strangers_sessions_too(operator):
    unused = row_of(log_in(operator))
    Client().get("/setup/no-link/")
    stranger = Session.objects.get(user=None)
    with after(minutes=61):
        used = row_of(log_in(operator))
        run_due()
        assert set(Session.objects.values_list("pk", flat=True)) == {stranger.pk, used.pk}
    with after(hours=12, minutes=1):
        run_due()
        assert list(Session.objects.values_list("pk", flat=True)) == [] != [unused.pk]


@pytest.mark.parametrize(
    "name",
    [
        "accounts.rate_limit.delete_ended",
        "operators.models.session.delete_ended",
        "twofactor.trusted.delete_expired",
    ],
)
def test_whatever_strangers_can_fill_is_among_the_worker_s_tasks(db, name):
    assert name in settings.PERIODIC_TASKS
    assert import_string(name)() == 0


@pytest.mark.parametrize("path", ["/login/", "/password-reset/", "/login/code/", "/login/check-email/", "/"])
def test_a_stranger_who_looks_or_guesses_leaves_no_session(db, path):
    data = {"email": "nobody@example.com", "password": "wrong"}
    for answer in (Client().get(path), Client().post(path, data if path == "/login/" else {})):
        assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert not Session.objects.exists()


@pytest.mark.thorough
def test_a_stranger_s_sessions_are_as_many_as_the_address_may_open_links(db):
    for number in range(opening.LINKS + 5):
        Client().get(f"/setup/unknown{number}/")
    assert Session.objects.count() == opening.LINKS


def test_counts_of_limits_go_once_their_time_is_over(db):
    with time_machine.travel(timezone.now()):
        for name, minutes in (("short", 1), ("long", 60)):
            rate_limit.count([rate_limit.Limit(name, 1, minutes * 60)])
    with after(minutes=2):
        call_command("clearsessions")
    assert list(Tally.objects.values_list("key", flat=True)) == ["long"]


# Codes that were tried


@pytest.fixture
def stored(db) -> SessionStore:
    session = SessionStore()
    session["a"] = 1
    session.save()
    return session


def test_attempts_are_counted_up_to_a_limit(stored):
    assert [stored.count_attempt(3) for _ in range(4)] == [True, True, True, False]
    assert Session.objects.get().wrong_codes == 3


def test_a_sign_in_forgets_the_wrong_codes_before_it(operator):
    enroll(operator)
    browser = log_in(operator)
    assert SessionStore(browser.session.session_key).count_attempt(3)
    browser.post(reverse("twofactor:verify"), {"code": code_for()})
    assert row_of(browser).wrong_codes == 0


def test_saving_leaves_the_count_alone(stored):
    stored.count_attempt(3)
    stored["a"] = 2
    stored.save()
    assert Session.objects.get().wrong_codes == 1


def test_attempts_are_counted_while_the_key_is_being_changed(stored):
    stored.cycle_key()
    stored.cycle_key()
    assert stored.count_attempt(3)
    stored.save()
    assert Session.objects.get().session_key == stored.session_key


def test_a_session_that_has_ended_counts_nothing(stored):
    Session.objects.all().delete()
    assert not stored.count_attempt(3)


def test_an_ended_session_is_not_revived_by_a_change_in_it(stored):
    again = SessionStore(stored.session_key)
    again["a"] = 2
    stored.flush()
    with pytest.raises(UpdateError):
        again.save()


def test_what_begins_after_a_flush_knows_nothing_of_before(operator):
    browser = log_in(operator)
    session = SessionStore(browser.session.session_key)
    session.cycle_key()
    session.describe(address="192.0.2.9", user_agent="x", made_by=MadeBy.CODE)
    session.note_code()
    session.flush()
    assert (session.made_by, session.code_given) == ("", False)
    session["a"] = 1
    session.save()
    row = Session.objects.get()
    assert (row.user_id, row.address, row.user_agent) == (None, None, "")
    assert (row.made_by, row.code_given) == ("", False)


# What ends it


def browsers_after(operator: Operator, change: Callable[[Client], Any]) -> tuple[bool, bool]:
    """Make the change in one of two browsers; return whether each still has a session."""
    here, elsewhere = log_in(operator), log_in(operator, CHROME)
    keys = [browser.session.session_key for browser in (here, elsewhere)]
    change(here)
    there = set(Session.objects.filter(user=operator).values_list("session_key", flat=True))
    assert is_signed_in(here, operator) == bool(there)
    return here.session.session_key in there, keys[1] in there


def enroll_here(operator):
    url = reverse("operators:scan", args=[operator.pk])
    return lambda browser: browser.post(url, {"code": code_for(key_on(browser.get(url).text))})


def test_enrollment_ends_the_other_sessions(operator):
    assert browsers_after(operator, enroll_here(operator)) == (True, False)


def test_ones_own_reset_ends_the_other_sessions(account):
    olga = make_operator(account)
    here = log_in(olga)
    url = reverse("operators:scan", args=[olga.pk])
    key = key_on(here.get(url).text)
    here.post(url, {"code": code_for(key)})
    elsewhere = signed_in(Operator.objects.get(pk=olga.pk))
    here.post(
        reverse("operators:reset", args=[olga.pk]),
        {"proof_password": PASSWORD, "proof_code": code_for(key, steps=1)},
    )
    assert not Operator.objects.get(pk=olga.pk).is_enrolled
    assert [row.pk for row in Session.objects.filter(user=olga)] == [here.session.session_key]
    assert not is_signed_in(elsewhere, olga)


def test_a_new_password_ends_the_other_sessions(operator):
    data = {"current_password": PASSWORD, "new_password": "fine words", "new_password_again": "fine words"}
    url = reverse("operators:password")
    assert browsers_after(operator, lambda browser: browser.post(url, data)) == (True, False)


def test_a_new_address_ends_the_other_sessions(operator):
    def change(browser):
        browser.post(reverse("operators:email", args=[operator.pk]), {"email": "new@example.com"})
        browser.get(link_in_mail())
        browser.post(reverse("operators:email-confirm"))

    assert browsers_after(operator, change) == (True, False)


def test_a_password_reset_ends_all_sessions(operator):
    here, stranger = log_in(operator), Client()
    stranger.post(reverse("operators:password-reset"), {"email": operator.email})
    stranger.get(link_in_mail())
    data = {"new_password": "fine long words", "new_password_again": "fine long words"}
    stranger.post(reverse("operators:password-reset-choose"), data)
    assert not Session.objects.filter(user=operator).exists()
    assert not is_signed_in(here, operator)


@pytest.mark.parametrize(
    "end",
    [
        lambda who: removal.deactivate(who, NOBODY),
        lambda who: reset.reset(who, NOBODY),
        lambda who: set_sign_in_method(who, "single_sign_on", NOBODY),
        lambda who: removal.delete(who, NOBODY),
        lambda who: own_sessions.end_all(who, NOBODY),
    ],
)
def test_what_an_administrator_does_ends_all_sessions_of_the_operator_only(admin_browser, account, end):
    olga = make_operator(account, enrolled=True)
    for _ in range(2):
        signed_in(olga)
    end(olga)
    assert [row.pk for row in Session.objects.all()] == [admin_browser.session.session_key]


# An administrator ends somebody else's


def end_sessions_of(browser: Client, operator: Operator) -> str:
    url = reverse("operators:end-sessions", args=[operator.pk])
    text: str = browser.post(url, follow=True).text
    return text


def test_an_administrator_ends_all_sessions_of_one_person(admin_browser, admin, operator):
    browsers = [log_in(operator), log_in(operator, CHROME)]
    page = admin_browser.get(operator.get_absolute_url()).text
    url = reverse("operators:end-sessions", args=[operator.pk])
    assert url in page
    assert "is signed out everywhere at once" in admin_browser.get(url).text
    assert is_signed_in(browsers[0], operator)
    assert "Olga Operator is signed out everywhere." in end_sessions_of(admin_browser, operator)
    assert [is_signed_in(browser, operator) for browser in browsers] == [False, False]
    assert not Session.objects.filter(user=operator).exists()
    assert is_signed_in(admin_browser, admin)
    assert is_signed_in(log_in(operator), operator)


def test_it_is_in_the_trail_and_on_the_persons_activity(admin_browser, admin, operator):
    log_in(operator)
    log_in(operator, CHROME)
    end_sessions_of(admin_browser, operator)
    entry = AuditEntry.objects.get(action=Action.ALL_SESSIONS_ENDED)
    assert (entry.actor_id, entry.subject_id, entry.old) == (admin.pk, operator.pk, "2")
    activity = reverse("operators:activity", args=[operator.pk])
    assert "All sessions ended by an administrator" in log_in(operator).get(activity).text


def test_it_ends_a_sign_in_that_waits_for_its_code(admin_browser, account):
    olga, browser = make_operator(account, enrolled=True), Client()
    browser.post(LOGIN, {"email": olga.email, "password": PASSWORD})
    end_sessions_of(admin_browser, olga)
    browser.post(reverse("twofactor:verify"), {"code": code_for()})
    assert not is_signed_in(browser, olga)


def test_ones_own_are_ended_on_my_settings_instead(admin_browser, admin):
    elsewhere, url = log_in(admin), reverse("operators:end-sessions", args=[admin.pk])
    assert url not in admin_browser.get(admin.get_absolute_url()).text
    for answer in (admin_browser.get(url), admin_browser.post(url)):
        assert answer.url == reverse("operators:sessions")
    assert is_signed_in(elsewhere, admin)


def test_whoever_has_not_joined_has_no_session_to_end(admin_browser, account):
    ivo = make_operator(account, name="Ivo Invited", invited=True)
    assert "Ivo Invited has not joined yet" in end_sessions_of(admin_browser, ivo)
    assert Operator.objects.get(pk=ivo.pk).session_nonce == ivo.session_nonce
    assert not AuditEntry.objects.filter(action=Action.ALL_SESSIONS_ENDED).exists()


def test_whoever_is_deactivated_has_none_and_the_page_offers_no_button(admin_browser, account):
    dan = make_operator(account, active=False)
    url = reverse("operators:end-sessions", args=[dan.pk])
    assert url not in admin_browser.get(dan.get_absolute_url()).text


def test_the_session_of_an_administrator_who_scans_for_somebody_stays(admin, operator):
    at_admin, at_olga = log_in(admin), log_in(operator)
    enroll_here(operator)(at_admin)
    assert is_signed_in(at_admin, operator)
    assert not Session.objects.filter(user=operator).exists()
    assert not is_signed_in(at_olga, operator)


def test_the_key_of_a_session_is_in_no_text_of_its_origin(operator):
    assert "secret" not in repr(Origin(session_key="secret"))


# Where you are signed in

PAGE = reverse("operators:sessions")
END_OTHERS = reverse("operators:sessions-end-others")


def end_url(browser: Client) -> str:
    return reverse("operators:session-end", args=[row_of(browser).public_id])


def trail(action: Action) -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(action=action).values_list("subject_name", "old"))


def test_the_page_lists_ones_own_sessions_and_marks_this_one(operator, admin):
    here, elsewhere = log_in(operator), log_in(operator, CHROME, "192.0.2.8")
    log_in(admin, "curl/8.14.1", "192.0.2.99")
    page = here.get(PAGE)
    assert [row.browser for row in page.context["sessions"].rows] == ["Firefox on Linux", "Chrome on Windows"]
    assert "192.0.2.8" in page.text
    assert "192.0.2.99" not in page.text
    assert "curl" not in page.text
    assert page.text.count("This browser") == 1
    assert end_url(elsewhere) in page.text
    assert end_url(here) not in page.text


def test_after_this_one_come_those_last_seen(operator):
    first, second, here = (log_in(operator, address=f"192.0.2.{number}") for number in (1, 2, 3))
    with after(minutes=10):
        first.get("/")
        here.get("/")
    with after(minutes=20):
        second.get("/")
        rows = here.get(PAGE).context["sessions"].rows
        assert [row.address for row in rows] == ["192.0.2.3", "192.0.2.2", "192.0.2.1"]
    with after(minutes=30):
        first.get("/")
        rows = here.get(PAGE).context["sessions"].rows
        assert [row.address for row in rows] == ["192.0.2.3", "192.0.2.1", "192.0.2.2"]


def test_no_key_is_in_the_page(operator):
    here, elsewhere = log_in(operator), log_in(operator)
    page = here.get(PAGE).text
    for browser in (here, elsewhere):
        assert str(row_of(browser).pk) not in page


def test_what_has_expired_is_not_listed(operator):
    log_in(operator)
    with after(hours=13):
        here = log_in(operator)
        assert here.get(PAGE).context["sessions"].total == 1
        assert "You are signed in nowhere else." in here.post(END_OTHERS, follow=True).text


def test_my_settings_leads_to_the_sessions_and_other_pages_of_operators_do_not(
    admin_browser, operator, admin
):
    assert f'href="{PAGE}"' in admin_browser.get(admin.get_absolute_url()).text
    assert "Where you are signed in" not in admin_browser.get(operator.get_absolute_url()).text


def test_the_page_takes_the_same_queries_for_one_session_and_for_many(operator):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            here.get(PAGE)
        return len(captured)

    here = log_in(operator)
    one = queries()
    for _ in range(5):
        log_in(operator)
    assert queries() == one == 2


def test_more_sessions_than_are_shown_are_counted(operator, monkeypatch):
    monkeypatch.setattr("operators.signin.own_sessions.SHOWN", 2)
    here, *_others = (log_in(operator) for _ in range(4))
    page = here.get(PAGE)
    assert [len(page.context["sessions"].rows), page.context["sessions"].rows[0].pk] == [2, row_of(here).pk]
    assert "The 2 last seen of 4 are shown." in page.text


def test_ending_one_session_ends_that_one(operator):
    here, elsewhere, third = (log_in(operator, address=f"192.0.2.{n}") for n in (1, 2, 3))
    answer = here.post(end_url(elsewhere), follow=True)
    assert "The session in Firefox on Linux has ended." in answer.text
    assert [is_signed_in(browser, operator) for browser in (here, elsewhere, third)] == [True, False, True]
    assert trail(Action.SESSION_ENDED) == [(str(operator), "Firefox on Linux, 192.0.2.2")]


def test_ending_a_session_twice_finds_nothing_the_second_time(operator):
    here = log_in(operator)
    url = end_url(log_in(operator))
    assert [here.post(url).status_code for _ in range(2)] == [302, 404]
    assert len(trail(Action.SESSION_ENDED)) == 1


def test_a_session_that_ends_at_the_same_moment_is_not_ended_again(operator, monkeypatch):
    here = log_in(operator)
    url = end_url(log_in(operator))
    monkeypatch.setattr("django.db.models.query.QuerySet.delete", lambda _rows: (0, {}))
    assert here.post(url).status_code == 404
    assert trail(Action.SESSION_ENDED) == []


def test_this_session_can_be_ended_too(operator):
    here = log_in(operator)
    assert here.post(end_url(here), follow=True).redirect_chain[-1][0].startswith(LOGIN)


@pytest.mark.parametrize("same_account", [True, False])
def test_nobody_ends_the_session_of_somebody_else(admin_browser, account, same_account):
    olga = make_operator(account if same_account else make_account(name="Other"))
    at_olga = log_in(olga)
    assert admin_browser.post(end_url(at_olga)).status_code == 404
    admin_browser.post(END_OTHERS)
    assert is_signed_in(at_olga, olga)


def test_a_waiting_sign_in_is_no_session_to_end(operator):
    enroll(operator)
    here = signed_in(operator)
    waiting = log_in(operator)
    assert here.post(end_url(waiting)).status_code == 404


def test_ending_all_others_leaves_this_one(operator):
    here, *others = (log_in(operator) for _ in range(3))
    assert "2 other sessions have ended." in here.post(END_OTHERS, follow=True).text
    assert is_signed_in(here, operator)
    assert not any(is_signed_in(browser, operator) for browser in others)
    assert trail(Action.OTHER_SESSIONS_ENDED) == [(str(operator), "2")]


def test_ending_no_others_says_so_and_leaves_no_entry(operator):
    assert "You are signed in nowhere else." in log_in(operator).post(END_OTHERS, follow=True).text
    assert trail(Action.OTHER_SESSIONS_ENDED) == []


# A page that asks again and again by itself


@pytest.mark.parametrize(("by_itself", "signed_in"), [(True, False), (False, True)])
def test_a_page_that_looks_again_by_itself_does_not_keep_a_session_alive(operator, by_itself, signed_in):
    browser = log_in(operator)
    headers = {"X-Looks-Again": "1"} if by_itself else {}
    start = timezone.now()
    for minutes in (20, 40, 59):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            assert browser.get(operator.get_absolute_url(), headers=headers).status_code == 200
    with time_machine.travel(start + timedelta(minutes=70), tick=False):
        assert is_signed_in(browser, operator) is signed_in


def test_every_element_that_looks_again_says_so():
    pages = [path.read_text() for path in Path("templates").rglob("*.html")]
    elements = [tag for page in pages for tag in re.findall(r'<\w+[^>]*hx-trigger="every.*', page)]
    assert len(elements) == 3
    assert all("""hx-headers='{"X-Looks-Again": "1"}'""" in element for element in elements)
