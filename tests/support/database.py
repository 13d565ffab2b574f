"""A database made fresh, for tests in which several connections write; what is stored, and what is asked."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import environ
import psycopg
from django.apps import apps
from django.conf import settings
from django.db import ConnectionHandler, connection, connections
from django.test.utils import CaptureQueriesContext
from psycopg import sql

# Not work of the database: where transactions begin and end.
BRACKETS = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")


@contextmanager
def fresh_database(folder: Path) -> Iterator[str]:
    """Make a database of the kind that DATABASE_URL names, and drop it afterwards; its address."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield f"sqlite:///{folder / 'browser.sqlite3'}"
        return
    # One process makes several: for the browser tests, the races, the outages.
    name = f"browser_{secrets.token_hex(8)}"
    _run(url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        _run(url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _run(url: str, statement: sql.Composed) -> None:
    # Like Django's test runner: the named database may not exist yet, the server's own always does.
    address = urlsplit(url)._replace(scheme="postgresql", path="/postgres")
    with psycopg.connect(urlunsplit(address), autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def models_use(url: str) -> Iterator[None]:
    """Let Django's models in this process read and write that database."""
    config = {**settings.DATABASES["default"], **environ.Env.db_url_config(url)}
    ours = connections["default"]
    connections["default"] = theirs = ConnectionHandler({"default": config})["default"]
    try:
        yield
    finally:
        theirs.close()
        connections["default"] = ours


@contextmanager
def statements():
    """Collect the SQL statements, without the brackets of transactions."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as context:
        yield found
    found.extend(q["sql"] for q in context.captured_queries if not q["sql"].upper().startswith(BRACKETS))


def everything() -> dict[str, Any]:
    """Every row that is stored."""
    return {model._meta.label: list(model.objects.order_by("pk").values()) for model in apps.get_models()}
