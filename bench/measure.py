"""What is measured of the lists: the same question put to both in turn."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from bench import whole
from bench.admin import OperatorAdmin
from bench.cost import STEP, Cost, cost, database, deeper, ms
from operators.administrators import appoint
from operators.demo import generated
from operators.lists.paging import PAGE_SIZE
from operators.models import Operator, create_account
from twofactor import proof

OURS, ADMIN = "/operators/", "/bench-admin/operators/operator/"
PASSWORD = "correct horse battery"  # noqa: S105  of invented people
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
EMAIL = "anna@example.com"
Query = dict[str, Any]
# What htmx sends when somebody types into the search, sets a filter, sorts or turns the page.
RESULTS = {"HX-Request": "true", "HX-Target": "results"}
TRIGRAMS = ["operator_name_key_part", "operator_email_part"]
OWN_INDEXES = ["operator_frozen", "operator_guessed_at", "no_recovery_codes_left"]


@dataclass(frozen=True, slots=True)
class Question:
    """The same in the words of both lists; the pages of both begin at about the same row."""

    what: str
    ours: Query
    admin: Query


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one question in one round."""

    page: Cost
    results: Cost
    admin: Cost


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
        Question("filtered: locked, few", {"status": "locked"}, {"status": "locked"}),
        Question("sorted by email", {"sort": "email"}, {"o": "2"}),
        Question("sorted by last login, newest first", {"sort": "-last_login"}, {"o": "-5"}),
        *pages,
        Question("search: part of a name", {"search": "jansen"}, {"q": "jansen"}),
        Question("search: first and last name", {"search": "mia jansen"}, {"q": "mia jansen"}),
        Question("search: part of an email", {"search": "mia.jansen.5"}, {"q": "mia.jansen.5"}),
        Question("search: nobody", {"search": "xyzzy"}, {"q": "xyzzy"}),
        Question("search: two letters, many", {"search": "an"}, {"q": "an"}),
        Question("search: two letters, few", {"search": "zo"}, {"q": "zo"}),
    ]


def run(size: int, rounds: int) -> None:
    """Measure everything and print it."""
    account = _account(size)
    client = _signed_in(account)
    print(f"\n{database()}, {size:,} operators, medians of {rounds} in turn\n")
    for per_page in (100, 25):
        OperatorAdmin.list_per_page = per_page
        _print_lists(client, questions(size, per_page), per_page, rounds)
    whole.measure(client, account, rounds)


def _account(size: int) -> Account:
    """Return the account, made and filled up where that is missing."""
    call_command("migrate", verbosity=0)
    account = Account.objects.first() or create_account("Acme Monitoring")
    Account.objects.filter(pk=account.pk).update(two_factor_policy="required")
    account.refresh_from_db()
    if not Operator.objects.filter(email=EMAIL).exists():
        appoint(_administrator(account))
    began = time.perf_counter()
    added = generated.fill_up(account, size, PASSWORD, KEY)
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


def _cost_of_admin(client: Client, query: Query) -> Cost:
    """Return what the admin's page costs, without the indexes that the product has for its own questions."""
    with transaction.atomic(), connection.cursor() as cursor:
        for index in OWN_INDEXES + (TRIGRAMS if connection.vendor == "postgresql" else []):
            cursor.execute(f"DROP INDEX {index}")
        found = cost(client, ADMIN, query)
        transaction.set_rollback(True)
    return found


def _costs(client: Client, question: Question) -> Costs:
    """Return what our page costs, its results alone as a script asks for them, and the admin's page."""
    return Costs(
        cost(client, OURS, question.ours),
        cost(client, OURS, question.ours, **RESULTS),
        _cost_of_admin(client, question.admin),
    )


def _print_lists(client: Client, asked: list[Question], per_page: int, rounds: int) -> None:
    """Print the costs of both lists; each round asks both for everything, on a machine as busy."""
    found: dict[str, list[Costs]] = {question.what: [] for question in asked}
    for number in range(rounds + 1):
        for question in asked:
            costs = deeper(number * STEP, lambda: _costs(client, question))  # noqa: B023
            if number:  # the first round warms up
                found[question.what].append(costs)
    print(
        f"| admin with {per_page} a page | ours | admin | time | work | from … to | results alone | queries |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for what, each in found.items():
        print(f"| {what} | {_row(each)} |", flush=True)
    print()


def _row(found: list[Costs]) -> str:
    """Return the figures of one question: medians, their ratios to the admin's, how far the rounds differ."""
    ours, admin = (
        median(costs.wall for costs in side) for side in ([c.page for c in found], [c.admin for c in found])
    )
    work = median(costs.admin.cpu for costs in found)
    page, results = (
        median(costs.page.cpu for costs in found) / work,
        median(costs.results.cpu for costs in found) / work,
    )
    queries = "—"
    if connection.vendor == "postgresql":  # SQLite does most of it while the rows are fetched
        share = median(costs.page.queries for costs in found) / median(costs.admin.queries for costs in found)
        queries = f"{share:.2f}"
    each = [costs.page.cpu / costs.admin.cpu for costs in found]
    spread = f"{min(each):.2f} … {max(each):.2f}"
    times = f"{ms(ours)} | {ms(admin)} | {ours / admin:.2f}"
    return f"{times} | **{page:.2f}** | {spread} | **{results:.2f}** | {queries}"
