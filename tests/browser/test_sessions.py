"""Where you are signed in, trusted browsers, and ending sessions after a rise to Required."""

import pytest

from accounts.models import Account
from tests.support.factories import SECRET, enroll
from tests.support.phone import Phone

PAGE = "/my-settings/sessions/"
BOX = "Do not ask for a code in this browser for 30 days"
LINK = "See where you are signed in"


@pytest.fixture
def phone(tmp_path, olga) -> Phone:
    """The phone with which Olga is enrolled."""
    enroll(olga)
    return Phone(tmp_path, SECRET)


def allow_trust(account: Account) -> None:
    account.trusted_browser_days = 30
    account.save()


def test_somebody_sees_where_they_are_signed_in_and_ends_one_session(new_person, olga):
    here, elsewhere = new_person(), new_person()
    elsewhere.log_in(olga.email)
    elsewhere.heading("My settings")
    here.log_in(olga.email)
    here.heading("My settings")
    here.looks_well("my-settings")
    here.follow(LINK)
    here.is_at(PAGE)
    here.heading("Where you are signed in")
    here.sees("Chrome on Linux")
    here.sees("127.0.0.1")
    here.looks_well("sessions")
    here.page.get_by_role("button", name="End the session in Chrome on Linux, 127.0.0.1").click()
    here.sees("The session in Chrome on Linux has ended.")
    here.looks_well("sessions-ended")
    elsewhere.page.reload()
    elsewhere.heading("Log in")


def test_somebody_ends_all_other_sessions(new_person, olga):
    here, second, third = new_person(), new_person(), new_person()
    for person in (second, third, here):
        person.log_in(olga.email)
    here.go(PAGE)
    here.press("End all others")
    here.sees("2 other sessions have ended.")
    for person in (second, third):
        person.go(PAGE)
        person.heading("Log in")
    here.page.reload()
    here.heading("Where you are signed in")


def test_a_trusted_browser_is_asked_for_no_code_until_it_is_removed(person, account, olga, phone):
    allow_trust(account)
    person.log_in(olga.email)
    person.heading("Type your code")
    person.looks_well("code-trust")
    person.page.get_by_label(BOX).check()
    person.type_code(phone.next_code(), "Verify")
    person.heading("My settings")
    person.log_out()
    person.log_in(olga.email)
    person.heading("My settings")
    person.follow(LINK)
    person.sees("In these the password is asked for, but no code.")
    person.looks_well("sessions-trusted")
    person.page.get_by_role("button", name="Remove Chrome on Linux, 127.0.0.1").click()
    person.sees("Chrome on Linux is not trusted any more: the next sign-in there asks for a code.")
    person.sees("None: every sign-in asks for a code.")
    person.log_out()
    person.log_in(olga.email)
    person.heading("Type your code")


def test_an_administrator_allows_trusted_browsers(at_admin, account):
    at_admin.go("/account/settings/")
    at_admin.fill("Days without a code", "91")
    at_admin.page.locator("form").evaluate_all("forms => forms.forEach(form => { form.noValidate = true })")
    at_admin.press("Save trusted browsers")
    at_admin.sees("Type a whole number from 1 to 90, or leave the field empty.")
    at_admin.looks_well("settings-trust-refused")
    at_admin.fill("Days without a code", "30")
    at_admin.press("Save trusted browsers")
    at_admin.sees("Operators may now trust a browser for 30 days.")
    at_admin.looks_well("settings-trust")
    account.refresh_from_db()
    assert account.trusted_browser_days == 30


def test_a_rise_to_required_can_end_the_sessions_without_a_second_factor(at_admin, admin, at_olga, olga):
    at_olga.go(olga.get_absolute_url())
    at_admin.go("/account/settings/")
    at_admin.sees_not("Signed in without two-factor authentication")
    enroll(admin)
    at_admin.choose("Required")
    at_admin.press("Save")
    at_admin.press("Confirm")
    at_admin.sees("1 operator is signed in without the two-factor authentication")
    at_admin.looks_well("settings-unprotected")
    at_admin.follow("End this 1 session")
    at_admin.sees("1 session ends at once.")
    at_admin.looks_well("end-unprotected")
    at_admin.press("End this 1 session")
    at_admin.sees("1 session has ended.")
    at_admin.sees_not("Signed in without two-factor authentication")
    at_olga.page.reload()
    at_olga.heading("Log in")
