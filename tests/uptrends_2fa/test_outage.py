"""Which failures of the database are an outage (503, try again), and which are mistakes (500)?"""

import sqlite3
from pathlib import Path

import psycopg
import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.test import Client

from operators.backends import PasswordBackend
from uptrends_2fa.outage import is_outage

LOGIN = {"email": "olga@example.com", "password": "wrong"}


def caused(error, cause):
    error.__cause__ = cause
    return error


def lite(number: int) -> sqlite3.Error:
    cause = sqlite3.OperationalError()
    cause.sqlite_errorcode = number
    return cause


OUTAGES = {
    "server down": OperationalError("connection refused"),
    "connection closed": InterfaceError("the connection is closed"),
    "locked": caused(OperationalError(), lite(sqlite3.SQLITE_BUSY)),
    "disk full": caused(OperationalError(), lite(sqlite3.SQLITE_FULL)),
    "disk fails": caused(OperationalError(), lite(sqlite3.SQLITE_IOERR_WRITE)),
    "cannot be opened": caused(OperationalError(), lite(sqlite3.SQLITE_CANTOPEN)),
    "no database": caused(DatabaseError(), lite(sqlite3.SQLITE_NOTADB)),
    "damaged": caused(DatabaseError(), lite(sqlite3.SQLITE_CORRUPT_INDEX)),
    "shut down": caused(OperationalError(), psycopg.errors.AdminShutdown()),
    "disk of the server full": caused(OperationalError(), psycopg.errors.DiskFull()),
    "only reads": caused(InternalError(), psycopg.errors.ReadOnlySqlTransaction()),
}
MISTAKES = {
    "SQL": caused(OperationalError("no such table"), lite(sqlite3.SQLITE_ERROR)),
    "statement": ProgrammingError(),
    "rule": IntegrityError(),
    "value": DataError(),
    "transaction": caused(InternalError(), psycopg.errors.InFailedSqlTransaction()),
    "other": ValueError(),
    "nothing": None,
}


@pytest.mark.parametrize("what", OUTAGES)
def test_an_outage(what):
    assert is_outage(OUTAGES[what])


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake(what):
    assert not is_outage(MISTAKES[what])


@pytest.mark.parametrize("sql", ["SELECT 1 FROM no_such_table", "SELEKT 1", "SELECT no_such_column"])
def test_wrong_sql_is_a_mistake_on_every_database(db, sql):
    with pytest.raises(DatabaseError) as raised, connection.cursor() as cursor:
        cursor.execute(sql)
    assert not is_outage(raised.value)


def test_a_file_that_is_no_database_is_an_outage(tmp_path: Path):
    """SQLite's own error, as Django would pass it on."""
    path = tmp_path / "letter"
    path.write_bytes(b"Dear Sir or Madam, " * 100)
    with pytest.raises(sqlite3.DatabaseError) as raised:
        sqlite3.connect(path).execute("SELECT * FROM sqlite_master")
    assert is_outage(caused(DatabaseError(), raised.value))


@pytest.fixture
def failing(monkeypatch):
    """Lets every look for an operator fail."""

    def fail_with(error):
        def fail(*_arguments):
            raise error

        monkeypatch.setattr(PasswordBackend, "find", fail)
        return Client(raise_request_exception=False)

    return fail_with


def test_an_outage_is_a_503_that_says_what_to_do_and_when(db, failing):
    answer = failing(OperationalError("server closed the connection")).post("/login/", LOGIN)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "Wait a minute, then reload the page." in answer.text
    assert not answer.cookies.get("sessionid")


def test_an_outage_is_logged_once(db, failing, caplog):
    failing(OperationalError("server closed the connection")).post("/login/", LOGIN)
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == "Service Unavailable: /login/"
    assert record.exc_info


@pytest.mark.parametrize("error", [ProgrammingError("mistake"), IntegrityError("mistake"), ValueError()])
def test_a_mistake_stays_a_500(db, failing, error):
    answer = failing(error).post("/login/", LOGIN)
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "Retry-After" not in answer.headers


def test_a_session_that_cannot_be_loaded_is_a_503_without_another_query(
    operator_browser, monkeypatch, django_assert_num_queries
):
    def fail(_session):
        raise OperationalError("connection refused")

    monkeypatch.setattr("operators.signin.session_store.SessionStore.load", fail)
    operator_browser.raise_request_exception = False
    with django_assert_num_queries(0):
        for path in ("/", "/operators/", "/nowhere/", "/login/"):
            answer = operator_browser.get(path)
            assert answer.status_code == 503, path
            assert "Log out" not in answer.text


def test_a_session_that_cannot_be_saved_is_a_503(operator, monkeypatch):
    def fail(_session, **_options):
        raise OperationalError("disk is full")

    monkeypatch.setattr("operators.signin.session_store.SessionStore.save", fail)
    browser = Client(raise_request_exception=False)
    answer = browser.post("/login/", {"email": operator.email, "password": "correct horse battery"})
    assert answer.status_code == 503
    assert "sessionid" not in browser.cookies


def test_in_a_popup_the_503_says_to_try_again(db, failing):
    browser = failing(OperationalError())
    answer = browser.post("/login/", LOGIN, headers={"HX-Request": "true"})
    assert answer.status_code == 503
    assert "then try again" in answer.text
    assert "<html" not in answer.text
