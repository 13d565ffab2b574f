"""The audit log as CSV: who gets which entries, what they look like, and that nothing in them is run."""

import csv
import tracemalloc
from datetime import datetime
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.urls import reverse

from accounts.audit.trail import Origin, record
from accounts.models import Action, AuditEntry
from accounts.spreadsheet import safe
from tests.support.factories import make_account, make_operator, signed_in

URL = reverse("accounts:audit-export")
PAGE = reverse("accounts:audit-log")


def write(account, number=1, **values):
    return AuditEntry.objects.bulk_create(
        AuditEntry(**{"account": account, "action": Action.SIGNED_IN, **values}) for _number in range(number)
    )


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("UTC"))


def file_of(browser, **query):
    answer = browser.post(URL, query_params=query)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def table_of(browser, **query):
    text = file_of(browser, **query).removeprefix("\ufeff")
    header, *rows = csv.reader(StringIO(text, newline=""))
    assert header == ["When", "Who", "Whom", "What", "Old value", "New value", "Address"]
    return rows


def names_in(browser, **query):
    return [row[1] for row in table_of(browser, **query)]


# Who gets what


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "All entries; 0 rows"),
        (
            {"search": "Olga", "action": "code_failed", "date_from": "2026-11-01", "date_to": "2026-11-24"},
            "Search: Olga; Action: Wrong two-factor code; From: 2026-11-01; To: 2026-11-24; 0 rows",
        ),
    ],
)
def test_an_export_is_in_the_trail_with_who_what_and_from_where_and_not_in_itself(
    admin, admin_browser, query, words
):
    assert "exported" not in file_of(admin_browser, **query)
    entry = AuditEntry.objects.get(action=Action.AUDIT_EXPORTED)
    assert (entry.actor_id, entry.new, entry.address) == (admin.pk, words, "127.0.0.1")
    assert "Audit log exported" in file_of(admin_browser)


def test_what_was_searched_for_is_one_line_in_the_trail_with_nothing_hidden(admin_browser):
    table_of(admin_browser, search="Ol\tg\u202ea\u200b")
    assert AuditEntry.objects.get().new == "Search: Olga; 0 rows"


def test_only_a_download_is_in_the_trail(admin_browser):
    assert [getattr(admin_browser, method)(URL).status_code for method in ("get", "head")] == [405, 405]
    admin_browser.post(URL, query_params={"date_from": "tomorrow"})
    assert not AuditEntry.objects.exists()


def test_an_operator_who_is_no_administrator_may_not_have_it(operator_browser):
    assert operator_browser.post(URL).status_code == 403


def test_entries_of_another_account_are_not_in_it(admin_browser):
    write(make_account(name="Other"), actor_name="Oscar Other")
    assert table_of(admin_browser) == []
    assert names_in(admin_browser, search="Oscar") == []


def test_every_entry_is_in_it_newest_first_without_pages(admin_browser, account):
    for number in range(120):
        write(account, actor_name=f"Person {number}")
    assert names_in(admin_browser, before="1") == [f"Person {n}" for n in reversed(range(120))]


def test_an_entry_says_who_whom_what_from_what_to_what_and_where(admin_browser, admin, operator):
    by = Origin(admin, "192.0.2.7")
    record(Action.GROUPS_CHANGED, by=by, subject=operator, old="Everyone", new='Night "shift"')
    ((_when, *cells),) = table_of(admin_browser)
    assert cells == [
        "Anna Admin (anna@example.com)",
        "Olga Operator (olga@example.com)",
        "Groups changed",
        "Everyone",
        'Night "shift"',
        "192.0.2.7",
    ]


def test_an_entry_about_oneself_names_the_person(admin_browser, admin):
    record(Action.NAME_CHANGED, by=Origin(admin), subject=admin)
    assert table_of(admin_browser)[0][2] == "Anna Admin (anna@example.com)"


@pytest.mark.parametrize(("address", "words"), [("192.0.2.7", "Not signed in"), (None, "The server")])
def test_an_entry_without_an_actor_says_whether_it_came_from_outside(admin_browser, account, address, words):
    write(account, address=address)
    assert names_in(admin_browser) == [words]


def test_an_action_that_is_known_no_more_is_still_in_it(admin_browser, account):
    write(account, action="from_the_past")
    assert table_of(admin_browser)[0][3] == "from_the_past"


# The same search and filters


def test_search_action_and_days_apply(admin_browser, account):
    write(account, actor_name="Olga", at=at("2026-01-15T10:00"))
    write(account, actor_name="Olga", at=at("2026-01-16T10:00"))
    write(account, actor_name="Olga", at=at("2026-01-15T10:00"), action=Action.SIGNED_OUT)
    write(account, actor_name="Otto", at=at("2026-01-15T10:00"))
    query = {"search": "olga", "action": "signed_in", "date_from": "2026-01-15", "date_to": "2026-01-15"}
    assert [row[:2] for row in table_of(admin_browser, **query)] == [["2026-01-15T10:00:00+00:00", "Olga"]]


def test_the_button_on_the_page_keeps_the_filters_and_leaves_the_page_out(admin_browser, account):
    entries = write(account, 3, actor_name="Olga & Co")
    page = admin_browser.get(PAGE, {"search": "Olga & Co", "action": "signed_in", "before": entries[2].pk})
    assert f'action="{URL}?search=Olga+%26+Co&amp;action=signed_in" id="export"' in page.text


def test_a_filter_that_cannot_be_used_leads_to_the_page_that_says_why(admin_browser, account):
    write(account)
    answer = admin_browser.post(f"{URL}?date_from=yesterday&search=%C3%A4%26b", follow=True)
    assert answer.redirect_chain == [(f"{PAGE}?date_from=yesterday&search=%C3%A4%26b", 302)]
    assert "Part of this filter cannot be used" in answer.text


# Time


def test_the_time_is_in_the_time_zone_of_the_reader_with_its_offset(admin_browser, account):
    write(account, at=at("2026-01-15T23:30:05"))
    write(account, at=at("2026-07-15T23:30:05"))
    admin_browser.cookies["time_zone"] = "Europe/Amsterdam"
    times = [row[0] for row in table_of(admin_browser)]
    assert times == ["2026-07-16T01:30:05+02:00", "2026-01-16T00:30:05+01:00"]


def test_days_are_days_of_the_reader(admin_browser, account):
    write(account, at=at("2026-01-15T23:30"))
    admin_browser.cookies["time_zone"] = "Europe/Amsterdam"
    assert len(table_of(admin_browser, date_from="2026-01-16")) == 1
    assert len(table_of(admin_browser, date_to="2026-01-15")) == 0


# The file


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Müller & Søn\r\nX-Evil: 1", "-muller-sn-x-evil-1"),
        ('"; filename="evil.exe', "-filenameevilexe"),
        ("Ольга", ""),
        ("a" * 254, "-" + "a" * 60),
    ],
)
@time_machine.travel(at("2026-11-24T23:30"), tick=False)
def test_the_file_is_named_for_the_account_in_ascii_and_the_reader_s_day(db, name, part):
    browser = signed_in(make_operator(make_account(name=name), administrator=True))
    browser.cookies["time_zone"] = "Europe/Amsterdam"
    answer = browser.post(URL)
    disposition = answer.headers["Content-Disposition"]
    assert disposition == f'attachment; filename="audit-log{part}-2026-11-25.csv"'


def test_it_is_utf_8_with_a_byte_order_mark_and_never_stored(admin_browser, account):
    write(account, actor_name="Ольга Müller")
    answer = admin_browser.post(URL)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    content = b"".join(answer.streaming_content)
    assert content.startswith(b'\xef\xbb\xbf"When",')
    assert "Ольга Müller".encode() in content


@pytest.mark.thorough
def test_a_long_trail_takes_no_more_memory_than_a_short_one(admin_browser, account):
    write(account, 3000, new="x" * 4000)
    tracemalloc.start()
    try:
        answer = admin_browser.post(URL)
        size = sum(len(chunk) for chunk in answer.streaming_content)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 12_000_000
    assert peak < size / 2


@pytest.mark.django_db(transaction=True)
def test_it_is_read_outside_a_transaction_too():
    account = make_account()
    write(account, 1200)
    assert len(table_of(signed_in(make_operator(account, administrator=True)))) == 1200


# Nothing in it is run


@pytest.mark.parametrize("field", ["actor_name", "subject_name", "old", "new"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_begins_like_a_formula_is_text(admin_browser, account, field, start):
    write(account, **{"actor_name": "Olga", field: f"{start}1+1"})
    cells = table_of(admin_browser)[0]
    assert f"'{start}1+1" in cells


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("", ""),
        ("Olga", "Olga"),
        ("a-b@example.com = 1", "a-b@example.com = 1"),
        ("Everyone, -night", "Everyone, -night"),
        ("  =1", "'  =1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("＝1", "'＝1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠A1", "'＠A1"),
        ("\nA", "'\nA"),
        ("\t=1", "'\t'=1"),
        ("Olga; =1", "Olga;' =1"),
        ("Olga\t=1", "Olga\t'=1"),
        ("Olga\n@A1\r\n-1", "Olga\n'@A1\r\n'-1"),
    ],
)
def test_so_is_one_that_begins_there_for_some_spreadsheet(text, cell):
    assert safe(text) == cell


def test_every_cell_is_in_quotes(admin_browser, account):
    write(account, actor_name='Olga", "=1')
    assert '"Olga"", ""=1"' in file_of(admin_browser)
