"""Required, and not enrolled: the mailed setup link."""

import re
import time
from datetime import timedelta

import pytest
from django.db.models import F
from playwright.sync_api import expect

from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import Policy
from invitations.models import Link
from tests.support.factories import PASSWORD
from tests.support.mailbox import link_in, text_of
from tests.support.phone import wrong_code


@pytest.fixture(autouse=True)
def _required(account, olga):
    account.two_factor_policy = Policy.REQUIRED
    account.save()


def let_time_pass(operator):
    """As if the last mail had gone out two minutes ago."""
    Link.objects.filter(user=operator).update(sent_at=F("sent_at") - timedelta(minutes=2))


def test_an_operator_is_stopped_and_let_in_by_the_mailed_link(person, olga, phone, mail):
    person.log_in(olga.email, path=f"{olga.get_absolute_url()}activity/")
    person.heading("Check your email")
    person.sees_not(olga.email)
    person.sees("ol•••@example.com")
    expect(person.page.get_by_role("button", name="Send again")).to_be_disabled()
    person.sees(re.compile(r"You can send it again in \d+ seconds?"))
    person.looks_well("check-email")
    letter = mail.newest_to(olga.email)
    assert "1 hour" in text_of(letter)
    person.go(olga.get_absolute_url())
    person.heading("Log in")
    person.go(link_in(letter))
    person.is_at("/setup/")
    person.looks_well("setup")
    uri = phone.scan(person.qr)
    person.type_code(wrong_code(phone), "Finish")
    person.sees("That code is not right.")
    assert phone.scan(person.qr) == uri
    finish_and_sign_in_again(person, olga, phone)


def finish_and_sign_in_again(person, olga, phone):
    person.type_code(phone.next_code(), "Finish")
    person.sees("From now on you type a code at every sign-in.")
    person.save_recovery_codes()
    person.is_at(f"{olga.get_absolute_url()}activity/")
    person.log_out()
    person.log_in(olga.email)
    person.type_code(phone.next_code(), "Verify")
    person.heading("My settings")


def test_the_link_in_another_browser_asks_for_the_password_and_works_once(new_person, olga, phone, mail):
    new_person().log_in(olga.email)
    link = link_in(mail.newest_to(olga.email))
    other = new_person()
    other.go(link)
    other.heading("Type your password")
    other.looks_well("setup-password")
    expect(other.qr).to_have_count(0)
    other.fill("Password", "wrong password")
    other.press("Go on")
    other.sees("That is not your password.")
    other.fill("Password", PASSWORD)
    other.press("Go on")
    other.set_up(phone)
    other.sees("From now on you type a code at every sign-in.")
    late = new_person()
    late.expected_statuses.add(410)
    late.go(link)
    late.heading("This link does not work any more")
    late.looks_well("dead-link")


def test_the_page_tells_by_itself_when_the_email_has_left(person, olga, mail):
    person.log_in(olga.email)
    person.sees("We have sent a link")
    letter = OutgoingMail.objects.filter(to=olga.email)
    letter.update(state=OutgoingMail.State.WAITING, tries=0)
    person.page.reload()
    person.sees("The email to ol•••@example.com is being sent.")
    person.looks_well("check-email-waiting")
    letter.update(state=OutgoingMail.State.SENT)
    person.sees("We have sent a link")


def test_a_newer_link_kills_the_older_one(person, olga, phone, mail):
    person.log_in(olga.email)
    older = link_in(mail.newest_to(olga.email))
    let_time_pass(olga)
    person.page.reload()
    person.press("Send again")
    person.sees("We have sent a link")
    newer = link_in(mail.newest_to(olga.email, 2))
    person.expected_statuses.add(410)
    person.go(older)
    person.heading("This link does not work any more")
    person.go(newer)
    person.set_up(phone)
    person.sees("From now on you type a code at every sign-in.")


def test_an_unknown_link_says_what_to_do(person):
    person.expected_statuses.add(410)
    person.go("/setup/no-such-token/")
    person.heading("This link does not work any more")


@pytest.mark.parametrize("mode", ["refuse", "hang"])
def test_a_mail_that_cannot_be_sent_is_told_within_ten_seconds_and_the_next_try_works(
    person, olga, phone, mail, mode
):
    mail.mode = mode
    person.page.set_default_timeout(15_000)
    started = time.monotonic()
    person.log_in(olga.email)
    person.sees_within("The email to ol•••@example.com could not be sent", 12)
    assert time.monotonic() - started < 10.5
    person.sees("You are not signed in yet.")
    person.looks_well(f"check-email-{mode}")
    mail.mode = "accept"
    person.press("Send again")
    person.sees("We have sent a link")
    person.go(link_in(mail.newest_to(olga.email)))
    person.set_up(phone)
    person.sees("From now on you type a code at every sign-in.")
