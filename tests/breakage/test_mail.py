"""The mail server refuses or says nothing: what has nothing to do with it goes on."""

import time

import pytest

from tests.support import journeys


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
