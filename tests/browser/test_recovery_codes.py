"""Recovery codes: seen once, saved, used, and made anew."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from operators.models import Operator
from tests.support.factories import RECOVERY_CODES, SECRET, enroll
from tests.support.mailbox import text_of
from tests.support.person import HEIGHT, NARROW, SCAN, Person
from tests.support.phone import Phone
from twofactor import recovery
from twofactor.models import Authenticator

BOX = "I have saved these codes"
LOST = "Lost your phone?"
USE_ONE = "Use a recovery code"
MAKE_NEW = "Make new recovery codes"


@pytest.fixture
def phone(tmp_path, olga) -> Phone:
    """The phone with which Olga is enrolled; she has saved her recovery codes."""
    enroll(olga)
    return Phone(tmp_path, SECRET)


def set_up(person: Person, operator: Operator, phone: Phone) -> None:
    """Enroll from the popup, up to the page with the codes."""
    person.go(operator.get_absolute_url())
    person.follow(SCAN)
    person.set_up(phone)
    person.heading("Recovery codes")


def shown(person: Person) -> list[str]:
    return person.page.locator(".recovery-codes li").all_inner_texts()


def leave_codes(operator: Operator, number: int, **fields: object) -> None:
    hashes = recovery.hashes_of(RECOVERY_CODES[:number], SECRET)
    assert Authenticator.objects.filter(user=operator).update(recovery_hashes=hashes, **fields)


def sign_in_with_recovery_code(person: Person, operator: Operator, code: str) -> None:
    person.log_in(operator.email)
    person.page.get_by_text(LOST).click()
    person.follow(USE_ONE)
    person.fill("Recovery code", code)
    person.press("Verify")


def test_a_reload_shows_the_codes_again_until_they_are_saved(at_olga, olga, tmp_path):
    set_up(at_olga, olga, Phone(tmp_path))
    codes = shown(at_olga)
    assert len(set(codes)) == recovery.COUNT
    at_olga.page.reload()
    assert shown(at_olga) == codes
    at_olga.save_recovery_codes()
    at_olga.go("/recovery-codes/")
    at_olga.sees("You have 10 recovery codes left.")
    at_olga.sees_not(codes[0])
    at_olga.looks_well("recovery-codes-saved")


def test_the_codes_can_be_copied_downloaded_and_printed(at_olga, olga, tmp_path):
    set_up(at_olga, olga, Phone(tmp_path))
    codes = shown(at_olga)
    at_olga.context.grant_permissions(["clipboard-read", "clipboard-write"])
    at_olga.press("Copy")
    expect(at_olga.page.get_by_role("button", name="Copied")).to_be_visible()
    assert at_olga.page.evaluate("navigator.clipboard.readText()").split() == codes
    with at_olga.page.expect_download() as download:
        at_olga.press("Download")
    assert download.value.suggested_filename == "recovery-codes.txt"
    text = Path(download.value.path()).read_text()
    assert olga.email in text
    assert all(code in text for code in codes)
    at_olga.page.evaluate("window.print = () => { document.title = 'printed'; }")
    at_olga.press("Print")
    expect(at_olga.page).to_have_title("printed")


def test_on_paper_there_are_the_codes_and_no_buttons(at_olga, olga, tmp_path):
    set_up(at_olga, olga, Phone(tmp_path))
    at_olga.page.emulate_media(media="print")
    expect(at_olga.page.locator(".recovery-codes")).to_be_visible()
    expect(at_olga.page.get_by_text(olga.email)).to_be_visible()
    for name in ("Copy", "Print", "Go on"):
        expect(at_olga.page.get_by_role("button", name=name, exact=True)).to_be_hidden()


def test_nobody_goes_on_without_the_tick(at_olga, olga, tmp_path):
    set_up(at_olga, olga, Phone(tmp_path))
    codes = shown(at_olga)
    at_olga.page.locator("form").evaluate_all("forms => forms.forEach(form => { form.noValidate = true })")
    at_olga.press("Go on")
    at_olga.sees("Save the codes first, then tick the box.")
    expect(at_olga.page.get_by_label(BOX)).to_be_focused()
    assert shown(at_olga) == codes
    at_olga.looks_well("recovery-codes-refused")


def test_a_recovery_code_signs_in_once_and_is_told_by_email(person, olga, phone, mail):
    person.log_in(olga.email)
    person.page.get_by_text(LOST).click()
    person.looks_well("code-lost-phone")
    person.follow(USE_ONE)
    expect(person.page.get_by_label("Recovery code")).to_be_focused()
    person.looks_well("recover")
    person.fill("Recovery code", RECOVERY_CODES[0].lower().replace("-", " "))
    person.press("Verify")
    person.heading("My settings")
    assert "9 recovery codes are left." in text_of(mail.newest_to(olga.email))
    person.log_out()
    sign_in_with_recovery_code(person, olga, RECOVERY_CODES[0])
    person.sees("That recovery code is not right, or it was used before.")
    person.looks_well("recover-wrong")
    person.page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    field = person.page.get_by_label("Recovery code")
    assert field.evaluate("field => field.scrollWidth - field.clientWidth") == 0


def test_whoever_left_before_saving_is_reminded_and_makes_new_codes(person, olga, phone):
    leave_codes(olga, 10, recovery_saved_at=None)
    person.log_in(olga.email)
    person.type_code(phone.next_code(), "Verify")
    person.heading("Save recovery codes")
    person.sees("You have not saved any recovery codes yet.")
    person.looks_well("recovery-reminder")
    person.press(MAKE_NEW)
    codes = person.save_recovery_codes()
    assert len(codes) == recovery.COUNT
    person.is_at(olga.get_absolute_url())
    person.log_out()
    sign_in_with_recovery_code(person, olga, RECOVERY_CODES[0])
    person.sees("That recovery code is not right")
    person.fill("Recovery code", codes[0])
    person.press("Verify")
    person.heading("My settings")


def test_not_now_leads_to_where_one_wanted_to_go_and_asks_again_the_next_time(person, olga, phone):
    leave_codes(olga, 10, recovery_saved_at=None)
    for _ in range(2):
        person.log_in(olga.email, path=f"/login/?next={olga.get_absolute_url()}activity/")
        person.type_code(phone.next_code(olga), "Verify")
        person.heading("Save recovery codes")
        person.follow("Not now")
        person.is_at(f"{olga.get_absolute_url()}activity/")
        person.log_out()


@pytest.mark.usefixtures("phone", "mail")
def test_few_codes_left_are_said_at_the_sign_in(person, olga):
    leave_codes(olga, 4)
    sign_in_with_recovery_code(person, olga, RECOVERY_CODES[0])
    person.sees("You have 3 recovery codes left.")
    person.looks_well("recovery-few")
    person.follow("Not now")
    person.sees("3 recovery codes left.")


def test_an_administrator_without_whom_nobody_administers_is_warned(person, admin, tmp_path):
    enroll(admin)
    leave_codes(admin, 0)
    person.log_in(admin.email)
    person.type_code(Phone(tmp_path, SECRET).next_code(), "Verify")
    person.sees("You have used all of your recovery codes.")
    person.sees("You are the only administrator who can sign in")
    person.looks_well("recovery-only-phone")
    person.go("/account/settings/")
    person.sees("Without your phone nobody can administer this account")
    person.looks_well("settings-only-phone")
    person.follow("Recovery codes")
    person.press(MAKE_NEW)
    person.save_recovery_codes()
    person.go("/account/settings/")
    person.sees_not("Without your phone")
