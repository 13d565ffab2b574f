"""Changing phones: the old one stays right until the new one's first code."""

import pytest
from playwright.sync_api import expect

from tests.support.factories import RECOVERY_CODES, SECRET, enroll
from tests.support.phone import Phone, wrong_code

NEW_PHONE = "Use a new phone"


@pytest.fixture
def old_phone(tmp_path, olga) -> Phone:
    """The phone with which Olga is enrolled."""
    enroll(olga)
    return Phone(tmp_path, SECRET)


@pytest.fixture
def at_olga(old_phone, new_person, olga):
    """A browser in which Olga is signed in, with a code."""
    person = new_person()
    person.open_session(type(olga).objects.complete().get(pk=olga.pk))
    return person


@pytest.mark.usefixtures("mail")
def test_the_old_phone_is_right_until_the_new_ones_first_code(at_olga, new_person, olga, old_phone, phone):
    at_olga.go(olga.get_absolute_url())
    at_olga.follow(NEW_PHONE)
    expect(at_olga.dialog).to_contain_text("The old phone's codes stay right")
    at_olga.looks_well("new-phone")
    phone.scan(at_olga.qr)
    elsewhere = new_person()
    elsewhere.log_in(olga.email)
    elsewhere.type_code(old_phone.next_code(olga), "Verify")
    elsewhere.heading("My settings")
    at_olga.type_code(phone.next_code(olga), "Finish")
    at_olga.sees("Your new phone makes the codes now.")
    at_olga.looks_well("new-phone-codes")
    assert not set(at_olga.save_recovery_codes()) & set(RECOVERY_CODES)
    at_olga.is_at(olga.get_absolute_url())
    elsewhere.page.reload()
    elsewhere.heading("Log in")
    elsewhere.log_in(olga.email)
    elsewhere.type_code(old_phone.next_code(olga), "Verify")
    elsewhere.sees("That code is not right")
    elsewhere.fill("6-digit code", "")
    elsewhere.type_code(phone.next_code(olga), "Verify")
    elsewhere.heading("My settings")


def test_a_wrong_code_keeps_the_new_qr_code_and_cancel_the_old_phone(at_olga, olga, old_phone, phone):
    at_olga.go(olga.get_absolute_url())
    at_olga.follow(NEW_PHONE)
    uri = phone.scan(at_olga.qr)
    at_olga.type_code(wrong_code(phone), "Finish")
    expect(at_olga.dialog).to_contain_text("That code is not right.")
    assert phone.scan(at_olga.qr) == uri
    at_olga.follow("Cancel")
    expect(at_olga.page.get_by_role("link", name=NEW_PHONE)).to_be_focused()
    at_olga.log_out()
    at_olga.log_in(olga.email)
    at_olga.type_code(old_phone.next_code(), "Verify")
    at_olga.heading("My settings")
