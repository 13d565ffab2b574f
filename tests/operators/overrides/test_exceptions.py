"""Exceptions: an override weaker than the account's policy, its reason, its end, and the list of them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.days import end_of
from accounts.models import AuditEntry
from accounts.policy import Policy
from invitations.models import Link
from operators.models import Operator
from operators.overrides import exception_ends
from operators.overrides.override import set_override
from tests.support.database import statements
from tests.support.factories import NOBODY, PASSWORD, make_operator, signed_in
from tests.support.flows import link_in_mail, log_in

EXCEPTIONS = reverse("operators:exceptions")
EXPORT = reverse("operators:exceptions-export")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAST_DAY = date(2026, 12, 24)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _noon(time_machine):
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def account(account):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    return account


def save(browser, operator, policy="disabled", **data):
    url = reverse("operators:override", args=[operator.pk])
    return browser.post(url, {"override": "on", "policy": policy, **data}, follow=True)


def excepted(account, policy=Policy.DISABLED, reason="No phone", until=LAST_DAY, **fields):
    operator = make_operator(account, **fields)
    set_override(operator, policy, NOBODY, reason=reason, until=end_of(until) if until else None)
    return operator


# The form


@pytest.mark.parametrize("policy", ["optional", "disabled"])
def test_an_override_below_the_account_s_rule_needs_a_reason(admin_browser, operator, policy):
    assert "Say why this operator is asked for less" in save(admin_browser, operator, policy).text
    assert Operator.objects.get(pk=operator.pk).two_factor_override == ""


def test_one_that_asks_for_as_much_needs_none(admin_browser, operator):
    assert "Saved." in save(admin_browser, operator, "required").text


def test_reason_maker_and_end_are_kept_and_stand_in_the_audit_trail(admin_browser, operator):
    page = save(admin_browser, operator, reason="On leave", until="2026-12-24").text
    row = Operator.objects.get(pk=operator.pk)
    assert (row.override_reason, row.override_by, row.override_at) == ("On leave", "Anna Admin", NOON)
    assert row.override_until == datetime(2026, 12, 25, tzinfo=UTC)
    assert "until 24 Dec 2026 is over" in page
    assert "Reason: <bdi>On leave</bdi>" in page
    assert AuditEntry.objects.latest("pk").new == "Disabled until 24 Dec 2026: On leave"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "Nothing changed"),
        ({"reason": "New contract"}, "Saved."),
        ({"until": "2026-12-25"}, "Saved."),
        ({"until": ""}, "Saved."),
    ],
)
def test_another_reason_or_day_alone_is_a_change(admin_browser, operator, change, said):
    first = {"reason": "On leave", "until": "2026-12-24"}
    save(admin_browser, operator, **first)
    assert said in save(admin_browser, operator, **{**first, **change}).text


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-11-24", "Saved."),
        ("2026-11-23", "That day is over."),
        ("2028-11-23", "Saved."),
        ("2028-11-24", "within the next two years"),
        ("tomorrow", "Choose a day, or leave the field empty."),
    ],
)
def test_the_last_day_is_today_or_within_two_years(admin_browser, operator, day, words):
    assert words in save(admin_browser, operator, reason="On leave", until=day).text


def test_taking_the_tick_away_takes_reason_and_end_along(admin_browser, account):
    olga = excepted(account)
    admin_browser.post(reverse("operators:override", args=[olga.pk]), {"policy": "disabled"})
    olga.refresh_from_db()
    assert (olga.two_factor_override, olga.override_reason, olga.override_until) == ("", "", None)
    assert (olga.override_by, olga.override_at) == ("", None)


@pytest.mark.parametrize("name", ["operators:invite", "operators:create"])
def test_adding_with_an_exception_asks_for_the_reason_too(admin_browser, account, name):
    data = {"name": "Ivo", "email": "ivo@example.com", "override": "on", "policy": "disabled"}
    data |= {"new_password": PASSWORD, "new_password_again": PASSWORD}
    assert "Say why" in admin_browser.post(reverse(name), data).text
    admin_browser.post(reverse(name), {**data, "reason": "A robot", "until": "2026-12-24"})
    ivo = Operator.objects.get(email="ivo@example.com")
    assert (ivo.override_reason, ivo.override_by, ivo.override_last_day) == (
        "A robot",
        "Anna Admin",
        LAST_DAY,
    )
    assert AuditEntry.objects.get(action="override").new == "Disabled until 24 Dec 2026: A robot"


def test_one_that_became_an_exception_later_has_no_reason(admin_browser, account):
    olga = make_operator(account, override=Policy.OPTIONAL)
    assert "No reason given." in admin_browser.get(olga.get_absolute_url()).text
    assert "No reason given" in admin_browser.get(EXCEPTIONS).text


def test_the_operator_sees_the_end_and_not_the_reason(account):
    olga = excepted(account)
    page = signed_in(olga).get(olga.get_absolute_url()).text
    assert "You have an override: Disabled, until 24 Dec 2026 is over." in page
    assert "No phone" not in page


# The end


@pytest.mark.parametrize(
    ("at", "stopped"), [(end_of(LAST_DAY) - timedelta(seconds=1), False), (end_of(LAST_DAY), True)]
)
def test_it_ends_by_itself_when_its_last_day_is_over(account, time_machine, at, stopped):
    olga = excepted(account)
    time_machine.move_to(at, tick=False)
    answer = Client().post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    assert (answer.url == reverse("invitations:check-email")) is stopped


def test_after_the_end_the_page_says_so_and_save_removes_it(admin, account, time_machine):
    olga = excepted(account)
    time_machine.move_to(end_of(LAST_DAY), tick=False)
    browser = signed_in(admin)
    page = browser.get(olga.get_absolute_url()).text
    assert "The override Disabled ended on 24 Dec 2026; the account's setting counts again." in page
    browser.post(reverse("operators:override", args=[olga.pk]), {"policy": "disabled", "until": "2026-12-24"})
    assert Operator.objects.get(pk=olga.pk).two_factor_override == ""


def test_after_the_end_it_can_be_renewed(admin, account, time_machine):
    olga = excepted(account)
    time_machine.move_to(end_of(LAST_DAY), tick=False)
    assert "Saved." in save(signed_in(admin), olga, reason="Still no phone", until="2027-01-31").text
    assert Operator.objects.get(pk=olga.pk).override_in_force


def test_a_setup_link_of_a_required_that_ends_can_still_be_used(account, time_machine):
    account.two_factor_policy = Policy.OPTIONAL
    account.save()
    olga = excepted(account, Policy.REQUIRED)
    time_machine.move_to(end_of(LAST_DAY) - timedelta(minutes=1), tick=False)
    browser = Client()
    log_in(browser, olga)
    time_machine.move_to(end_of(LAST_DAY), tick=False)
    assert "6-digit code" in browser.get(link_in_mail(), follow=True).text
    assert Link.objects.get(user=olga).spent_at is None


def test_a_waiting_code_is_still_asked_for_when_a_required_ends_in_between(account, time_machine):
    account.two_factor_policy = Policy.OPTIONAL
    account.save()
    olga = excepted(account, Policy.REQUIRED, enrolled=True)
    time_machine.move_to(end_of(LAST_DAY) - timedelta(minutes=1), tick=False)
    browser = Client()
    log_in(browser, olga)
    time_machine.move_to(end_of(LAST_DAY), tick=False)
    assert browser.get(reverse("twofactor:verify")).status_code == 200


# The mail a week ahead


@pytest.mark.parametrize(("ahead", "mails"), [(7 * DAY + timedelta(seconds=1), 0), (7 * DAY, 1)])
def test_the_operator_is_told_a_week_ahead_and_once(account, time_machine, ahead, mails):
    excepted(account)
    time_machine.move_to(end_of(LAST_DAY) - ahead, tick=False)
    for _ in range(2):
        exception_ends.tell_ahead()
    assert len(mail.outbox) == mails


def test_a_new_end_is_told_of_again(account, time_machine):
    olga = excepted(account)
    time_machine.move_to(end_of(LAST_DAY) - DAY, tick=False)
    exception_ends.tell_ahead()
    set_override(olga, Policy.DISABLED, NOBODY, reason="No phone", until=end_of(LAST_DAY + DAY))
    exception_ends.tell_ahead()
    assert [message.subject[-11:] for message in mail.outbox] == ["24 Dec 2026", "25 Dec 2026"]


@pytest.mark.parametrize(
    ("setting", "override", "fields", "words"),
    [
        ("required", "disabled", {}, "you get an email with a setup link"),
        ("required", "optional", {}, "set it up now on My settings"),
        ("required", "disabled", {"enrolled": True}, "you type a code from your authenticator app"),
        ("optional", "disabled", {}, "you may set up two-factor authentication"),
        ("announced", "disabled", {}, "requires it from 1 Jan 2027 on"),
    ],
)
def test_the_mail_says_what_then_happens(account, setting, override, fields, words):
    account.two_factor_policy = "required" if setting == "announced" else setting
    account.required_from = datetime(2027, 1, 1, tzinfo=UTC) if setting == "announced" else None
    account.save()
    excepted(account, override, until=NOON.date() + 3 * DAY, **fields)
    exception_ends.tell_ahead()
    text = str(mail.outbox[-1].body)
    assert words in " ".join(text.split())
    assert ("set it up now" in text) is (override == "optional")


@pytest.mark.parametrize(
    "fields", [{"invited": True}, {"active": False}, {"single_sign_on": True}, {"frozen_at": NOON}]
)
def test_nobody_is_told_who_cannot_sign_in(account, fields):
    excepted(account, until=NOON.date() + DAY, **fields)
    assert exception_ends.tell_ahead() == 0


def test_an_override_that_is_no_exception_ends_without_a_mail(account):
    excepted(account, Policy.REQUIRED, until=NOON.date() + DAY)
    assert exception_ends.tell_ahead() == 0


def test_an_end_that_is_changed_in_this_moment_is_left_to_the_next_look(account, monkeypatch):
    olga = excepted(account, until=NOON.date() + DAY)
    old = Operator.objects.complete().get(pk=olga.pk)
    set_override(olga, Policy.DISABLED, NOBODY, reason="Longer", until=end_of(LAST_DAY))
    assert not exception_ends._tell(old)
    assert mail.outbox == []


# The list


def test_the_list_has_all_exceptions_the_next_end_first(admin_browser, account):
    for name, until in (("Never Ends", None), ("Later Ends", LAST_DAY), ("Soon Ends", LAST_DAY - DAY)):
        excepted(account, name=name, until=until)
    excepted(account, Policy.REQUIRED, name="No Exception")
    excepted(account, name="Sam Single", single_sign_on=True)
    page = admin_browser.get(EXCEPTIONS).text
    places = [page.index(name) for name in ("Soon Ends", "Later Ends", "Never Ends")]
    assert places == sorted(places)
    assert "No Exception" not in page
    assert "Sam Single" not in page
    assert "Disabled instead of Required" in page


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("", {"Soon", "Forever", "Silent"}),
        ("ending", {"Soon"}),
        ("without-reason", {"Silent"}),
        ("ended", {"Over"}),
    ],
)
def test_the_filters_leave_what_they_say_and_so_do_export_and_counts(
    admin, account, time_machine, kind, names
):
    excepted(account, name="Over", until=NOON.date())
    excepted(account, name="Soon", until=NOON.date() + 29 * DAY)
    excepted(account, name="Forever", until=None)
    excepted(account, name="Silent", reason="", until=None)
    time_machine.move_to(NOON + DAY, tick=False)
    browser = signed_in(admin)
    answer = browser.get(EXCEPTIONS, {"kind": kind})
    assert {operator.name for operator in answer.context["table"].page} == names
    lines = browser.post(EXPORT, query_params={"kind": kind}).getvalue().decode().splitlines()[1:]
    assert {line.split('"')[1] for line in lines} == names
    assert answer.context["counts"][kind.replace("-", "_") or "in_force"] == len(names)


def test_the_export_says_it_all(admin_browser, account):
    olga = excepted(account, email="x@example.com", name="=Olga")
    line = admin_browser.post(EXPORT).getvalue().decode().splitlines()[1]
    assert line == (
        '"\'=Olga","x@example.com","Required","Disabled","No phone","The command line",'
        '"2026-11-24T12:00:00+00:00","2026-12-24","In force"'
    )
    assert AuditEntry.objects.latest("pk").new == "Exceptions; 1 row"
    Operator.objects.filter(pk=olga.pk).update(override_at=None, override_until=None)
    assert '"","","In force"' in admin_browser.post(EXPORT).getvalue().decode()
    assert "No end" in admin_browser.get(EXCEPTIONS, {"sort": "name", "search": "olga"}).text


def test_an_unknown_kind_is_said_to_be_none(admin_browser):
    assert "There is no such choice" in admin_browser.get(EXCEPTIONS, {"kind": "odd"}).text
    assert admin_browser.post(f"{EXPORT}?kind=odd").status_code == 302


def test_an_empty_list_says_what_would_be_here(admin_browser):
    assert "Nobody is excepted." in admin_browser.get(EXCEPTIONS).text
    assert "No exception matches." in admin_browser.get(EXCEPTIONS, {"search": "nobody"}).text


def test_the_list_takes_the_same_queries_for_one_and_for_thirty(admin_browser, account):
    numbers = []
    for size in (1, 29):
        for _ in range(size):
            excepted(account)
        with statements() as captured:
            admin_browser.get(EXCEPTIONS)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]
