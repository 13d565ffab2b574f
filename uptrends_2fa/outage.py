"""Is the database out of service, as opposed to asked for something wrong?

Lost connections, a server that is down or starting, a full or failing disk, a lock that is never given
back: these pass, and a retry works. A wrong statement or a broken rule does not, and stays an error.
"""

import sqlite3

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError

# SQLite knows one class of error for almost everything, a missing table and wrong SQL included; those
# have this code. A file that is no database, or a damaged one, comes as a plain DatabaseError.
STATEMENT_WRONG = sqlite3.SQLITE_ERROR
FILE_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# PostgreSQL, SQLSTATE 25006: after a failover, connected to the server that only reads.
READ_ONLY = "25006"


def is_outage(error: BaseException | None) -> bool:
    """Whether the database could not do its work, and may be able to later."""
    cause = error.__cause__ if isinstance(error, DatabaseError | InterfaceError) else None
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(error, InterfaceError):
        return True
    if isinstance(error, OperationalError):
        return code != STATEMENT_WRONG
    if isinstance(error, InternalError):
        return getattr(cause, "sqlstate", None) == READ_ONLY
    return code is not None and code & 0xFF in FILE_UNREADABLE
