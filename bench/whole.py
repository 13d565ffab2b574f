"""What is measured of the whole account: pages about everybody, the policy change, files, a bulk action."""

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from uuid import uuid4

from django.db import connection, transaction
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.http import urlencode

from accounts.audit.trail import Origin
from accounts.models import Account, AuditEntry
from accounts.settings_page import change_policy
from bench.cost import cost, cpu, ms
from operators.bulk import work
from operators.bulk.preview import word_for
from operators.models import Group, Operator
from operators.models.bulk import BulkAction

LIST, FILE = reverse("operators:list"), reverse("operators:export")
AUDIT_FILE = reverse("accounts:audit-export")
FACTS = {"hx-request": "true", "hx-target": "facts"}
EVERY = {"every": "on", "filters": "status=required-not-set-up"}
FEW = 5_000  # rows of a file after which memory is looked at for the first time
# Operators of a bulk action that it is looked at for.
FEW_ACTED_UPON, MANY_ACTED_UPON = 100, 400


def measure(client: Client, account: Account, rounds: int) -> None:
    """Measure everything and print it; memory in a run of its own, as looking at it takes time."""
    _print_pages(client, rounds)
    _print_policy_change(account)
    _print_files(client)
    _print_bulk_action(client, account)


def _print_pages(client: Client, rounds: int) -> None:
    """Print what pages about everybody cost, and the most memory that one of them takes."""
    preview = reverse("operators:policy-preview")
    pages: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
        ("counts by status, a request after the page", LIST, {}, FACTS),
        ("list, filtered, “Count all”", LIST, {"status": "protected", "counts": "on"}, {}),
        ("overview", reverse("operators:overview"), {}, {}),
        ("preview: Optional", preview, {"two_factor_policy": "optional"}, {}),
        ("preview: Disabled", preview, {"two_factor_policy": "disabled"}, {}),
        ("bulk preview: override", reverse("operators:bulk"), {"kind": "override-required", **EVERY}, {}),
        ("bulk preview: setup link", reverse("operators:bulk"), {"kind": "setup-link", **EVERY}, {}),
    ]
    print("| page about everybody | time | work | memory |")
    print("|---|--:|--:|--:|")
    for what, url, query, headers in pages:
        found = [cost(client, url, query, **headers) for _round in range(rounds)]
        memory = _peak(lambda url=url, query=query, headers=headers: cost(client, url, query, **headers))  # type: ignore[misc]
        times = f"{ms(median(one.wall for one in found))} | {ms(median(one.cpu for one in found))}"
        print(f"| {what} | {times} | {memory:.1f} MiB |", flush=True)
    print()


def _peak(act: Callable[[], object]) -> float:
    """Return how much more memory Python takes at most while something is done, in MiB."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def _print_policy_change(account: Account) -> None:
    """Print what a policy change writes."""
    with CaptureQueriesContext(connection) as captured:
        change_policy(account, "optional", Origin())
        change_policy(account, "required", Origin())
    writes = [query["sql"] for query in captured if query["sql"].startswith(("UPDATE", "DELETE"))]
    touched = [sql for sql in writes if "operators_operator" in sql]
    print(f"- a policy change: {len(writes) // 2} UPDATE of one row, {len(touched)} statements on operators")


def _print_files(client: Client) -> None:
    """Print how long the first byte and all of each file take, and its memory up to a few rows and all."""
    # The day on which the operators were generated; a later run leaves entries of its own.
    made_on = AuditEntry.objects.earliest("pk").at.date()
    few: dict[str, Any] = {"date_from": made_on, "search": "jansen"}
    files: dict[str, Callable[[], Any]] = {
        "audit log": lambda: client.post(AUDIT_FILE),
        "audit log, few rows": lambda: client.post(f"{AUDIT_FILE}?{urlencode(few)}"),
        "status of all operators": lambda: client.post(FILE),
        "status of the protected, by last login": lambda: client.post(
            f"{FILE}?status=protected&sort=-last_login"
        ),
    }
    print("\n| file | first byte | all | rows | most memory up to row 5,000, and up to the end |")
    print("|---|--:|--:|--:|--:|")
    for what, ask in files.items():
        began = time.perf_counter()
        chunks = _chunks(ask)
        rows = next(chunks)
        first = time.perf_counter() - began
        rows += sum(chunks)
        took = time.perf_counter() - began
        memory = " and ".join(f"{peak:.1f}" for peak in _peaks(ask))
        print(f"| {what} | {ms(first)} | {took:.1f} s | {rows:,} | {memory} MiB |", flush=True)
    print()


def _chunks(ask: Callable[[], Any]) -> Iterator[int]:
    """Return how many lines each piece of the answer holds, as it comes."""
    answer = ask()
    if not isinstance(answer, StreamingHttpResponse):
        raise TypeError(answer)
    try:
        for chunk in answer:
            yield chunk.count(b"\n")
    finally:
        answer.close()


def _peaks(ask: Callable[[], Any]) -> tuple[float, float]:
    """Return the most memory that Python takes more, in MiB: up to a few rows of the file, and up to its end.

    The collector of cycles is off: nothing may wait for it.
    """
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        rows, few = 0, None
        for lines in _chunks(ask):
            rows += lines
            if few is None and rows >= FEW:
                few = tracemalloc.get_traced_memory()[1] / 2**20
        whole = tracemalloc.get_traced_memory()[1] / 2**20
        return whole if few is None else few, whole
    finally:
        tracemalloc.stop()
        gc.enable()


def _print_bulk_action(client: Client, account: Account) -> None:
    """Print what it takes to add everybody to a group; afterwards all of it is undone."""
    asker = Operator.objects.get(pk=client.session["_auth_user_id"])
    with transaction.atomic():
        group = Group.objects.create(account=account, name="Bench")
        everybody = Operator.objects.filter(account=account)
        began, number = time.perf_counter(), everybody.count()
        numbers = everybody.order_by("pk").values_list("pk", flat=True).iterator()
        action = BulkAction(account=account, kind=BulkAction.Kind.GROUP, group=group, key=uuid4())
        work.start(everybody, action, expected=word_for(action, numbers), by=Origin(asker))
        chosen = time.perf_counter() - began
        progress = cost(client, reverse("operators:bulk-action", args=[action.pk]), {})
        began, worked = time.perf_counter(), cpu()
        _do(action, MANY_ACTED_UPON)
        each, busy = (
            (end - begin) / MANY_ACTED_UPON for begin, end in ((began, time.perf_counter()), (worked, cpu()))
        )
        memory = " and ".join(
            f"{_peak(lambda most=most: _do(action, most)):.1f}"  # type: ignore[misc]
            for most in (FEW_ACTED_UPON, MANY_ACTED_UPON)
        )
        transaction.set_rollback(True)
    print(f"- bulk action: {number:,} operators chosen by one statement in {chosen:.1f} s")
    print(f"- bulk action: {each * 1000:.1f} ms for each of them, {busy * 1000:.1f} ms of work")
    print(f"- bulk action: memory for 100 and 400 of them: {memory} MiB")
    print(f"- bulk action: the page that says how far it is: {ms(progress.wall)}, {ms(progress.cpu)} of work")


def _do(action: BulkAction, number: int) -> None:
    """Do the next so many, in batches as the worker does."""
    for _batch in range(number // work.BATCH):
        action.refresh_from_db()
        work.continue_round.func(action.pk, action.turn)
