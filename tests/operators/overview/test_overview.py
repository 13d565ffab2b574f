"""The two-factor overview: its numbers, its chart, its next thing, and what it costs."""

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import Policy
from invitations import setup_link
from operators.models import Group, Membership, Operator
from operators.models.coverage_day import CoverageDay
from operators.overrides.override import set_override
from operators.overview.coverage import SHOWN_DAYS, record_due, runs
from operators.people.removal import deactivate
from operators.people.reset import reset
from operators.rules.next_thing import NextThing, Numbers, next_thing
from operators.status.counts import Coverage
from tests.support.factories import NOBODY, enroll, make_account, make_operator

URL = reverse("operators:overview")
LIST = reverse("operators:list")


def group_of(account, *operators, name="Night shift"):
    group = Group.objects.create(account=account, name=name)
    Membership.objects.bulk_create(Membership(group=group, operator=one) for one in operators)
    return group


def a_bit_of_everything(account):
    people = [
        make_operator(account, enrolled=True),
        make_operator(account, override=Policy.REQUIRED),
        make_operator(account, override=Policy.DISABLED, enrolled=True),
        make_operator(account, invited=True),
        make_operator(account, single_sign_on=True),
        make_operator(account, active=False, enrolled=True),
        make_operator(account, frozen_at=timezone.now(), enrolled=True),
    ]
    group_of(account, *people)
    return people


def day_of(account):
    return CoverageDay.objects.get(account=account)


# Who may see it, and what it counts


def test_coverage_speaks_of_active_operators_with_a_password(admin_browser, account):
    a_bit_of_everything(account)
    page = admin_browser.get(URL).context["overview"]
    assert page.counts.coverage == Coverage(protected=1, counted=5)
    assert "1 of 5 operators are protected" in admin_browser.get(URL).text


@pytest.mark.thorough
def test_every_number_that_is_a_link_is_the_number_of_the_list_behind_it(admin_browser, account, admin):
    a_bit_of_everything(account)
    group_of(account, admin, make_operator(account, enrolled=True), name="Small")
    text = admin_browser.get(URL).text
    links = re.findall(rf'<a href="({LIST}\?[^"]*status=[^"]*)"[^>]*>(\d+)</a>', text)
    assert len(links) >= 12
    for url, number in links:
        listed = admin_browser.get(url.replace("&amp;", "&")).context["table"].page.paginator.count
        assert listed == int(number), url


def test_the_exceptions_are_those_of_the_list(admin_browser, account):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    a_bit_of_everything(account)
    page = admin_browser.get(URL).context["overview"]
    listed = admin_browser.get(LIST, {"exceptions": "on"}).context["table"].page.paginator.count
    assert page.counts.exceptions == len(page.excepted) == listed == 1
    assert "Show the 1 exception" in admin_browser.get(URL).text


def test_groups_with_the_least_coverage_come_first_and_empty_ones_last(admin_browser, account, admin):
    group_of(account, name="Empty")
    group_of(account, make_operator(account, enrolled=True), name="Covered")
    group_of(account, make_operator(account, enrolled=True), admin, name="Half")
    rows = admin_browser.get(URL).context["groups"]
    assert [row["label"] for row in rows] == ["", "Administrators", "Half", "Covered", "Empty"]


def test_only_so_many_groups_are_shown_and_the_rest_is_counted(admin_browser, account):
    Group.objects.bulk_create(Group(account=account, name=f"Group {n}") for n in range(30))
    assert "6 more groups" in admin_browser.get(URL).text


def test_another_account_is_not_counted(admin_browser):
    a_bit_of_everything(make_account(name="Other"))
    assert admin_browser.get(URL).context["overview"].counts.coverage == Coverage(0, 1)


def test_open_setup_links_and_resets_are_listed(admin_browser, account):
    olga = make_operator(account, name="Olga Open", override=Policy.REQUIRED)
    setup_link.send(olga, NOBODY)
    reset(make_operator(account, name="Rita Reset", enrolled=True), NOBODY, "Lost phone")
    text = admin_browser.get(URL).text
    assert "1 setup link is out and unused." in text
    assert "works until" in text
    assert "Rita Reset" in text
    assert "Lost phone" in text


def test_a_setup_link_that_a_new_nonce_has_killed_is_not_open(admin_browser, account):
    olga = make_operator(account, override=Policy.REQUIRED)
    setup_link.send(olga, NOBODY)
    olga.renew_session_nonce()
    assert admin_browser.get(URL).context["overview"].open_setup_links == 0


@pytest.mark.parametrize("mail", [False, True])
def test_a_mail_that_failed_is_said(admin_browser, account, settings, mail):
    if not mail:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_PORT = 1
    setup_link.send(make_operator(account, override=Policy.REQUIRED), NOBODY)
    page = admin_browser.get(URL)
    assert ("could not be emailed" in page.text) is not mail
    assert page.context["overview"].numbers.failed_mails == (not mail)


def test_a_mail_that_the_mailbox_refuses_is_said_like_one_that_failed(admin_browser, account):
    setup_link.send(make_operator(account, override=Policy.REQUIRED), NOBODY)
    OutgoingMail.objects.update(state="refused", sent_at=None)
    page = admin_browser.get(URL)
    assert "could not be emailed" in page.text
    assert page.context["overview"].numbers.failed_mails == 1


def queries(browser):
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(URL).status_code == 200
    return len(captured)


def test_its_queries_do_not_grow_with_operators_groups_links_and_days(admin_browser, account):
    a_bit_of_everything(account)
    few = queries(admin_browser)
    for number in range(20):
        one = make_operator(account, override=Policy.REQUIRED)
        setup_link.send(one, NOBODY)
        group_of(account, one, name=f"Group {number}")
    record_due()
    assert queries(admin_browser) == few


# History


def test_a_day_is_counted_once_and_again_only_after_a_change(account, admin):
    assert record_due() == 1
    assert record_due() == 0
    enroll(admin)
    set_override(make_operator(account), Policy.DISABLED, NOBODY)
    assert record_due() == 1
    assert (day_of(account).protected, day_of(account).counted) == (1, 2)
    assert str(day_of(account)).endswith(": 1 of 2")
    assert record_due() == 0


CHANGES = {
    "reset": lambda one: reset(one, NOBODY),
    "override": lambda one: set_override(one, Policy.DISABLED, NOBODY),
    "deactivation": lambda one: deactivate(one, NOBODY),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_moves_the_day_s_count(account, change):
    operator = make_operator(account, enrolled=True)
    record_due()
    assert day_of(account).protected == 1
    CHANGES[change](operator)
    record_due()
    assert day_of(account).protected == 0


def test_what_no_change_tells_is_counted_within_the_hour(account, admin):
    record_due()
    Operator.objects.filter(pk=admin.pk).update(two_factor_override=Policy.DISABLED)
    assert record_due() == 0
    CoverageDay.objects.update(counted_at=timezone.now() - timedelta(hours=1))
    assert record_due() == 1


def test_another_day_gets_a_row_of_its_own(account, admin):
    record_due()
    CoverageDay.objects.update(day=date(2026, 1, 1))
    record_due()
    assert CoverageDay.objects.filter(account=account).count() == 2


def test_the_chart_shows_the_days_that_are_counted_and_a_table_beside_it(admin_browser, account):
    today = timezone.now().date()
    for ago, protected in ((3, 1), (2, 2), (400, 4)):
        CoverageDay.objects.create(
            account=account,
            day=today - timedelta(days=ago),
            counted=4,
            protected=protected,
            counted_at=timezone.now(),
        )
    answer = admin_browser.get(URL)
    assert answer.context["lines"] == ["M86 75 L87 50", "M89 100 h0"]
    assert [coverage for _day, coverage in answer.context["days"]] == [
        Coverage(0, 1),
        Coverage(2, 4),
        Coverage(1, 4),
    ]
    assert 'role="img"' in answer.text


def test_a_day_without_a_count_and_one_on_which_nobody_counts_are_gaps():
    day = date(2026, 1, 1)
    days = [(day, Coverage(1, 2)), (day, None), (day, Coverage(0, 0)), (day, Coverage(2, 3))]
    assert runs(days) == [[(0, 50)], [(3, 66)]]
    assert SHOWN_DAYS == 90


# The next thing


MAY = {"policy": Policy.OPTIONAL}


@pytest.mark.parametrize(
    ("numbers", "thing"),
    [
        ({"self_open": True, "administrators_open": 1}, NextThing.PROTECT_YOURSELF),
        ({"administrators_open": 1, "locked": 1}, NextThing.ADMINISTRATORS),
        ({"locked": 1, "one_phone": True}, NextThing.LOCKED),
        ({"one_phone": True, "failed_mails": 1}, NextThing.ONE_PHONE),
        ({"failed_mails": 1, "required": 1}, NextThing.MAILS),
        ({"required": 1, "expired_invitations": 1}, NextThing.REQUIRED),
        ({"expired_invitations": 1, **MAY, "percent": 100}, NextThing.INVITATIONS),
        ({**MAY, "percent": 80, "optional": 1}, NextThing.RAISE_POLICY),
        ({**MAY, "percent": 79, "optional": 1}, NextThing.REMIND),
        ({**MAY, "percent": 79}, NextThing.NOTHING),
        (MAY, NextThing.NOTHING),
        ({"optional": 1, "percent": 0}, NextThing.NOTHING),
        ({"policy": Policy.DISABLED, "percent": 0}, NextThing.ALLOW),
        ({"policy": Policy.DISABLED}, NextThing.NOTHING),
        ({"percent": 100}, NextThing.NOTHING),
    ],
)
def test_the_most_urgent_thing_comes_first(numbers, thing):
    assert next_thing(Numbers(**numbers)) is thing


@pytest.mark.parametrize("thing", NextThing)
def test_every_thing_has_words(admin_browser, monkeypatch, thing):
    monkeypatch.setattr("operators.overview.overview.next_thing", lambda _numbers: thing)
    part = admin_browser.get(URL).text.split('id="next-title"')[1].split("</section>")[0]
    assert "<p>" in part
    assert ('class="btn' in part) is (thing is not NextThing.NOTHING)


def test_an_administrator_without_protection_is_told_first(admin_browser, admin):
    assert "Set up two-factor authentication for yourself" in admin_browser.get(URL).text
