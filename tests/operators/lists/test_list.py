"""The operators list: what it shows, how it is narrowed, sorted and paged, and what it costs."""

import html
import re
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.policy import Policy
from invitations.models import Link
from operators.models import Group, Membership, Operator, SubAccount
from operators.rules.status import Status
from operators.status.labels import STATUS_LABELS, STATUS_TONES, last_login_label
from operators.status.query import status_condition
from tests.support.factories import enroll, make_account, make_operator, signed_in
from twofactor.code_limits import FAILURES_THAT_LOCK
from twofactor.models import Authenticator

URL = reverse("operators:list")


def names_in(response):
    return [operator.name for operator in response.context["table"].page.object_list]


def listed(browser, **query):
    response = browser.get(URL, query)
    assert response.status_code == 200
    return names_in(response)


def group_of(account, *operators, name="Night shift"):
    group = Group.objects.create(account=account, name=name)
    for operator in operators:
        Membership.objects.create(group=group, operator=operator)
    return group


def last_login(operator, **ago):
    Operator.objects.filter(pk=operator.pk).update(last_login=timezone.now() - timedelta(**ago))


def invite(account, name, expires_in):
    operator = make_operator(account, name=name, invited=True)
    Link.issue(operator, Link.Purpose.INVITATION, operator.email)
    Link.objects.filter(user=operator).update(expires_at=timezone.now() + timedelta(seconds=expires_in))
    return operator


# Who may see it


def test_an_operator_who_is_no_administrator_may_not_see_it(operator_browser):
    assert operator_browser.get(URL).status_code == 403


def test_a_stranger_is_sent_to_the_login_page(client, db):
    response = client.get(URL)
    assert response.status_code == 302
    assert response.url.startswith(reverse("operators:login"))


def test_it_cannot_be_posted_to(admin_browser):
    assert admin_browser.post(URL).status_code == 405


def test_operators_of_another_account_are_not_in_it(admin_browser):
    make_operator(make_account(name="Other"), name="Oscar Other")
    assert listed(admin_browser) == ["Anna Admin"]


# What a row says


def test_a_row_has_name_email_groups_and_a_link(admin_browser, admin):
    group_of(admin.account, admin)
    page = admin_browser.get(URL).content.decode()
    assert f'<a class="cell-main" href="{admin.get_absolute_url()}"><bdi>Anna Admin</bdi></a>' in page
    assert '<span class="cell-sub"><bdi>anna@example.com</bdi></span>' in page
    assert ">Administrators, Night shift</td>" in page


def test_everyone_is_not_repeated_in_each_row(admin_browser, operator):
    assert ">—</td>" in admin_browser.get(URL, {"search": "olga"}).content.decode()


@pytest.mark.parametrize("status", Status)
def test_every_status_has_words_and_a_color(status):
    assert str(STATUS_LABELS[status])
    assert STATUS_TONES[status] in {"good", "warning", "bad", "neutral"}


def test_a_deactivated_operator_is_marked(admin_browser, account):
    make_operator(account, active=False)
    assert '<span class="status is-bad">Deactivated</span>' in admin_browser.get(URL).content.decode()


def test_a_name_with_markup_is_shown_as_text(admin_browser, account):
    make_operator(account, name="<script>alert(1)</script>")
    page = admin_browser.get(URL).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


# Last login


@pytest.mark.parametrize(
    ("expires_in", "label"), [(60, "Invited"), (0, "Invitation expired"), (-60, "Invitation expired")]
)
def test_an_invited_operator_shows_how_the_invitation_stands(admin_browser, account, expires_in, label):
    invite(account, "Ivo Invited", expires_in)
    assert f">{label}</td>" in admin_browser.get(URL, {"search": "ivo"}).content.decode()


def test_a_spent_invitation_counts_as_expired(account):
    operator = invite(account, "Ivo Invited", 60)
    Link.kill(operator, Link.Purpose.INVITATION)
    assert last_login_label(operator) == "Invitation expired"


def test_an_invitation_from_before_a_change_of_the_nonce_counts_as_expired(account):
    operator = invite(account, "Ivo Invited", 60)
    operator.renew_session_nonce()
    assert last_login_label(operator) == "Invitation expired"


def test_an_invited_operator_without_a_link_counts_as_expired(account):
    assert last_login_label(make_operator(account, invited=True)) == "Invitation expired"


def test_a_link_for_another_purpose_is_no_invitation(account):
    operator = make_operator(account, invited=True)
    Link.issue(operator, Link.Purpose.EMAIL, operator.email)
    assert last_login_label(operator) == "Invitation expired"


def test_whoever_never_signed_in_shows_none(operator):
    assert last_login_label(operator) == "None"


def test_the_last_login_is_in_the_time_zone_of_the_reader(admin_browser, operator):
    Operator.objects.filter(pk=operator.pk).update(last_login="2026-01-15T23:30:00Z")
    admin_browser.cookies["time_zone"] = "Europe/Amsterdam"
    assert "16 Jan 2026, 00:30" in admin_browser.get(URL).content.decode()


def test_a_login_of_today_says_so(operator, time_machine_at_noon):
    operator.last_login = timezone.now() - timedelta(hours=3)
    assert last_login_label(operator) == "Today, 09:00"


def test_a_login_of_yesterday_has_its_date(operator, time_machine_at_noon):
    operator.last_login = timezone.now() - timedelta(hours=13)
    assert last_login_label(operator) == "23 Nov 2026, 23:00"


@pytest.fixture
def time_machine_at_noon(time_machine):
    time_machine.move_to("2026-11-24T12:00:00Z", tick=False)


# Search


@pytest.mark.parametrize("text", ["ga oper", "OLGA", "olga@", "GA@EXAMPLE"])
def test_search_finds_a_part_of_name_or_email_in_any_letter_case(admin_browser, operator, text):
    assert listed(admin_browser, search=text) == ["Olga Operator"]


@pytest.mark.parametrize("text", ["ÖZGE", "özge", "Özge Ö", "ÖZTÜRK"])
def test_search_knows_letter_case_beyond_ascii(admin_browser, account, text):
    make_operator(account, name="Özge Öztürk")
    assert listed(admin_browser, search=text) == ["Özge Öztürk"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "' OR 1=1 --"])
def test_search_takes_every_character_as_it_is(admin_browser, operator, text):
    assert listed(admin_browser, search=text) == []


def test_a_search_without_a_result_says_what_to_do(admin_browser):
    assert "No operator matches" in admin_browser.get(URL, {"search": "nobody"}).content.decode()


# Filters

TROUBLES: list[dict[str, Any]] = [
    {},
    {"frozen_at": datetime(2026, 11, 1, tzinfo=UTC)},
    {"code_failures": FAILURES_THAT_LOCK},
    {"code_failures": FAILURES_THAT_LOCK - 1},
    {"override_until": datetime(2026, 11, 1, tzinfo=UTC)},
    {"override_until": datetime(2100, 1, 1, tzinfo=UTC)},
]


@pytest.mark.thorough
@pytest.mark.django_db
@pytest.mark.parametrize("setting", [*Policy, "damaged"])
def test_the_status_filter_agrees_with_the_status_of_every_operator(setting):
    account = make_account(setting)
    flags = [True, False]
    now = timezone.now()
    for override, enrolled, single_sign_on, state, trouble in product(
        ["", *Policy, "damaged"], flags, flags, ["active", "inactive", "invited"], TROUBLES
    ):
        make_operator(
            account,
            override=override,
            enrolled=enrolled,
            single_sign_on=single_sign_on,
            invited=state == "invited",
            active=state == "active",
            **trouble,
        )
    everyone = Operator.objects.filter(account=account)
    expected: dict[Status, set[int]] = {status: set() for status in Status}
    for operator in everyone.complete():
        expected[operator.status].add(operator.pk)
    found = {
        status: set(everyone.filter(status_condition(status, account.rule, now)).values_list("pk", flat=True))
        for status in Status
    }
    assert found == expected


def test_the_status_filter_narrows_the_list(admin_browser, account):
    enroll(make_operator(account, name="Paula Protected"))
    assert listed(admin_browser, status="protected") == ["Paula Protected"]


def test_the_group_filter_shows_members(admin_browser, account, operator):
    assert listed(admin_browser, group=group_of(account, operator).pk) == ["Olga Operator"]


def test_the_group_filter_knows_the_system_groups(admin_browser, account, operator):
    administrators, everyone = account.groups.order_by("kind")
    assert listed(admin_browser, group=administrators.pk) == ["Anna Admin"]
    assert listed(admin_browser, group=everyone.pk) == ["Anna Admin", "Olga Operator"]


def test_the_sub_account_filter_shows_its_operators(admin_browser, account, operator):
    operator.sub_account = SubAccount.objects.create(account=account, name="Berlin")
    operator.save()
    assert listed(admin_browser, sub_account=operator.sub_account.pk) == ["Olga Operator"]
    assert listed(admin_browser, sub_account="none") == ["Anna Admin"]


def test_there_is_no_sub_account_filter_without_sub_accounts(admin_browser):
    assert "sub_account" not in admin_browser.get(URL).context["filters"].fields


def test_the_last_login_filter_parts_at_thirty_days(admin_browser, admin, account):
    last_login(make_operator(account, name="Lately"), days=29)
    last_login(make_operator(account, name="Longer ago"), days=31)
    make_operator(account, name="Never")
    assert listed(admin_browser, last_login="recent") == ["Anna Admin", "Lately"]
    assert listed(admin_browser, last_login="earlier") == ["Longer ago"]
    assert listed(admin_browser, last_login="never") == ["Never"]


def test_the_last_login_filter_parts_live_invitations_from_expired_ones(admin_browser, account):
    invite(account, "Ivo Invited", 60)
    invite(account, "Edda Expired", -60)
    assert listed(admin_browser, last_login="invited") == ["Ivo Invited"]
    assert listed(admin_browser, last_login="expired") == ["Edda Expired"]


def test_the_administrators_filter_combines_with_a_group(admin_browser, account, admin, operator):
    group = group_of(account, admin, operator)
    assert listed(admin_browser, administrators="on") == ["Anna Admin"]
    assert listed(admin_browser, group=group.pk) == ["Anna Admin", "Olga Operator"]
    assert listed(admin_browser, group=group.pk, administrators="on") == ["Anna Admin"]


def test_the_exceptions_filter_shows_overrides_in_force_below_the_account_s_rule(admin_browser, account):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    make_operator(account, name="Ended", override=Policy.OPTIONAL, override_until=timezone.now())
    make_operator(account, name="Lasting", override=Policy.OPTIONAL)
    make_operator(account, name="Same", override=Policy.REQUIRED)
    make_operator(account, name="Single", override=Policy.OPTIONAL, single_sign_on=True)
    assert listed(admin_browser, exceptions="on") == ["Lasting"]


@pytest.mark.django_db
@pytest.mark.parametrize("setting", [*Policy, "damaged"])
def test_the_exceptions_filter_agrees_with_the_rule_about_each_operator(setting):
    account = make_account(setting)
    for override, single_sign_on, trouble in product(["", *Policy, "damaged"], [True, False], TROUBLES):
        make_operator(account, override=override, single_sign_on=single_sign_on, **trouble)
    browser = signed_in(make_operator(account, administrator=True))
    rule, now = account.rule, timezone.now()
    everyone = Operator.objects.filter(account=account).complete()
    expected = {one.pk for one in everyone if one.facts.is_exception(rule, now)}
    found = {row.pk for row in browser.get(URL, {"exceptions": "on"}).context["filters"].qs}
    assert found == expected
    assert bool(found) is (setting != Policy.DISABLED)
    assert (f"{len(found)} exception" in browser.get(URL).text) is bool(found)


def test_the_recovery_filter_shows_who_has_an_authenticator_and_no_code_left(admin_browser, account):
    for name in ("None", "Some"):
        enroll(make_operator(account, name=name))
    Authenticator.objects.filter(user__name="None").update(recovery_hashes="")
    assert listed(admin_browser, no_recovery_codes="on") == ["None"]


@pytest.mark.parametrize("name", ["administrators", "exceptions", "no_recovery_codes"])
def test_a_box_that_is_not_ticked_does_not_narrow(admin_browser, operator, name):
    page = admin_browser.get(URL, {name: "false"})
    assert names_in(page) == ["Anna Admin", "Olga Operator"]
    assert ">Clear</a>" not in page.text


def test_all_filters_combine_and_survive_sorting_and_paging(admin_browser, account):
    night = group_of(account)
    for number in range(30):
        one = make_operator(account, name=f"Olga {number:02}", administrator=True, override=Policy.DISABLED)
        Membership.objects.create(group=night, operator=one)
        enroll(one)
    Authenticator.objects.update(recovery_hashes="")
    query = {"search": "olga", "status": "disabled", "group": str(night.pk), "last_login": "never"}
    query |= {"administrators": "on", "exceptions": "on", "no_recovery_codes": "on", "sort": "-name"}
    page = admin_browser.get(URL, query)
    assert page.context["table"].page.paginator.count == 30
    kept = html.escape(urlencode(query))
    assert f'href="?{kept}&amp;page=2"' in page.text
    assert f'href="?{kept.replace("sort=-name", "sort=email")}"' in page.text
    assert f'href="{URL}?sort=-name"' in page.text


def test_filters_combine(admin_browser, account, operator):
    group = group_of(account, operator, make_operator(account, name="Olga Other", enrolled=True))
    query = {"search": "olga", "group": group.pk, "status": "optional-not-set-up"}
    assert listed(admin_browser, **query) == ["Olga Operator"]


def test_filters_survive_sorting_and_paging(admin_browser, account):
    for number in range(30):
        make_operator(account, name=f"Olga {number:02}")
    page = admin_browser.get(URL, {"search": "olga", "sort": "-name"}).content.decode()
    assert 'href="?search=olga&amp;sort=-name&amp;page=2"' in page
    assert 'href="?search=olga&amp;sort=email"' in page
    assert '<input type="hidden" name="sort" value="-name">' in page


# Counts


def head_of(browser):
    """Return the links in the head of the list: address and words."""
    page = " ".join(browser.get(URL).text.split())
    facts = page.split('<p class="facts counts" id="facts">')[1].split("</p>")[0]
    return re.findall(r'<a href="([^"]+)">([^<]+)</a>', facts)


def test_the_facts_count_and_link_to_the_filtered_list(account, admin, admin_browser):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    enroll(admin)
    make_operator(account)
    assert head_of(admin_browser) == [
        (URL, "2 operators"),
        (f"{URL}?status=protected", "1 protected"),
        (f"{URL}?status=required-not-set-up", "1 required and not set up"),
    ]


@pytest.mark.thorough
def test_every_status_that_occurs_is_counted_in_the_head_as_its_link_finds_it(account, admin_browser):
    for override, enrolled, trouble in product(["", *Policy], [True, False], TROUBLES):
        make_operator(account, override=override, enrolled=enrolled, **trouble)
    make_operator(account, single_sign_on=True)
    make_operator(account, invited=True)
    make_operator(account, active=False)
    found = head_of(admin_browser)
    assert len(found) == 1 + len(Status) + 1
    for address, words in found:
        number = admin_browser.get(address).context["table"].page.paginator.count
        assert words.startswith(f"{number} "), words


# Sorting and pages


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", ["anna", "Berta", "Cleo"]),
        ("-name", ["Cleo", "Berta", "anna"]),
        ("email", ["Berta", "Cleo", "anna"]),
        ("-email", ["anna", "Cleo", "Berta"]),
        ("last_login", ["Cleo", "anna", "Berta"]),
        ("-last_login", ["anna", "Cleo", "Berta"]),
        ("", ["anna", "Berta", "Cleo"]),
        ("password", ["anna", "Berta", "Cleo"]),
        ("status", ["anna", "Berta", "Cleo"]),
        ("account.name", ["anna", "Berta", "Cleo"]),
    ],
)
def test_rows_are_sorted(account, sort, order):
    last_login(make_operator(account, "c@example.com", name="anna"), days=1)
    make_operator(account, "a@example.com", name="Berta")
    browser = signed_in(make_operator(account, "b@example.com", name="Cleo", administrator=True))
    last_login(Operator.objects.get(name="Cleo"), days=2)
    assert listed(browser, sort=sort) == order


@pytest.mark.parametrize("sort", ["name", "-name", "last_login", "-last_login"])
def test_equal_rows_are_on_one_page_each(admin_browser, account, sort):
    for _number in range(59):
        make_operator(account, name="Same Name")
    seen = []
    for page in (1, 2, 3):
        rows = admin_browser.get(URL, {"sort": sort, "page": page}).context["table"].page
        seen += [operator.pk for operator in rows]
    assert len(seen) == len(set(seen)) == 60


def test_the_heading_in_force_says_so_and_turns_round(admin_browser):
    page = admin_browser.get(URL, {"sort": "last_login"}).content.decode()
    assert page.count("aria-sort") == 1
    assert 'aria-sort="ascending"' in page
    assert 'href="?sort=-last_login"' in page


def test_a_page_has_25_rows(admin_browser, account):
    for number in range(30):
        make_operator(account, name=f"Olga {number:02}")
    assert "1–25 of 31" in admin_browser.get(URL).content.decode()
    assert "26–31 of 31" in admin_browser.get(URL, {"page": 2}).content.decode()


# Bad input


@pytest.mark.parametrize("page", ["abc", "0", "-1", "99", "9" * 5000, "1.5", "²", ""])
def test_a_page_that_there_is_not_is_no_error(admin_browser, page):
    assert listed(admin_browser, page=page) == ["Anna Admin"]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "nonsense"},
        {"group": "999999"},
        {"group": "1 OR 1=1"},
        {"last_login": "\u00e9"},
        {"search": "x" * 10_000},
    ],
)
def test_a_filter_that_cannot_be_used_says_so_and_leaves_the_list(admin_browser, query):
    response = admin_browser.get(URL, query)
    assert names_in(response) == ["Anna Admin"]
    assert "Part of this filter cannot be used" in response.content.decode()


def test_the_group_of_another_account_is_no_choice(admin_browser):
    foreign = group_of(make_account(name="Other"))
    assert admin_browser.get(URL, {"group": foreign.pk}).context["filters"].errors


def test_the_sub_account_of_another_account_is_no_choice(admin_browser, account):
    SubAccount.objects.create(account=account, name="Berlin")
    foreign = SubAccount.objects.create(account=make_account(name="Other"), name="Oslo")
    assert admin_browser.get(URL, {"sub_account": foreign.pk}).context["filters"].errors


def test_a_nul_byte_is_no_server_error(admin_browser):
    assert admin_browser.get(URL, {"search": "a\0b"}).status_code == 400


# Cost


def test_more_operators_do_not_take_more_queries(admin_browser, account):
    SubAccount.objects.create(account=account, name="Berlin")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(URL, {"status": "optional-not-set-up"})
        return len(captured)

    few = queries()
    for number in range(20):
        operator = make_operator(account, enrolled=number % 2 == 0, override=Policy.OPTIONAL)
        Link.issue(operator, Link.Purpose.SETUP, operator.email)
        group_of(account, operator, name=f"Group {number}")
        invite(account, "Ivo", 60)
    # Session with operator, groups, sub accounts, number of rows, keys, rows, whether there are many, counts.
    assert queries() == few == 8
