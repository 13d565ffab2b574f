"""What is measured: the same question put to both lists in turn, the policy change, and the export."""

import time
import tracemalloc
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import urlencode

from django.core.management import call_command
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Origin
from accounts.models import Account, AuditEntry
from accounts.settings_page import change_policy
from bench.admin import site
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
        site.get_model_admin(Operator).list_per_page = per_page
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


def _seconds(client: Client, url: str, query: Query) -> float:
    """Return how long a page takes, from the request to the last byte."""
    began = time.perf_counter()
    answer = client.get(f"{url}?{urlencode(query)}" if query else url)
    taken = time.perf_counter() - began
    if answer.status_code != 200:  # noqa: PLR2004
        raise RuntimeError(f"{url} {query}: {answer.status_code}")
    return taken


def _print_lists(client: Client, asked: list[Question], per_page: int, rounds: int) -> None:
    """Print both lists' times: each round asks both for everything, so that the machine is busy for both."""
    ours: dict[str, list[float]] = {question.what: [] for question in asked}
    admin: dict[str, list[float]] = {question.what: [] for question in asked}
    for number in range(rounds + 1):
        for question in asked:
            times = (_seconds(client, OURS, question.ours), _seconds(client, ADMIN, question.admin))
            if number:  # the first round warms up
                ours[question.what].append(times[0])
                admin[question.what].append(times[1])
    print(f"| admin with {per_page} a page | ours | admin | ours / admin | slowest / quickest of ours |")
    print("|---|--:|--:|--:|--:|")
    for what, times_of_ours in ours.items():
        mine, theirs = median(times_of_ours), median(admin[what])
        spread = max(times_of_ours) / min(times_of_ours)
        print(f"| {what} | {_ms(mine)} | {_ms(theirs)} | {mine / theirs:.2f} | {spread:.1f} |")
    print()


def _ms(seconds: float) -> str:
    """Return a time to read."""
    return f"{seconds * 1000:.0f} ms"


def _print_counts(client: Client, rounds: int) -> None:
    """Print how long the counts in the head take, which come after the page, beside the page itself."""
    part = partial(client.get, OURS, headers={"HX-Request": "true", "HX-Target": "facts"})
    counts, pages = [], []
    for _number in range(rounds):
        began = time.perf_counter()
        part()
        counts.append(time.perf_counter() - began)
        pages.append(_seconds(client, OURS, {}))
    ratio = median(counts) / median(pages)
    print(f"- counts by status, a request after the page: {ratio:.1f} of the first page's time")


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
    for what, query in (("few rows", {"date_from": newest, "search": "jansen"}), ("all rows", {})):
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
