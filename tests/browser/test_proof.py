"""A quarter of an hour after the sign-in, sensitive acts ask again, and then go on with what was typed."""

import pytest
from playwright.sync_api import expect

from tests.support.factories import PASSWORD, SECRET, enroll
from tests.support.person import RESET, SCAN
from tests.support.phone import Phone

ASKS = "Confirm that it is you"


@pytest.fixture
def late_admin(at_admin):
    """An administrator who signed in a while ago."""
    at_admin.wait_a_quarter_of_an_hour()
    return at_admin


@pytest.fixture
def late_olga(at_olga):
    """Olga, who signed in a while ago."""
    at_olga.wait_a_quarter_of_an_hour()
    return at_olga


def confirm_setting(person, label):
    person.go("/account/settings/")
    person.choose(label)
    person.press("Save")
    person.press("Confirm")


def test_the_accounts_setting_is_saved_after_the_proof(late_admin, account):
    confirm_setting(late_admin, "Disabled")
    late_admin.heading(ASKS)
    expect(late_admin.page.get_by_label("Password")).to_be_focused()
    late_admin.looks_well("proof")
    late_admin.fill("Password", "a wrong password")
    late_admin.press("Go on")
    late_admin.sees("That is not your password. Try again.")
    expect(late_admin.page.get_by_label("Password")).to_be_focused()
    late_admin.looks_well("proof-wrong")
    late_admin.fill("Password", PASSWORD)
    late_admin.press("Go on")
    late_admin.sees(f"Two-factor authentication is now Disabled for {account.name}.")
    confirm_setting(late_admin, "Optional")
    late_admin.sees("is now Optional")


def test_whoever_is_enrolled_types_a_code_too(new_person, admin, account, tmp_path):
    enroll(admin)
    person = new_person()
    person.open_session(type(admin).objects.complete().get(pk=admin.pk))
    person.wait_a_quarter_of_an_hour()
    confirm_setting(person, "Required")
    person.heading(ASKS)
    person.sees("Or one of your recovery codes.")
    person.looks_well("proof-code")
    person.fill("Password", PASSWORD)
    person.type_code(Phone(tmp_path, SECRET).next_code(), "Go on")
    person.sees("is now Required")


def test_cancel_leads_back_and_saves_nothing(late_admin, account):
    confirm_setting(late_admin, "Disabled")
    late_admin.heading(ASKS)
    late_admin.follow("Cancel")
    late_admin.go("/account/settings/")
    expect(late_admin.page.get_by_role("radio", name="Optional")).to_be_checked()


def test_a_popup_asks_inside_itself_and_then_shows_the_qr_code(late_olga, olga, phone):
    late_olga.go(olga.get_absolute_url())
    late_olga.follow(SCAN)
    expect(late_olga.dialog).to_contain_text(ASKS)
    expect(late_olga.dialog.get_by_label("Password")).to_be_focused()
    late_olga.looks_well("proof-popup")
    late_olga.fill("Password", "a wrong password")
    late_olga.press("Go on")
    expect(late_olga.dialog).to_contain_text("That is not your password.")
    expect(late_olga.dialog.get_by_label("Password")).to_be_focused()
    late_olga.looks_well("proof-popup-wrong")
    late_olga.fill("Password", PASSWORD)
    late_olga.press("Go on")
    expect(late_olga.dialog.get_by_label("6-digit code")).to_be_focused()
    late_olga.set_up(phone)
    late_olga.sees("From now on you type a code")


@pytest.mark.parametrize("how", ["Cancel", "Escape"])
def test_closing_the_popup_that_asks_gives_the_focus_back(late_olga, olga, how):
    late_olga.go(olga.get_absolute_url())
    late_olga.follow(SCAN)
    expect(late_olga.dialog).to_contain_text(ASKS)
    if how == "Cancel":
        late_olga.follow("Cancel")
    else:
        late_olga.page.keyboard.press("Escape")
    expect(late_olga.dialog).to_be_hidden()
    expect(late_olga.page.get_by_role("link", name=SCAN)).to_be_focused()


def test_the_reason_of_a_reset_is_kept_through_a_wrong_and_a_right_proof(at_admin, olga, mail):
    enroll(olga)
    at_admin.go(olga.get_absolute_url())
    at_admin.follow(RESET)
    at_admin.fill("Reason", "Lost the phone")
    at_admin.page.get_by_label("How did you make sure").select_option("in person")
    at_admin.wait_a_quarter_of_an_hour()
    at_admin.press("Reset")
    expect(at_admin.dialog).to_contain_text(ASKS)
    at_admin.dialog.get_by_label("Password").fill("a wrong password")
    at_admin.press("Go on")
    expect(at_admin.dialog).to_contain_text("That is not your password.")
    at_admin.dialog.get_by_label("Password").fill(PASSWORD)
    at_admin.press("Go on")
    at_admin.sees("Two-factor authentication of Olga Operator is reset.")
    at_admin.go("/account/audit/")
    at_admin.sees("Lost the phone")
    mail.newest_to(olga.email)


def test_the_reset_popup_asks_first_and_then_begins_with_the_reason(late_admin, olga):
    enroll(olga)
    late_admin.go(olga.get_absolute_url())
    late_admin.follow(RESET)
    expect(late_admin.dialog).to_contain_text(ASKS)
    late_admin.dialog.get_by_label("Password").fill(PASSWORD)
    late_admin.press("Go on")
    expect(late_admin.dialog.get_by_label("Reason")).to_be_focused()
