"""Resetting two-factor authentication, for others and for oneself."""

import pytest
from playwright.sync_api import expect

from accounts.policy import Policy
from tests.support.factories import PASSWORD, SECRET, enroll
from tests.support.mailbox import link_in
from tests.support.person import RESET, SCAN
from tests.support.phone import Phone, wrong_code


@pytest.fixture
def phone(tmp_path, olga):
    """The phone with which Olga is enrolled."""
    enroll(olga)
    return Phone(tmp_path, SECRET)


def say_why(administrator):
    administrator.fill("Reason", "Lost the phone")
    administrator.page.get_by_label("How did you make sure").select_option("in person")
    administrator.press("Reset")


def test_an_administrator_resets_an_operator_who_is_signed_out_and_told(at_admin, at_olga, olga, phone, mail):
    at_olga.open_session(type(olga).objects.complete().get(pk=olga.pk))
    at_olga.go(olga.get_absolute_url())
    at_olga.heading("My settings")
    at_admin.go(olga.get_absolute_url())
    at_admin.follow(RESET)
    expect(at_admin.dialog).to_contain_text("all open sessions end")
    at_admin.looks_well("reset")
    say_why(at_admin)
    at_admin.sees("Two-factor authentication of Olga Operator is reset.")
    expect(at_admin.page.get_by_role("link", name=SCAN)).to_be_visible()
    assert "reset" in mail.newest_to(olga.email)["Subject"]
    at_olga.page.reload()
    at_olga.heading("Log in")
    at_olga.log_in(olga.email)
    at_olga.heading("My settings")
    expect(at_olga.page.get_by_role("link", name=SCAN)).to_be_visible()


@pytest.mark.usefixtures("phone", "mail")
def test_after_a_reset_a_required_operator_gets_a_setup_link(person, at_admin, account, olga):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    at_admin.go(olga.get_absolute_url())
    at_admin.follow(RESET)
    say_why(at_admin)
    at_admin.sees("is reset")
    person.log_in(olga.email)
    person.heading("Check your email")


@pytest.mark.usefixtures("phone")
def test_the_setup_link_can_go_out_with_the_reset(person, at_admin, account, olga, mail):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    at_admin.go(olga.get_absolute_url())
    at_admin.follow(RESET)
    at_admin.page.get_by_label("Send it now; it works for one hour").check()
    say_why(at_admin)
    at_admin.sees(f"A setup link is on its way to {olga.email}")
    person.go(link_in(mail.newest_to(olga.email, 2)))
    person.heading("Type your password")


@pytest.mark.usefixtures("phone", "mail")
def test_a_reset_ends_waiting_sign_ins_and_unspent_links(person, at_admin, olga):
    person.log_in(olga.email)
    person.heading("Type your code")
    at_admin.go(olga.get_absolute_url())
    at_admin.follow(RESET)
    say_why(at_admin)
    at_admin.sees("is reset")
    person.type_code("123456", "Verify")
    person.heading("Log in")
    person.sees("Log in again to go on.")


def test_an_operator_resets_the_own_one_only_with_a_code(at_olga, olga, phone, mail):
    at_olga.open_session(type(olga).objects.complete().get(pk=olga.pk))
    at_olga.go(olga.get_absolute_url())
    at_olga.follow(RESET)
    at_olga.dialog.get_by_label("Password").fill(PASSWORD)
    at_olga.type_code(wrong_code(phone), "Reset")
    expect(at_olga.dialog).to_contain_text("That code is not right")
    at_olga.looks_well("reset-self")
    at_olga.dialog.get_by_label("Password").fill(PASSWORD)
    at_olga.type_code(phone.next_code(), "Reset")
    at_olga.sees("Your two-factor authentication is reset.")
    expect(at_olga.page.get_by_role("link", name=SCAN)).to_be_visible()
