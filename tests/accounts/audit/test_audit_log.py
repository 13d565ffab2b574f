"""The audit log: who sees which entries, how they are found, and what a long trail costs."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.audit.search import entries_about, page_of
from accounts.audit.trail import Origin, record
from accounts.models import Action, AuditEntry
from tests.support.factories import make_account, make_operator

URL = reverse("accounts:audit-log")


def write(account, number=1, **values):
    return AuditEntry.objects.bulk_create(
        AuditEntry(**{"account": account, "action": Action.SIGNED_IN, **values}) for _number in range(number)
    )


def shown(browser, **query):
    response = browser.get(URL, query)
    assert response.status_code == 200
    return response.context["page"].entries


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_an_operator_who_is_no_administrator_may_not_see_it(operator_browser):
    assert operator_browser.get(URL).status_code == 403


def test_it_cannot_be_posted_to(admin_browser):
    assert admin_browser.post(URL).status_code == 405


def test_entries_of_another_account_are_not_in_it(admin_browser):
    write(make_account(name="Other"), actor_name="Oscar Other")
    assert shown(admin_browser) == []


def test_an_empty_log_says_what_will_be_here(admin_browser):
    assert "Nothing has happened yet" in admin_browser.get(URL).content.decode()


def test_an_entry_says_who_whom_what_from_what_to_what_and_where(admin_browser, admin, operator):
    record(
        Action.GROUPS_CHANGED,
        by=Origin(admin, "192.0.2.7"),
        subject=operator,
        old="Everyone",
        new="Night <shift>",
    )
    page = re.sub("</?bdi>", "", admin_browser.get(URL).text)
    for text in (
        "Anna Admin (anna@example.com)",
        "Olga Operator (olga@example.com)",
        "Groups changed",
        "Everyone → Night &lt;shift&gt;",
        "192.0.2.7",
    ):
        assert text in page


def test_an_entry_about_oneself_says_so(admin_browser, admin):
    record(Action.NAME_CHANGED, by=Origin(admin, "192.0.2.7"), subject=admin)
    assert ">Self<" in admin_browser.get(URL).content.decode()


@pytest.mark.parametrize(("address", "words"), [("192.0.2.7", "Not signed in"), (None, "The server")])
def test_an_entry_without_an_actor_says_whether_it_came_from_outside(admin_browser, account, address, words):
    write(account, address=address)
    assert words in admin_browser.get(URL).content.decode()


def test_the_time_is_in_the_time_zone_of_the_reader(admin_browser, account):
    write(account, at=at("2026-01-15T23:30"))
    admin_browser.cookies["time_zone"] = "Europe/Amsterdam"
    assert "16 Jan 2026, 00:30" in admin_browser.get(URL).content.decode()


# Search


@pytest.mark.parametrize("field", ["actor_name", "subject_name"])
@pytest.mark.parametrize("text", ["OLGA", "olga@", "ga oper"])
def test_search_finds_actor_and_subject(admin_browser, account, field, text):
    write(account, actor_name="Anna Admin (anna@example.com)")
    (entry,) = write(account, **{field: "Olga Operator (olga@example.com)"})
    assert shown(admin_browser, search=text) == [entry]


def test_the_action_filter_shows_that_action(admin_browser, account):
    write(account)
    (entry,) = write(account, action=Action.TWO_FACTOR_RESET)
    assert shown(admin_browser, action="two_factor_reset") == [entry]


def test_both_days_count_as_a_whole(admin_browser, account):
    times = ("2026-01-14T23:59:59", "2026-01-15T00:00:00", "2026-01-16T23:59:59", "2026-01-17T00:00:00")
    entries = [write(account, at=at(time))[0] for time in times]
    assert shown(admin_browser, date_from="2026-01-15", date_to="2026-01-16") == [entries[2], entries[1]]


def test_days_are_days_of_the_reader(admin_browser, account):
    (entry,) = write(account, at=at("2026-01-15T23:30"))
    admin_browser.cookies["time_zone"] = "Europe/Amsterdam"
    assert shown(admin_browser, date_from="2026-01-16", date_to="2026-01-16") == [entry]
    assert shown(admin_browser, date_to="2026-01-15") == []


def test_filters_combine_and_survive_paging(admin_browser, account):
    write(account, 60, actor_name="Anna")
    write(account, 60, actor_name="Berta")
    response = admin_browser.get(URL, {"search": "anna", "action": "signed_in"})
    older = response.context["page"].older
    assert f'href="?search=anna&amp;action=signed_in&amp;before={older}"' in response.content.decode()
    assert len(shown(admin_browser, search="anna", action="signed_in", before=older)) == 10


def test_a_search_without_a_result_says_what_to_do(admin_browser):
    assert "No entry matches" in admin_browser.get(URL, {"search": "nobody"}).content.decode()


# Pages


def test_every_entry_is_on_one_page_newest_first(admin_browser, account):
    written = [entry.pk for entry in write(account, 120)]
    seen: list[int] = []
    query: dict[str, int] = {}
    for _page in range(3):
        page = admin_browser.get(URL, query).context["page"]
        seen += [entry.pk for entry in page.entries]
        query = {"before": page.older}
    assert seen == written[::-1]
    assert query == {"before": None}


def test_the_way_back_leads_over_the_same_pages(admin_browser, account):
    write(account, 120)
    first = admin_browser.get(URL).context["page"]
    second = admin_browser.get(URL, {"before": first.older}).context["page"]
    third = admin_browser.get(URL, {"before": second.older}).context["page"]
    assert admin_browser.get(URL, {"after": third.newer}).context["page"].entries == second.entries
    assert admin_browser.get(URL, {"after": second.newer}).context["page"].entries == first.entries
    assert first.newer is None


def test_exactly_one_page_has_no_other(account):
    write(account, 50)
    page = page_of(AuditEntry.objects.all(), {})
    assert (len(page.entries), page.newer, page.older) == (50, None, None)


@pytest.mark.parametrize("value", ["abc", "-1", "", "0", "²", "9" * 5000, "1.5"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_page_that_there_is_not_is_the_newest(admin_browser, account, side, value):
    entries = write(account, 2)
    assert shown(admin_browser, **{side: value}) == entries[::-1]


@pytest.mark.parametrize(
    "query",
    [
        {"action": "nonsense"},
        {"date_from": "yesterday"},
        {"date_from": "0001-01-01"},
        {"date_to": "9999-12-31"},
        {"date_to": "2026-02-30"},
        {"search": "x" * 10_000},
    ],
)
def test_a_filter_that_cannot_be_used_says_so_and_leaves_the_log(admin_browser, account, query):
    entries = write(account)
    response = admin_browser.get(URL, query)
    assert response.context["page"].entries == entries
    assert "Part of this filter cannot be used" in response.content.decode()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_ends_of_the_calendar_are_no_error_in_any_zone(admin_browser, zone):
    admin_browser.cookies["time_zone"] = zone
    assert shown(admin_browser, date_from="2000-01-01", date_to="2999-12-31") == []


def test_a_nul_byte_is_no_server_error(admin_browser):
    assert admin_browser.get(URL, {"search": "a\0b"}).status_code == 400


def test_a_longer_trail_does_not_take_more_queries(admin_browser, account):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(URL)
        return len(captured)

    write(account, 1)
    few = queries()
    write(account, 200)
    # Session with its operator, entries.
    assert queries() == few == 2


# Entries about one operator


def test_entries_about_an_operator_are_what_they_did_and_what_was_done_to_them(account, admin, operator):
    record(Action.GROUPS_CHANGED, by=Origin(admin), subject=operator)
    record(Action.SIGNED_IN, by=Origin(operator))
    record(Action.SIGNED_IN, by=Origin(admin))
    about = entries_about(account.pk, operator.pk)
    assert [entry.action for entry in about] == [Action.SIGNED_IN, Action.GROUPS_CHANGED]


def test_entries_about_an_operator_stay_within_the_account(account, operator):
    other = make_account(name="Other")
    record(Action.SIGNED_IN, by=Origin(make_operator(other)), account=other, subject=operator)
    assert not entries_about(account.pk, operator.pk).exists()
