"""Exports as CSV: every operator's status, and the changes of the policy; what they say and cost."""

import csv
import gc
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.exports import ROW_COUNT
from accounts.models import Account, Action, AuditEntry
from accounts.policy import Policy
from accounts.spreadsheet import cells
from operators.lists import export
from operators.models import Group, Membership, Operator, SubAccount
from operators.overrides.override import set_override
from operators.people import reset
from operators.status.explanation import explain
from operators.status.labels import STATUS_LABELS
from tests.support.factories import NOBODY, enroll, make_account, make_operator, signed_in
from twofactor.code_limits import FAILURES_THAT_LOCK
from twofactor.models import Authenticator

LIST = reverse("operators:list")
URL = reverse("operators:export")
CHANGES = reverse("accounts:policy-export")
AT = datetime(2026, 1, 15, 23, 30, 5, tzinfo=UTC)


def rows_of(browser, url=URL, query=""):
    answer = browser.post(url + query)
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.DictReader(StringIO(text, newline="")))


def names_in(browser, query=""):
    return [row["Name"] for row in rows_of(browser, query=query)]


def in_every_state(account):
    """Make operators of all kinds."""
    troubles: list[dict[str, Any]] = [
        {},
        {"frozen_at": AT},
        {"code_failures": FAILURES_THAT_LOCK},
        {"override_until": AT},
    ]
    for override, enrolled, single, trouble in product(["", *Policy], [True, False], [True, False], troubles):
        make_operator(account, override=override, enrolled=enrolled, single_sign_on=single, **trouble)
    make_operator(account, invited=True)
    make_operator(account, active=False)


# Who gets what


def test_an_operator_who_is_no_administrator_may_not_have_it(operator_browser):
    assert operator_browser.post(URL).status_code == 403
    assert operator_browser.post(CHANGES).status_code == 403


def test_a_link_that_somebody_follows_exports_nothing(admin_browser):
    assert admin_browser.get(URL).status_code == 405
    assert not AuditEntry.objects.filter(action=Action.EVIDENCE_EXPORTED).exists()


def test_another_account_is_not_in_it(admin_browser):
    other = make_account(name="Other")
    make_operator(other)
    record(Action.ACCOUNT_POLICY, by=NOBODY, account=other, old="Optional", new="Required")
    assert names_in(admin_browser) == ["Anna Admin"]
    assert rows_of(admin_browser, CHANGES) == []


# As the list shows it


@pytest.mark.django_db
@pytest.mark.parametrize("setting", list(Policy))
def test_the_numbers_by_status_are_those_on_the_screen(setting):
    account = make_account(setting)
    in_every_state(account)
    browser = signed_in(make_operator(account, administrator=True))
    counts = browser.get(LIST).context["counts"]
    rows = rows_of(browser)
    assert len(rows) == counts.all
    on_screen = {str(STATUS_LABELS[status]): number for status, number in counts.by_status.items()}
    assert Counter(row["Status"] for row in rows) == on_screen
    assert Counter(row["Exception"] for row in rows)["Yes"] == counts.exceptions


def test_filters_and_order_of_the_list_are_kept(admin_browser, account):
    for name in ("Berta", "Cleo", "Dora"):
        make_operator(account, name=name, enrolled=name != "Cleo")
    assert names_in(admin_browser, "?sort=-name") == ["Dora", "Cleo", "Berta", "Anna Admin"]
    assert names_in(admin_browser, "?status=protected&sort=-name&page=2") == ["Dora", "Berta"]


def test_a_script_is_told_how_many_rows_there_will_be(admin_browser, account):
    for name in ("Berta", "Cleo"):
        make_operator(account, name=name)
    assert admin_browser.post(URL)[ROW_COUNT] == "3"
    assert admin_browser.post(f"{URL}?search=cleo")[ROW_COUNT] == "1"


def test_the_button_on_the_list_keeps_the_filters_and_leaves_the_page_out(admin_browser):
    page = admin_browser.get(LIST, {"search": "a&b", "sort": "-name", "page": "2"}).text
    assert f'action="{URL}?search=a%26b&amp;sort=-name"' in page


def test_a_filter_that_cannot_be_used_leads_to_the_list_that_says_why(admin_browser):
    answer = admin_browser.post(f"{URL}?status=nonsense", follow=True)
    assert answer.redirect_chain == [(f"{LIST}?status=nonsense", 302)]
    assert "Part of this filter cannot be used" in answer.text


# What a row says


def test_a_row_says_everything_about_an_operator(admin_browser, account, time_machine):
    olga = make_operator(account, "olga@example.com", name="Olga", override=Policy.DISABLED, last_login=AT)
    olga.sub_account = SubAccount.objects.create(account=account, name="Berlin")
    olga.override_reason, olga.override_by, olga.override_at = "Shared desk", "Anna", AT
    olga.override_until = datetime(2100, 1, 1, tzinfo=UTC)
    olga.last_code_at = AT + timedelta(hours=1)
    olga.save()
    night = Group.objects.create(account=account, name="Night shift")
    Membership.objects.create(group=night, operator=olga)
    enroll(olga)
    Authenticator.objects.update(confirmed_at=AT)
    (row,) = rows_of(admin_browser, query="?search=olga")
    assert row == {
        "Name": "Olga",
        "Email": "olga@example.com",
        "Groups": "Everyone, Night shift",
        "Sub account": "Berlin",
        "Administrator": "No",
        "Status": "Disabled",
        "Policy": "Disabled",
        "Source": "Override",
        "Set up": "Yes",
        "Set up since (UTC)": "2026-01-15T23:30:05+00:00",
        "Last code (UTC)": "2026-01-16T00:30:05+00:00",
        "Recovery codes left": "10",
        "Exception": "Yes",
        "Override": "Disabled",
        "Override reason": "Shared desk",
        "Override set by": "Anna",
        "Override set (UTC)": "2026-01-15T23:30:05+00:00",
        "Override until (UTC)": "2100-01-01T00:00:00+00:00",
        "Last login (UTC)": "2026-01-15T23:30:05+00:00",
        "Resets": "0",
        "Last reset (UTC)": "",
        "Explanation": "Disabled by an override until 31 Dec 2099; the authenticator is kept and not "
        "asked for; the next sign-in takes the password alone",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "single_sign_on", "policy", "source"),
    [
        (Policy.OPTIONAL, False, "Optional", "Account"),
        (Policy.OPTIONAL, True, "Does not apply", "Single sign-on"),
    ],
)
def test_whoever_has_nothing_set_up_has_empty_cells(setting, single_sign_on, policy, source):
    account = make_account(setting)
    make_operator(account, name="Nora", single_sign_on=single_sign_on)
    browser = signed_in(make_operator(account, administrator=True, name="Anna"))
    (row,) = rows_of(browser, query="?search=nora")
    assert (row["Policy"], row["Source"], row["Set up"]) == (policy, source, "No")
    assert [row["Set up since (UTC)"], row["Recovery codes left"], row["Override"]] == ["", "", ""]


def test_resets_are_counted_from_the_trail_with_the_time_of_the_last(admin, operator, time_machine):
    for day in (1, 2):
        time_machine.move_to(datetime(2026, 11, day, 12, tzinfo=UTC), tick=False)
        enroll(operator)
        reset.reset(Operator.objects.get(pk=operator.pk), NOBODY)
    (row,) = rows_of(signed_in(admin), query="?search=olga")
    assert (row["Resets"], row["Last reset (UTC)"]) == ("2", "2026-11-02T12:00:00+00:00")


def test_times_are_those_of_the_reader_and_the_titles_name_the_zone(admin_browser, admin):
    Operator.objects.filter(pk=admin.pk).update(last_login=AT)
    admin_browser.cookies["time_zone"] = "Europe/Amsterdam"
    (row,) = rows_of(admin_browser)
    assert row["Last login (Europe/Amsterdam)"] == "2026-01-16T00:30:05+01:00"


def test_a_name_that_begins_like_a_formula_is_text(admin_browser, account):
    make_operator(account, name="=1+1", override=Policy.DISABLED, override_reason="@SUM(A1)")
    row = rows_of(admin_browser)[0]
    assert (row["Name"], row["Override reason"]) == ("'=1+1", "'@SUM(A1)")


@pytest.mark.django_db
@pytest.mark.parametrize("setting", list(Policy))
def test_what_is_said_of_a_kind_is_what_the_rules_say_of_each(setting):
    account = make_account(setting)
    in_every_state(account)
    browser = signed_in(make_operator(account, administrator=True))
    said = {row["Email"]: (row["Status"], row["Explanation"]) for row in rows_of(browser)}
    everybody = Operator.objects.filter(account=account)
    assert said == {one.email: (STATUS_LABELS[one.status], explain(one).sentence) for one in everybody}


def test_the_rules_are_asked_once_for_each_kind(account, monkeypatch):
    for enrolled in (True, False, True, False):
        make_operator(account, enrolled=enrolled)
    asked = []
    monkeypatch.setattr(export, "_words", lambda _account, _kind, enrolled, _links: asked.append(enrolled))
    list(export.lines(account, Operator.objects.order_by("pk")))
    assert asked == [True, False]


def test_somebody_who_is_deleted_while_it_is_read_is_left_out(account):
    make_operator(account, name="Berta")
    gone = make_operator(account, name="Gone")
    keys = list(Operator.objects.order_by("pk").values_list("pk", flat=True))
    gone.delete()
    assert [row.name for row in export._rows(keys)] == ["Berta"]


# The trail


def test_an_export_leaves_an_entry_with_its_filters(admin_browser, account):
    night = Group.objects.create(account=account, name="Night shift")
    rows_of(admin_browser, query=f"?search=olga&group={night.pk}&exceptions=on")
    rows_of(admin_browser, CHANGES)
    changes, status = AuditEntry.objects.filter(action=Action.EVIDENCE_EXPORTED)
    assert status.actor_name == "Anna Admin (anna@example.com)"
    assert status.new == "Status of operators; Search: olga; Group: Night shift; Exceptions: yes; 0 rows"
    assert changes.new == "Changes of the policy; 0 rows"


def test_an_export_without_csrf_token_is_refused(admin):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin)
    assert browser.post(URL).status_code == 403


# The changes of the policy


def test_the_changes_of_the_policy_are_told_newest_first(admin_browser, account, admin, operator):
    by = Origin(admin, "192.0.2.7")
    record(Action.ACCOUNT_POLICY, by=by, account=account, old="Optional", new="Required")
    record(Action.SIGNED_IN, by=by, subject=admin)
    record(Action.TRUSTED_BROWSERS, by=by, account=account, old="off", new="30 days")
    set_override(operator, Policy.DISABLED, by)
    rows = rows_of(admin_browser, CHANGES)
    assert [(row["What"], row["Old value"], row["New value"]) for row in rows] == [
        ("Two-factor override changed", "", "Disabled"),
        ("Trusted-browser setting changed", "off", "30 days"),
        ("Account's two-factor setting changed", "Optional", "Required"),
    ]
    assert rows[0]["Whom"] == "Olga Operator (olga@example.com)"
    assert "When (UTC)" in rows[0]


def test_the_audit_log_offers_them(admin_browser):
    assert f'action="{CHANGES}"' in admin_browser.get(reverse("accounts:audit-log")).text


# Cost


def fill(account, number):
    """Add operators with everything that a row tells of."""
    until = timezone.now() + timedelta(days=1)
    for _number in range(number):
        one = make_operator(account, enrolled=True, override=Policy.DISABLED, override_until=until)
        record(Action.TWO_FACTOR_RESET, by=NOBODY, subject=one)
        make_operator(account, invited=True)


def _cells(account, operators):
    return cells(export.columns(), export.lines(account, operators))


def test_more_operators_do_not_take_more_queries(admin_browser, account):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            rows_of(admin_browser)
        return len(captured)

    fill(account, 2)
    few = queries()
    fill(account, 20)
    assert queries() == few


def test_each_batch_takes_two_more_queries(account, monkeypatch, django_assert_num_queries):
    fill(account, 10)
    monkeypatch.setattr(export, "BATCH", 5)
    with django_assert_num_queries(1 + 4 * 2):
        assert len(list(export.lines(account, Operator.objects.order_by("pk")))) == 20


@pytest.mark.thorough
def test_many_operators_take_no_more_memory_than_few(account, monkeypatch):
    operators = [
        Operator(account=account, email=f"{uuid4()}@example.com", joined_at=AT) for _one in range(600)
    ]
    Operator.objects.bulk_create(operators)
    Authenticator.objects.bulk_create(Authenticator(user=operator) for operator in operators)
    del operators
    monkeypatch.setattr(export, "BATCH", 30)
    gc.collect()
    gc.disable()  # nothing may wait for it
    # CPython keeps 2,000 tuples of 20 for later, which look as if they were in use: here they are before.
    for _time in range(2):
        list(_cells(account, Operator.objects.order_by("pk")))
    rows = _cells(account, Operator.objects.order_by("pk"))
    tracemalloc.start()
    try:
        few, peaks = [next(rows) for _row in range(90)], [tracemalloc.get_traced_memory()[1]]
        del few
        assert sum(1 for _row in rows) == 510
        peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
        gc.enable()
    assert peaks[1] < 1.5 * peaks[0]


def test_an_error_closes_the_cursor_at_once_and_not_when_the_error_is_forgotten(account, monkeypatch):
    make_operator(account)
    make_operator(account)
    seen = []

    def keys(operators):
        try:
            yield from operators.values_list("pk", flat=True)
        finally:
            seen.append("closed")

    def fails(_keys):
        raise LookupError

    monkeypatch.setattr(export, "BATCH", 1)
    monkeypatch.setattr(export, "_keys", keys)
    monkeypatch.setattr(export, "_rows", fails)
    with pytest.raises(LookupError) as error:
        next(export.lines(account, Operator.objects.order_by("pk")))
    assert (seen, error.type) == (["closed"], LookupError)


@pytest.mark.django_db(transaction=True)
def test_it_is_read_outside_a_transaction_too():
    account = Account.objects.get(pk=make_account().pk)
    fill(account, 3)
    client = signed_in(make_operator(account, administrator=True))
    assert len(rows_of(client)) == 7
