"""Is what the database has promised still there after a power cut, and is nothing waited for without end?"""

from django.db import connection


def asked(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0])


def test_a_commit_waits_for_the_disk_so_that_no_spent_code_comes_back(db):
    if connection.vendor == "sqlite":
        assert asked("PRAGMA synchronous") == "2"  # FULL
    else:
        assert asked("SHOW synchronous_commit") == "on"


def test_a_lock_is_waited_for_15_seconds(db):
    lite = connection.vendor == "sqlite"
    assert asked("PRAGMA busy_timeout" if lite else "SHOW lock_timeout") == ("15000" if lite else "15s")
