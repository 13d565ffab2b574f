"""Real faults: workers killed in the middle of a statement, a database gone or locked, a full disk."""

import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connections
from django.db.models import Model
from psycopg import sql

from tests.support.server import Server

PATIENCE = 30  # seconds
ADVISORY_LOCK = 4711
WAITING = (
    "SELECT 1 FROM pg_locks JOIN pg_database AS d ON d.oid = database"
    " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
)
OTHERS = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'"
)


def until(what: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until it is so, for so many seconds at most."""
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def workers_of(server: Server) -> list[int]:
    """The process ids of the workers at this moment."""
    return [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]


def kill_workers(server: Server) -> None:
    """kill -9; gunicorn starts others."""
    for worker in workers_of(server):
        os.kill(worker, signal.SIGKILL)


class Postgres:
    """What can go wrong with a PostgreSQL server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.address = urlunsplit(urlsplit(server.database_url)._replace(scheme="postgresql"))
        self.name = urlsplit(server.database_url).path[1:]
        self.faults = {"gone": self.gone, "disk full": self.disk_full}

    @contextmanager
    def trap(self, model: type[Model], event: str) -> Iterator[Callable[[], None]]:
        """Hold every such statement in its middle until the end; gives a wait for one to be there.

        The server does not notice that its client was killed: the statement goes on after the end, and
        is the last one. When it is over, all is as it stays.
        """
        connections["default"].close()
        with psycopg.connect(self.address, autocommit=True) as ours:
            ours.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
            ours.execute(
                "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"PERFORM pg_advisory_xact_lock({ADVISORY_LOCK}); RETURN COALESCE(NEW, OLD); END $$"
            )
            ours.execute(
                sql.SQL("CREATE TRIGGER trap BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION trap()").format(
                    sql.SQL(event), sql.Identifier(model._meta.db_table)
                )
            )
            try:
                yield lambda: until(lambda: bool(ours.execute(WAITING).fetchone()))
                ours.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
                until(lambda: not ours.execute(OTHERS).fetchone())
            finally:
                ours.execute("SELECT pg_advisory_unlock_all()")
                ours.execute("DROP FUNCTION trap() CASCADE")

    @contextmanager
    def gone(self) -> Iterator[None]:
        """End every connection and allow none."""
        connections["default"].close()
        outside = urlunsplit(urlsplit(self.address)._replace(path="/postgres"))
        with psycopg.connect(outside, autocommit=True) as ours:

            def allow(word: str) -> None:
                statement = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
                ours.execute(statement.format(sql.Identifier(self.name), sql.SQL(word)))

            allow("false")
            try:
                ours.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [self.name]
                )
                yield
            finally:
                allow("true")

    away = gone

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """Refuse every write as the server does where its disk is full: it answers, and reads go on.

        A disk that is really full cannot be had without the machine that the server runs on.
        """
        connections["default"].close()
        with psycopg.connect(self.address, autocommit=True) as ours:
            ours.execute(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
            )
            try:
                for (table,) in ours.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
                    ours.execute(
                        sql.SQL(
                            "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON {}"
                            " EXECUTE FUNCTION full_disk()"
                        ).format(sql.Identifier(table))
                    )
                yield
            finally:
                ours.execute("DROP FUNCTION full_disk() CASCADE")


class Sqlite:
    """What can go wrong with an SQLite file."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.path = Path(urlsplit(server.database_url).path)
        self.faults = {"locked": self.locked, "disk full": self.disk_full}

    @contextmanager
    def trap(self, model: type[Model], event: str) -> Iterator[Callable[[], None]]:
        """Hold every such statement in its middle until it is killed; gives a wait for one to be there.

        The statement counts to a number that nobody lives to see, with the write lock in its hand.
        """
        table = model._meta.db_table
        with self.connected() as ours:
            ours.execute("CREATE TABLE trap AS SELECT value FROM json_each('[1,2,3,4,5,6,7,8,9,10]')")
            product = ", ".join(f"trap AS t{number}" for number in range(16))
            ours.execute(
                f"CREATE TRIGGER hold BEFORE {event} ON {table} BEGIN SELECT count(*) FROM {product}; END"  # noqa: S608
            )
        try:
            yield lambda: until(self._stays_locked)
        except BaseException:
            kill_workers(self.server)  # or it would count on
            raise
        finally:
            until(lambda: not self._is_locked())
            with self.connected() as ours:
                ours.execute("DROP TRIGGER hold")
                ours.execute("DROP TABLE trap")

    def _stays_locked(self) -> bool:
        """Whether somebody has the write lock, and not for one short statement."""
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            if not self._is_locked():
                return False
            time.sleep(0.02)
        return True

    def _is_locked(self) -> bool:
        with self.connected(timeout=0) as ours:
            try:
                ours.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            ours.execute("ROLLBACK")
            return False

    @contextmanager
    def connected(self, timeout: float = PATIENCE) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=timeout, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock for longer than anybody waits."""
        with self.connected() as ours:
            ours.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """Let the server's processes write nothing more to any file, their log included."""
        processes = [self.server.pid, *workers_of(self.server)]
        limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in processes}
        for pid, (_soft, hard) in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
        try:
            yield
        finally:
            for pid, limit in limits.items():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Take the file's folder away. Who has the file open keeps it, so the workers start anew.

        A file that may not be read would be the same, but nothing is unreadable for root.
        """
        connections["default"].close()
        hidden = self.path.parent.with_name("hidden")
        self.path.parent.rename(hidden)
        kill_workers(self.server)
        try:
            yield
        finally:
            hidden.rename(self.path.parent)


def faults_of(server: Server) -> Postgres | Sqlite:
    """What can go wrong with the database of the server."""
    return Sqlite(server) if server.database_url.startswith("sqlite") else Postgres(server)


# Known before there is a server, as tests are named for it.
FAULTS = [
    "gone" if os.environ.get("DATABASE_URL", "").startswith("postgres") else "locked",
    "disk full",
]
