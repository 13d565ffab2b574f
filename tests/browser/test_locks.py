"""What is shut after too many wrong codes or passwords, or by "This was not me", and how it opens again."""

import pytest
from playwright.sync_api import expect

from operators.models import Operator
from tests.support.factories import PASSWORD, SECRET, enroll
from tests.support.mailbox import link_in
from tests.support.person import RESET, SCAN
from tests.support.phone import Phone, wrong_code
from twofactor.code_limits import FAILURES_THAT_LOCK

NEW_PASSWORD = "a fine long password"


@pytest.fixture
def phone(tmp_path, olga) -> Phone:
    """The phone with which Olga is enrolled."""
    enroll(olga)
    return Phone(tmp_path, SECRET)


def test_the_hundredth_wrong_code_locks_until_an_administrator_resets(person, at_admin, olga, phone, mail):
    Operator.objects.filter(pk=olga.pk).update(code_failures=FAILURES_THAT_LOCK - 1, guessing_told=True)
    person.log_in(olga.email)
    person.type_code(wrong_code(phone), "Verify")
    person.sees("There were too many wrong codes, so none is accepted any more.")
    person.looks_well("code-locked")
    assert "Too many wrong codes" in mail.newest_to(olga.email)["Subject"]
    person.fill("6-digit code", "")
    person.type_code(phone.next_code(), "Verify")
    person.sees("so none is accepted any more")
    at_admin.go(olga.get_absolute_url())
    at_admin.sees("Locked: 100 wrong codes in a row were typed.")
    at_admin.looks_well("operator-locked")
    at_admin.follow(RESET)
    at_admin.fill("Reason", "Locked")
    at_admin.page.get_by_label("How did you make sure").select_option("in person")
    at_admin.press("Reset")
    at_admin.sees("is reset")
    person.log_in(olga.email)
    person.heading("My settings")
    expect(person.page.get_by_role("link", name=SCAN)).to_be_visible()


def test_a_wait_after_wrong_codes_is_said_in_full(person, olga, phone):
    Operator.objects.filter(pk=olga.pk).update(code_failures=12)
    person.log_in(olga.email)
    person.type_code(wrong_code(phone), "Verify")
    person.sees("Too many wrong codes. Try again in 4 minutes.")
    person.looks_well("code-wait")


def change_password(person, operator):
    """Do what a notice tells of."""
    person.go(operator.get_absolute_url())
    person.follow("Change password")
    person.fill("Current password", PASSWORD)
    person.fill("New password", NEW_PASSWORD)
    person.fill("New password again", NEW_PASSWORD)
    person.press("Change password")
    person.sees("Your password is changed.")


def frozen_from_a_mail(person, operator, mail):
    person.go(link_in(mail.newest_to(operator.email)))
    person.press("Freeze the sign-in")
    person.heading("The sign-in is frozen")


def test_this_was_not_me_asks_once_and_freezes(person, at_olga, olga, admin, mail):
    change_password(at_olga, olga)
    person.go(link_in(mail.newest_to(olga.email)))
    person.heading("This was not me")
    person.looks_well("not-me")
    at_olga.page.reload()
    at_olga.heading("My settings")
    person.press("Freeze the sign-in")
    person.heading("The sign-in is frozen")
    person.looks_well("not-me-done")
    at_olga.page.reload()
    at_olga.heading("Log in")
    at_olga.log_in(olga.email, NEW_PASSWORD)
    at_olga.sees("That email and password do not match.")
    assert "frozen" in mail.newest_to(admin.email)["Subject"]


def test_an_administrator_frees_a_sign_in_and_the_old_notice_freezes_no_more(at_admin, at_olga, olga, mail):
    change_password(at_olga, olga)
    link = link_in(mail.newest_to(olga.email))
    frozen_from_a_mail(at_olga, olga, mail)
    at_admin.go(olga.get_absolute_url())
    at_admin.sees("The sign-in is frozen")
    at_admin.looks_well("operator-frozen")
    at_admin.press("Free the sign-in")
    at_admin.sees("Olga Operator can sign in again.")
    at_olga.log_in(olga.email, NEW_PASSWORD)
    at_olga.heading("My settings")
    at_olga.expected_statuses.add(410)
    at_olga.go(link)
    at_olga.heading("This link does not work any more")
    at_olga.looks_well("not-me-dead")


def test_a_frozen_operator_opens_it_with_a_new_password_and_a_code(person, olga, phone, at_olga, mail):
    at_olga.open_session(Operator.objects.complete().get(pk=olga.pk))
    change_password(at_olga, olga)
    frozen_from_a_mail(person, olga, mail)
    person.follow("Choose a new password")
    person.fill("Email", olga.email)
    person.press("Send link")
    person.sees("a link is on its way")
    person.go(link_in(mail.newest_to(olga.email, 2)))
    person.looks_well("password-reset-frozen")
    person.fill("New password", PASSWORD + " again")
    person.fill("New password again", PASSWORD + " again")
    person.fill("6-digit code", phone.next_code())
    person.press("Change password")
    person.heading("Log in")
    person.log_in(olga.email, PASSWORD + " again")
    person.type_code(phone.next_code(olga), "Verify")
    person.heading("My settings")


def test_too_many_wrong_passwords_are_said_with_the_wait(person, olga):
    for _ in range(10):
        person.log_in(olga.email, "a wrong password")
        person.sees("That email and password do not match.")
    person.log_in(olga.email)
    person.sees("Too many tries. Wait 15 minutes, then log in")
    person.looks_well("login-wait")


def test_a_buttons_own_address_has_a_page(at_olga):
    at_olga.expected_statuses.add(405)
    at_olga.go("/recovery-codes/new/")
    at_olga.heading("This address has no page")
    at_olga.looks_well("405")


def test_a_button_pressed_after_the_session_ended_leads_back_after_the_login(at_admin, admin):
    at_admin.go("/account/settings/")
    at_admin.choose("Required")
    at_admin.context.clear_cookies(name=at_admin.cookie("sessionid"))
    at_admin.press("Save")
    at_admin.heading("Log in")
    at_admin.looks_well("login-interrupted")
    at_admin.fill("Email", admin.email)
    at_admin.fill("Password", PASSWORD)
    at_admin.press("Log in")
    at_admin.is_at("/account/settings/")
    expect(at_admin.page.get_by_role("radio", name="Optional")).to_be_checked()
