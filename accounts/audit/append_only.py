"""What keeps the audit trail append-only in the database itself, and what lets old entries go.

The triggers stop whatever does not come through the model: another program, a console, an injected
statement. On PostgreSQL deleting passes while a setting of the transaction names a moment, and only for
entries from before it. The setting ends with the transaction, whatever happens to the connection. SQLite
has no such setting, and a row that opened the door could be left behind: there the trigger is dropped and
made again inside one IMMEDIATE transaction. Nobody else can write meanwhile, and a process that dies in
the middle leaves the trigger as it was.

On SQLite a migration that makes the table anew loses its triggers: let it run `install` again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.apps.registry import Apps
from django.db import connection, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "accounts_auditentry"
REFUSAL = "The audit trail is append-only."

_SQLITE_UPDATE = f"""
CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE}
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
"""
_SQLITE_DELETE = f"""
CREATE TRIGGER {TABLE}_no_delete BEFORE DELETE ON {TABLE}
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
"""
# INSERT OR REPLACE removes the old row without any trigger for deletions.
_SQLITE_REPLACE = f"""
CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE}
WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
"""  # noqa: S608  two constants of this module
_POSTGRES_FUNCTION = f"""
CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.at < NULLIF(current_setting('uptrends_2fa.prune_before', true), '')::timestamptz THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""
_POSTGRES_ROWS = f"""
CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE}
FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()
"""
_POSTGRES_TRUNCATE = f"""
CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE}
FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_refuse()
"""

REMOVE = {
    "sqlite": [f"DROP TRIGGER IF EXISTS {TABLE}_no_{what}" for what in ("update", "delete", "replace")],
    "postgresql": [
        f"DROP TRIGGER IF EXISTS {TABLE}_no_change ON {TABLE}",
        f"DROP TRIGGER IF EXISTS {TABLE}_no_truncate ON {TABLE}",
        f"DROP FUNCTION IF EXISTS {TABLE}_refuse()",
    ],
}
INSTALL = {
    "sqlite": [*REMOVE["sqlite"], _SQLITE_UPDATE, _SQLITE_DELETE, _SQLITE_REPLACE],
    "postgresql": [*REMOVE["postgresql"], _POSTGRES_FUNCTION, _POSTGRES_ROWS, _POSTGRES_TRUNCATE],
}
# PostgreSQL's first takes the moment, the others take nothing.
_OPEN = {
    "sqlite": f"DROP TRIGGER {TABLE}_no_delete",
    "postgresql": "SELECT set_config('uptrends_2fa.prune_before', %s, true)",
}
_CLOSE = {
    "sqlite": _SQLITE_DELETE,
    "postgresql": "SELECT set_config('uptrends_2fa.prune_before', '', true)",
}


def install(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Replaces the triggers of before; for migrations."""
    for statement in INSTALL[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def remove(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in REMOVE[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


@contextmanager
def entries_may_go(before: datetime) -> Iterator[None]:
    """The block is one transaction of its own."""
    moment = {"sqlite": (), "postgresql": (before.isoformat(),)}
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_OPEN[connection.vendor], moment[connection.vendor])
        yield
        cursor.execute(_CLOSE[connection.vendor])
