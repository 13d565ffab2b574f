"""The mail server refuses or says nothing, or Redis is gone: what has nothing to do with it goes on."""

import socket
import time

import pytest

from tests.breakage import journeys
from tests.browser.server import serve


# How a setup link fares at sign-in with a server that says nothing is seen in the browser.
@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, "refuse") for kind in journeys.MAILING]
    + [(journeys.Invitation, "hang"), (journeys.ResetMail, "hang")],
)
def test_a_mail_that_does_not_leave_holds_nobody_up_and_is_made_good(begin, mail, kind, mode):
    step = begin(kind)
    mail.mode = mode
    started = time.monotonic()
    page = step.send()
    assert time.monotonic() - started < 12
    assert page.status == 200
    assert not mail.to(step.address())
    if not kind.starts_signed_in:
        assert not step.visitor.is_in()
    mail.mode = "accept"
    step.try_again()


def test_an_administrator_is_told_that_the_invitation_did_not_leave(begin, mail):
    mail.mode = "refuse"
    assert "could not be sent" in begin(journeys.Invitation).send().text


def test_asking_for_a_new_password_does_not_tell_whether_the_mail_left(begin, mail):
    fine = begin(journeys.ResetMail)
    sent = fine.send().text.replace(fine.address(), "")
    mail.mode = "refuse"
    unlucky = begin(journeys.ResetMail)
    assert unlucky.send().text.replace(unlucky.address(), "") == sent


@pytest.fixture
def dead_port():
    """A port that nobody listens at, and that nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_without_redis_everybody_still_gets_in_by_the_same_ways(server, mail, dead_port, tmp_path):
    gone = f"redis://127.0.0.1:{dead_port}/0"
    with serve(tmp_path, server.database_url, mail.port, CACHE_URL=gone, GUNICORN_WORKERS="1") as poor:
        for kind in (journeys.Password, journeys.Code, journeys.Popup, journeys.SetupLink):
            step = kind(poor.url, mail)
            assert step.send().status == 200
            assert step.visitor.is_in()
