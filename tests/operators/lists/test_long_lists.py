"""Accounts with many operators: how they are made, paged, searched and counted."""

import re
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.db.utils import ProgrammingError
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import AuditEntry
from invitations import invite
from invitations.ledger import LinkRecord
from invitations.models import Link
from operators import postgres
from operators.bulk import work
from operators.bulk.preview import word_for
from operators.demo import generated
from operators.lists import paging, views
from operators.lists.paging import KeyPaginator
from operators.models import Group, Operator
from operators.models.bulk import BulkAction
from operators.rules.status import Status
from operators.status.query import perhaps_locked
from tests.support.factories import NOBODY, PASSWORD, SECRET, make_operator
from twofactor import vault

pytestmark = pytest.mark.thorough

URL = reverse("operators:list")


@pytest.fixture(autouse=True)
def _the_crowd_is_the_same_each_time(monkeypatch):
    """The dice begin anew in each test: PostgreSQL's numbers go on from one to the next."""
    first: list[int] = []

    def dice(number):
        first.append(number)
        return Random(number - first[0])  # noqa: S311  nothing here is secret

    monkeypatch.setattr(generated, "Random", dice)


@pytest.fixture
def many(account):
    """An account with many operators, and with an exception of each kind and an expired invitation."""
    ended = timezone.now() - timedelta(days=1)
    make_operator(account, "anders@example.com", override="disabled")
    make_operator(account, "andrea@example.com", override="disabled", override_until=ended)
    invite.send(make_operator(account, "hannah@example.com", invited=True), NOBODY)
    Link.objects.update(expires_at=ended)
    LinkRecord.objects.update(expires_at=ended)
    generated.fill_up(account, 400, PASSWORD, SECRET)
    return account


# Generated operators


def test_generated_operators_fill_the_account_up(account, operator):
    assert generated.fill_up(account, 30, PASSWORD, SECRET) == 29
    assert Operator.objects.filter(account=account).count() == 30
    assert AuditEntry.objects.count() == 29


def test_a_crowd_does_not_come_twice(many):
    assert generated.fill_up(many, 400, PASSWORD, SECRET) == 0


def test_a_crowd_grows_also_where_some_have_gone(many):
    Operator.objects.filter(pk__in=list(Operator.objects.values_list("pk", flat=True)[100:110])).delete()
    assert generated.fill_up(many, 500, PASSWORD, SECRET) == 110


def test_the_crowd_has_every_status(account):
    account.two_factor_policy = "required"
    account.save()
    generated.fill_up(account, 3000, PASSWORD, SECRET)
    found = {operator.status for operator in Operator.objects.filter(account=account).complete()}
    assert found == set(Status)


def test_one_of_the_crowd_can_sign_in(many):
    operator = Operator.objects.filter(is_active=True, authenticator__isnull=False).complete()[0]
    assert operator.check_password(PASSWORD)
    assert vault.unseal(operator.authenticator.sealed_secret, operator.pk, vault.Purpose.SECRET) == SECRET


# Pages


@pytest.mark.parametrize("sort", ["name", "-name", "email", "-email", "last_login", "-last_login"])
def test_every_operator_is_on_one_page_in_the_order_of_the_whole(admin_browser, many, sort):
    table = admin_browser.get(URL, {"sort": sort}).context["table"]
    in_order = table.page.paginator.object_list
    expected = list(in_order.values_list("pk", flat=True))
    paginator = KeyPaginator(in_order, 25)
    assert [row.pk for page in paginator for row in page] == expected


def test_rows_that_go_while_a_page_is_read_are_left_out(many, monkeypatch):
    rows = Operator.objects.order_by("pk")
    monkeypatch.setattr("operators.lists.paging._keys", lambda *_: [0, rows[0].pk])
    assert list(KeyPaginator(rows, 25).page(1)) == [rows[0]]


@pytest.mark.parametrize(
    "query",
    [{}, {"page": 2}, {"page": 9}, {"status": "protected"}, {"search": "an"}, {"sort": "-last_login"}],
)
def test_a_longer_list_takes_no_more_queries(admin_browser, account, query):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert admin_browser.get(URL, query).status_code == 200
        return len(captured)

    generated.fill_up(account, 60, PASSWORD, SECRET)
    few = queries()
    generated.fill_up(account, 600, PASSWORD, SECRET)
    assert queries() == few


ACCOUNT_PAGES: list[tuple[str, dict[str, str]]] = [
    ("operators:list", {"administrators": "on", "exceptions": "on", "no_recovery_codes": "on"}),
    ("operators:list", {"last_login": "expired", "sort": "-email", "counts": "on"}),
    ("operators:overview", {}),
    ("operators:links", {}),
    ("operators:links", {"search": "an", "state": "expired"}),
    ("operators:exceptions", {}),
    ("operators:exceptions", {"search": "an", "kind": "ended"}),
    ("operators:groups", {}),
    ("operators:sub-accounts", {}),
    ("operators:reminders", {}),
    ("operators:add", {}),
    ("operators:bulk", {"kind": "reset", "every": "on"}),
    ("operators:bulk", {"kind": "setup-link", "every": "on", "filters": "status=optional-not-set-up"}),
    ("operators:bulk-actions", {}),
    ("operators:policy-preview", {"two_factor_policy": "required"}),
    ("operators:policy-preview", {"two_factor_policy": "disabled"}),
    ("operators:end-unprotected", {}),
    ("accounts:settings", {}),
    ("accounts:audit-log", {"search": "an"}),
]
OPERATOR_PAGES = ["operators:detail", "operators:member-of", "operators:activity"]


@pytest.mark.parametrize(("name", "query"), ACCOUNT_PAGES)
def test_no_page_about_a_larger_account_takes_more_queries(admin_browser, many, name, query):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert admin_browser.get(reverse(name), query).status_code == 200
        return len(captured)

    few = queries()
    generated.fill_up(many, 900, PASSWORD, SECRET)
    assert queries() == few


@pytest.mark.parametrize("name", OPERATOR_PAGES)
def test_no_page_of_an_operator_takes_more_queries_in_a_larger_account(
    admin_browser, account, operator, name
):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert admin_browser.get(reverse(name, args=[operator.pk])).status_code == 200
        return len(captured)

    few = queries()
    generated.fill_up(account, 300, PASSWORD, SECRET)
    assert queries() == few


def test_a_page_of_a_group_of_the_preview_takes_no_more_queries(admin_browser, many):
    def queries():
        url = reverse("operators:policy-preview-people", args=["must-set-up"])
        with CaptureQueriesContext(connection) as captured:
            assert admin_browser.get(url, {"two_factor_policy": "required"}).status_code == 200
        return len(captured)

    few = queries()
    generated.fill_up(many, 900, PASSWORD, SECRET)
    assert queries() == few


def test_a_page_of_a_longer_bulk_action_takes_no_more_queries(admin_browser, account, admin):
    def queries():
        group = Group.objects.create(account=account, name=f"Group {Group.objects.count()}")
        others = Operator.objects.filter(account=account).exclude(pk=admin.pk)
        action = BulkAction(account=account, kind="group", group=group, key=uuid4())
        word = word_for(action, others.order_by("pk").values_list("pk", flat=True))
        work.start(others, action, expected=word, by=Origin(admin))
        with CaptureQueriesContext(connection) as captured:
            url = reverse("operators:bulk-action", args=[action.pk])
            assert admin_browser.get(url, {"show": "all"}).status_code == 200
        return len(captured)

    generated.fill_up(account, 30, PASSWORD, SECRET)
    few = queries()
    generated.fill_up(account, 120, PASSWORD, SECRET)
    assert queries() == few


def test_a_group_with_more_members_takes_no_more_queries(admin_browser, account):
    def queries():
        group = account.groups.get(name="Amsterdam")
        with CaptureQueriesContext(connection) as captured:
            assert (
                admin_browser.get(reverse("operators:group", args=[group.pk]), {"page": 2}).status_code == 200
            )
        return len(captured)

    generated.fill_up(account, 200, PASSWORD, SECRET)
    few = queries()
    generated.fill_up(account, 600, PASSWORD, SECRET)
    assert queries() == few


# Counts


@pytest.fixture
def large(many, monkeypatch):
    """An account that counts as large."""
    monkeypatch.setattr(views, "MANY", 300)
    monkeypatch.setattr(paging, "AHEAD", 100)
    return many


def text_of(response):
    """Return the page without the line breaks of its source."""
    return " ".join(response.text.split())


@pytest.mark.parametrize("sort", ["name", "-email", "last_login", "-last_login"])
def test_no_operator_of_a_large_account_is_left_out_or_shown_twice(admin_browser, large, sort):
    queries = ({"sort": sort, "page": page} for page in range(1, 17))
    pages = [admin_browser.get(URL, query).context["table"].page for query in queries]
    expected = list(pages[0].paginator.object_list.values_list("pk", flat=True))
    assert [operator.pk for page in pages for operator in page] == expected


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (1, "1–25 of more than 100 ·"),
        (5, "101–125 of more than 200 ·"),
        (12, "276–300 of more than 375 ·"),
        (13, "301–325 of 400<"),
        (16, "376–400 of 400<"),
        (17, "376–400 of 400<"),
        ("9" * 9, "376–400 of 400<"),
        ("9" * 5000, "1–25 of 400<"),
        (0, "376–400 of 400<"),
        ("x", "1–25 of 400<"),
        ("²", "1–25 of 400<"),
    ],
)
def test_a_page_of_a_large_account_says_what_is_known_without_counting_all(admin_browser, large, page, words):
    answer = admin_browser.get(URL, {"page": page})
    assert f"<span>{words}" in text_of(answer)
    start, end = (int(number) for number in words.split(" ")[0].split("–"))
    assert len(answer.context["table"].page.object_list) == end - start + 1


def test_a_link_counts_what_a_filter_leaves_of_a_large_account(admin_browser, large):
    query = {"status": "optional-not-set-up"}
    found = [one for one in Operator.objects.complete() if one.status is Status.OPTIONAL]
    page = text_of(admin_browser.get(URL, query))
    assert "1–25 of more than 100 ·" in page
    assert 'href="?status=optional-not-set-up&amp;counts=on">Count all<' in page
    assert "More than 100 operators found." in page
    assert "> All that match<" in page
    page = text_of(admin_browser.get(URL, query | {"counts": "on"}))
    assert f"1–25 of {len(found)}<" in page
    assert f"{len(found)} operators found." in page
    assert f"> All {len(found)} that match<" in page


def test_what_is_rare_in_a_large_account_is_counted_by_the_way(admin_browser, large):
    found = Operator.objects.filter(email__contains="jansen").count()
    assert f"1–{found} of {found}<" in text_of(admin_browser.get(URL, {"search": "jansen"}))


@pytest.mark.parametrize(("search", "letters"), [("om", 2), ("example.com", 11)])
def test_a_search_that_uses_trigrams_is_counted_in_a_large_account_too(admin_browser, large, search, letters):
    number = Operator.objects.filter(email__contains=search).count()
    page = text_of(admin_browser.get(URL, {"search": search}))
    counted = connection.vendor == "postgresql" and letters > 2
    assert f"1–25 of {number if counted else 'more than 100'}" in page
    assert "400 operators</a>" not in page


def test_nobody_is_found_in_a_large_account(admin_browser, large):
    assert "No operator matches." in admin_browser.get(URL, {"search": "xyzzy"}).text


def test_a_small_account_has_its_counts_at_once(admin_browser, many):
    assert "400 operators</a>" in admin_browser.get(URL).text


def test_a_large_account_is_counted_by_a_second_request(admin_browser, large):
    page = admin_browser.get(URL).text
    assert "400 operators</a>" not in page
    assert f'hx-get="{URL}" hx-trigger="load"' in page
    part = admin_browser.get(URL, headers={"HX-Request": "true", "HX-Target": "facts"}).text
    assert "400 operators</a>" in part
    assert "<table" not in part


def test_without_javascript_a_link_counts_a_large_account(admin_browser, large):
    assert 'href="?page=2&amp;counts=on"' in admin_browser.get(URL, {"page": 2}).text
    assert "400 operators</a>" in admin_browser.get(URL, {"counts": "on"}).text


def test_a_script_gets_the_rows_and_what_goes_with_them_alone(admin_browser, many):
    query = {"search": "an", "sort": "-name", "page": "2"}
    part = admin_browser.get(URL, query, headers={"HX-Request": "true", "HX-Target": "results"}).text
    page = admin_browser.get(URL, query).text
    assert "<body" not in part
    assert "400 operators</a>" not in part
    for tag, key in (("form", "export"), ("span", "filter-state"), ("div", "results")):
        begun = f'<{tag}[^>]* id="{key}"'
        assert len(re.findall(begun, part)) == 1 == len(re.findall(begun, page))
    rows = re.compile(r'class="cell-main" href="([^"]*)"')
    assert rows.findall(part) == rows.findall(page) != []


def test_a_script_that_goes_back_in_the_history_gets_the_whole_page(admin_browser, many):
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<body" in admin_browser.get(URL, headers=headers).text


def test_the_locked_are_found_without_a_look_at_the_others(account, many):
    plan = Operator.objects.filter(pk__in=perhaps_locked(account)).explain()
    assert "operator_frozen" in plan
    assert "operator_guessed_at" in plan


# Search


@pytest.mark.skipif(connection.vendor != "postgresql", reason="trigrams are PostgreSQL's")
@pytest.mark.parametrize(("column", "lookup"), [("name_key", "contains"), ("email", "icontains")])
def test_search_by_a_part_uses_the_trigrams(many, column, lookup):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Operator.objects.filter(**{f"{column}__{lookup}": "jansen"}).explain()
    assert f"operator_{column}_part" in plan


class Editor:
    """What a migration gives its functions, with the statements that they run."""

    def __init__(self, vendor: str, refusal: str = "") -> None:
        self.connection = SimpleNamespace(vendor=vendor)
        self.refusal, self.statements = refusal, list[str]()

    def execute(self, statement, params):
        if self.refusal:
            raise ProgrammingError(self.refusal)
        self.statements.append(statement)


def test_without_the_right_to_create_the_extension_the_migration_says_what_to_do():
    editor: Any = Editor("postgresql", 'permission denied to create extension "pg_trgm"\nHINT: ask')
    with pytest.raises(
        postgres.ExtensionMissingError, match=r"permission denied.*\n.*CREATE EXTENSION pg_trgm;"
    ):
        postgres.install(apps, editor)


def test_the_way_back_drops_every_index_that_the_migration_makes():
    there: Any = Editor("postgresql")
    back: Any = Editor("postgresql")
    postgres.install(apps, there)
    postgres.remove(apps, back)
    made = {words[2] for words in map(str.split, there.statements[1:])}
    assert made == {words[2] for words in map(str.split, back.statements)}


def test_the_way_back_from_keys_makes_and_drops_the_opposite():
    there: Any = Editor("postgresql")
    back: Any = Editor("postgresql")
    postgres.search_by_key(apps, there)
    postgres.search_by_name(apps, back)

    def indexes(editor: Any, verb: str) -> set[str]:
        return {words[2] for words in map(str.split, editor.statements) if words[0] == verb}

    assert indexes(there, "CREATE") == indexes(back, "DROP") != set()
    assert indexes(there, "DROP") == indexes(back, "CREATE") != set()


def test_sqlite_has_no_such_indexes():
    editor: Any = Editor("sqlite")
    postgres.install(apps, editor)
    postgres.remove(apps, editor)
    assert editor.statements == []
