"""The database is lost in the middle of each step: the product's own 503, nobody is in, a retry works.

PostgreSQL refuses connections and ends those there are, SQLite's file is locked by somebody else; or the disk
is full.
"""

import pytest

from tests.support import journeys
from tests.support.factories import make_account, make_operator
from tests.support.faults import FAULTS, kill_workers
from tests.support.visitor import Visitor


def assert_unavailable(page):
    assert page.status == 503
    assert "Not available for a moment" in page.text
    assert page.headers["Retry-After"] == "60"
    assert page.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Log out" not in page.text
    assert not any("session" in line for line in page.headers.get_all("Set-Cookie", []))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", journeys.ALL)
def test_a_lost_database_is_a_503_that_changes_nothing_and_a_retry_works(begin, database, kind, fault):
    step = begin(kind)
    with database.faults[fault]():
        assert_unavailable(step.send())
        if not kind.starts_signed_in:
            assert not step.visitor.is_in()
    assert not step.is_done()
    step.try_again()


def test_a_server_that_starts_without_its_database_answers_503_until_it_is_there(server, database):
    operator = make_operator(make_account())
    somebody, stranger = Visitor(server.url), Visitor(server.url)
    somebody.open_session(operator)
    assert somebody.is_in()
    with database.away():
        for path in ("/", "/operators/", "/nowhere/", f"/operators/{operator.pk}/"):
            assert_unavailable(somebody.get(path))
        assert stranger.get("/login/").status == 200
        assert_unavailable(stranger.post("/login/", email=operator.email, password="wrong"))
        assert_unavailable(stranger.get("/setup/no-such-token/"))
    assert somebody.is_in()
    assert stranger.get("/setup/no-such-token/").status == 410


def test_a_worker_that_starts_during_an_outage_is_well_after_it(server, database):
    somebody = Visitor(server.url)
    somebody.open_session(make_operator(make_account()))
    with database.faults[FAULTS[0]]():
        kill_workers(server)
        somebody.get("/")
    assert somebody.get("/").status == 200
    assert somebody.is_in()


def test_an_outage_is_logged_once_and_without_what_was_typed(begin, server, database):
    step = begin(journeys.Password)
    before = len(server.log.read_text())
    with database.away():
        assert step.send().status == 503
    said = server.log.read_text()[before:]
    assert said.count("Service Unavailable: /login/") == 1
    assert "OperationalError" in said
    assert step.operator.email not in said
