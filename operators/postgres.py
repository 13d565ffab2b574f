"""Indexes that only PostgreSQL has, for migrations.

Search looks for part of a name's key (accounts.search_keys) or of an address. Django writes `icontains` as
UPPER(column::text) LIKE UPPER(pattern), so the trigrams must be of that same expression. A text of fewer than
three characters has no trigrams, and is found by reading the rows.
"""

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.utils import ProgrammingError

TABLE = "operators_operator"
INSTALL = [
    f"CREATE INDEX operator_name_part ON {TABLE} USING gin (upper(name::text) gin_trgm_ops)",
    f"CREATE INDEX operator_email_part ON {TABLE} USING gin (upper(email::text) gin_trgm_ops)",
    # Those who never logged in are last in both orders; SQLite reads its one index backwards for that.
    f"CREATE INDEX operator_last_login_down ON {TABLE} (account_id, last_login DESC NULLS LAST, id DESC)",
]
REMOVE = [
    "DROP INDEX operator_last_login_down",
    "DROP INDEX operator_email_part",
    "DROP INDEX operator_name_part",
]
BY_KEY = [
    "DROP INDEX operator_name_part",
    f"CREATE INDEX operator_name_key_part ON {TABLE} USING gin (name_key gin_trgm_ops)",
]
BY_NAME = ["DROP INDEX operator_name_key_part", INSTALL[0]]
HOW_TO = (
    "The database lacks the extension pg_trgm, and this role may not create it: {reason}\n"
    "Let a superuser run, once, in this database: CREATE EXTENSION pg_trgm; then migrate again. "
    "See “Search in a large account” in docs/deployment.md."
)


class ExtensionMissingError(Exception):
    """pg_trgm, which the search needs, is not there, and this role may not create it."""


def install(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    try:
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm", params=None)
    except ProgrammingError as error:
        raise ExtensionMissingError(HOW_TO.format(reason=str(error).partition("\n")[0])) from error
    for statement in INSTALL:
        schema_editor.execute(statement, params=None)


def remove(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # The extension stays: somebody else may use it.
    _run(REMOVE, schema_editor)


def search_by_key(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _run(BY_KEY, schema_editor)


def search_by_name(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _run(BY_NAME, schema_editor)


def _run(statements: list[str], schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for statement in statements:
            schema_editor.execute(statement, params=None)
