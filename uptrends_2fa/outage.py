"""Tells a database that is out of service from a mistake in our own statement.

Lost connections, a server that is down or starting, a full or failing disk, a lock never released: these
pass, and a retry works. A wrong statement or a violated constraint does not, and stays an error.
"""

import sqlite3

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError

# SQLite has one class of error for almost everything. A missing table and wrong SQL have this code; a file
# that is damaged or no database raises a plain DatabaseError.
STATEMENT_WRONG = sqlite3.SQLITE_ERROR
FILE_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# PostgreSQL's SQLSTATE after a failover, on a connection to the read-only server.
READ_ONLY = "25006"


def is_outage(error: BaseException | None) -> bool:
    cause = error.__cause__ if isinstance(error, DatabaseError | InterfaceError) else None
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(error, InterfaceError):
        return True
    if isinstance(error, OperationalError):
        return code != STATEMENT_WRONG
    if isinstance(error, InternalError):
        return getattr(cause, "sqlstate", None) == READ_ONLY
    return code is not None and code & 0xFF in FILE_UNREADABLE
