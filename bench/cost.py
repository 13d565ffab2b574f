"""What does it cost: seconds that pass, seconds of work, and of these the queries' own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db import connection
from django.test import Client

T = TypeVar("T")
STEP = 7  # calls between the depths of two rounds


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that passed; of work in this process and in the database's for our connection; of the queries.

    What the queries take is the work from a statement's start to its first rows, without what Python makes
    of it before and after.
    """

    wall: float
    cpu: float
    queries: float


def cpu() -> float:
    """Return the seconds of work so far; on a busy machine only these say something."""
    return time.process_time() + database_work()


def database_work() -> float:
    """Return the seconds of work of PostgreSQL's process for our connection; 0 on SQLite, which has none.

    Known where it runs on this machine, and no second process helps it (bench.product_settings).
    """
    backend = getattr(getattr(connection.connection, "info", None), "backend_pid", None)
    schedstat = Path(f"/proc/{backend}/schedstat")
    return int(schedstat.read_text().split()[0]) / 1e9 if schedstat.exists() else 0


def deeper(frames: int, act: Callable[[], T]) -> T:
    """Do it with so many more calls on the stack.

    CPython 3.11 takes a piece of memory for its stack and gives it back whenever a call crosses the end of
    one. Where that is in a loop of the template engine, a page costs up to half as much again: so each round
    asks from another depth.
    """
    return deeper(frames - 1, act) if frames else act()


@contextmanager
def queries() -> Iterator[list[float]]:
    """Collect the work of each statement."""
    found: list[float] = []

    def timed(execute: Callable[..., Any], *args: Any) -> Any:
        began = cpu()
        try:
            return execute(*args)
        finally:
            found.append(cpu() - began)

    with connection.execute_wrapper(timed):
        yield found


def cost(client: Client, url: str, query: dict[str, Any], **headers: str) -> Cost:
    """Return what a page costs, from the request to the last byte."""
    with queries() as found:
        began, worked = time.perf_counter(), cpu()
        answer = client.get(f"{url}?{urlencode(query)}" if query else url, headers=headers)
        wall, work = time.perf_counter() - began, cpu() - worked
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"{url} {query}: {answer.status_code}")
    return Cost(wall, work, sum(found))


def database() -> str:
    """Return the database and its version."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SHOW server_version" if connection.vendor == "postgresql" else "SELECT sqlite_version()"
        )
        return f"{connection.display_name} {cursor.fetchone()[0]}"


def ms(seconds: float) -> str:
    """Return a time to read."""
    return f"{seconds * 1000:.0f} ms"
