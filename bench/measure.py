"""What is measured: the same question put to both lists in turn, the policy change, and the export."""

import time
import tracemalloc
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from django.core.management import call_command
from django.db import connection, transaction
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Origin
from accounts.models import Account, AuditEntry
from accounts.settings_page import change_policy
from bench.admin import OperatorAdmin
from operators import crowd
from operators.administrators import appoint
from operators.models import Operator, create_account
from operators.tables import PAGE_SIZE
from twofactor import proof

OURS, ADMIN = "/operators/", "/bench-admin/operators/operator/"
EXPORT = reverse("accounts:audit-export")
PASSWORD = "correct horse battery"  # noqa: S105  of invented people
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
EMAIL = "anna@example.com"
Query = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """The same in the words of both lists; the pages of both begin at about the same row."""

    what: str
    ours: Query
    admin: Query


def questions(size: int, per_page: int) -> list[Question]:
    """Return what is asked; columns of the admin are numbered: 1 name, 2 email, 5 last login."""
    far, farther = size // 2, size * 9 // 10
    pages = [
        Question(f"page at row {row:,}", {"page": row // PAGE_SIZE}, {"p": row // per_page})
        for row in (far, farther)
    ]
    return [
        Question("first page", {}, {}),
        Question("filtered: protected", {"status": "protected"}, {"status": "protected"}),
        Question("filtered: required", *2 * [{"status": "required-not-set-up"}]),
        Question("sorted by email", {"sort": "email"}, {"o": "2"}),
        Question("sorted by last login, newest first", {"sort": "-last_login"}, {"o": "-5"}),
        *pages,
        Question("search: part of a name", {"search": "jansen"}, {"q": "jansen"}),
        Question("search: part of an email", {"search": "mia.jansen.5"}, {"q": "mia.jansen.5"}),
        Question("search: nobody", {"search": "xyzzy"}, {"q": "xyzzy"}),
        Question("search: two letters", {"search": "zo"}, {"q": "zo"}),
    ]


def run(size: int, rounds: int) -> None:
    """Measure everything and print it."""
    account = _account(size)
    client = _signed_in(account)
    print(f"\n{_database()}, {size:,} operators, medians of {rounds} in turn\n")
    for per_page in (100, 25):
        OperatorAdmin.list_per_page = per_page
        _print_lists(client, questions(size, per_page), per_page, rounds)
    _print_counts(client, rounds)
    _print_policy_change(account)
    _print_export(client)


def _account(size: int) -> Account:
    """Return the account, made and filled up where that is missing."""
    call_command("migrate", verbosity=0)
    account = Account.objects.first() or create_account("Acme Monitoring")
    Account.objects.filter(pk=account.pk).update(two_factor_policy="required")
    account.refresh_from_db()
    if not Operator.objects.filter(email=EMAIL).exists():
        appoint(_administrator(account))
    began = time.perf_counter()
    added = crowd.fill_up(account, size, PASSWORD, KEY)
    if added:
        print(f"{added:,} operators were made in {time.perf_counter() - began:.0f} s.")
    with connection.cursor() as cursor:
        # What PostgreSQL does by itself within minutes, and `manage.py` users of SQLite once.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return account


def _administrator(account: Account) -> Operator:
    """Return a new operator who has joined."""
    person = Operator(account=account, name="Anna Admin", email=EMAIL, joined_at=timezone.now())
    person.set_password(PASSWORD)
    person.save()
    return person


def _signed_in(account: Account) -> Client:
    """Return a browser of the administrator."""
    client = Client()
    client.force_login(Operator.objects.get(account=account, email=EMAIL))
    session = client.session
    proof.remember(session, with_code=True)
    session.save()
    return client


def _database() -> str:
    """Return the database and its version."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SHOW server_version" if connection.vendor == "postgresql" else "SELECT sqlite_version()"
        )
        return f"{connection.display_name} {cursor.fetchone()[0]}"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that passed, and seconds of work: in this process and in the database's for our connection."""

    wall: float
    cpu: float


def _cpu() -> float:
    """Return the seconds of work so far; on a busy machine only these say something.

    PostgreSQL's share is known where it runs on this machine, and no second process helps (bench.settings).
    """
    backend = getattr(getattr(connection.connection, "info", None), "backend_pid", None)
    schedstat = Path(f"/proc/{backend}/schedstat")
    there = int(schedstat.read_text().split()[0]) / 1e9 if schedstat.exists() else 0
    return time.process_time() + there


def _cost(client: Client, url: str, query: Query) -> Cost:
    """Return what a page costs, from the request to the last byte."""
    began, worked = time.perf_counter(), _cpu()
    answer = client.get(f"{url}?{urlencode(query)}" if query else url)
    cost = Cost(time.perf_counter() - began, _cpu() - worked)
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"{url} {query}: {answer.status_code}")
    return cost


def _cost_of_admin(client: Client, query: Query) -> Cost:
    """Return what the admin's page costs; its search without the indexes that the product brings along."""
    if "q" not in query or connection.vendor != "postgresql":
        return _cost(client, ADMIN, query)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP INDEX operator_name_part, operator_email_part")
        cost = _cost(client, ADMIN, query)
        transaction.set_rollback(True)
    return cost


def _print_lists(client: Client, asked: list[Question], per_page: int, rounds: int) -> None:
    """Print the costs of both lists; each round asks both for everything, on a machine as busy."""
    costs: dict[str, list[tuple[Cost, Cost]]] = {question.what: [] for question in asked}
    for number in range(rounds + 1):
        for question in asked:
            pair = (_cost(client, OURS, question.ours), _cost_of_admin(client, question.admin))
            if number:  # the first round warms up
                costs[question.what].append(pair)
    print(f"| admin with {per_page} a page | ours | admin | ratio of time | ratio of work | from … to |")
    print("|---|--:|--:|--:|--:|--:|")
    for what, pairs in costs.items():
        print(f"| {what} | {_row(pairs)} |", flush=True)
    print()


def _row(pairs: list[tuple[Cost, Cost]]) -> str:
    """Return the figures of one question: medians of both, their ratios, and how far the rounds differ."""
    ours, admin = (median(pair[side].wall for pair in pairs) for side in (0, 1))
    work = median(pair[0].cpu for pair in pairs) / median(pair[1].cpu for pair in pairs)
    each = [pair[0].cpu / pair[1].cpu for pair in pairs]
    spread = f"{min(each):.2f} … {max(each):.2f}"
    return f"{_ms(ours)} | {_ms(admin)} | {ours / admin:.2f} | **{work:.2f}** | {spread}"


def _ms(seconds: float) -> str:
    """Return a time to read."""
    return f"{seconds * 1000:.0f} ms"


def _print_counts(client: Client, rounds: int) -> None:
    """Print what the counts in the head cost, which come after the page, beside the page itself."""
    counts, pages = [], []
    for _number in range(rounds):
        worked = _cpu()
        client.get(OURS, headers={"HX-Request": "true", "HX-Target": "facts"})
        counts.append(_cpu() - worked)
        pages.append(_cost(client, OURS, {}).cpu)
    ratio = median(counts) / median(pages)
    print(f"- counts by status, a request after the page: {ratio:.1f} times the work of a first page")


def _print_policy_change(account: Account) -> None:
    """Print what a policy change writes."""
    with CaptureQueriesContext(connection) as captured:
        change_policy(account, "optional", Origin())
        change_policy(account, "required", Origin())
    writes = [query["sql"] for query in captured if query["sql"].startswith(("UPDATE", "DELETE"))]
    touched = [sql for sql in writes if "operators_operator" in sql]
    print(f"- a policy change: {len(writes) // 2} UPDATE of one row, {len(touched)} statements on operators")


def _print_export(client: Client) -> None:
    """Print what the export of the audit log needs: until its first byte, and in memory."""
    newest = AuditEntry.objects.latest("pk").at.date()
    queries: dict[str, Query] = {"few rows": {"date_from": newest, "search": "jansen"}, "all rows": {}}
    for what, query in queries.items():
        tracemalloc.start()
        began = time.perf_counter()
        answer = client.get(EXPORT, query)
        if not isinstance(answer, StreamingHttpResponse):
            raise TypeError(EXPORT)
        chunks = iter(answer)
        first = len(next(chunks)) and time.perf_counter() - began
        rows = sum(chunk.count(b"\n") for chunk in chunks)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"- export, {what}: first byte after {_ms(first)}, {rows:,} rows, at most {peak / 2**20:.1f} MiB"
        )
