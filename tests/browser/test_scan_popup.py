"""Setting up two-factor authentication from the popup on the operator page."""

from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from operators.models import Operator
from tests.support.factories import enroll
from tests.support.faults import faults_of
from tests.support.person import RESET, SCAN, Person
from tests.support.phone import wrong_code


def open_popup(person, operator):
    person.go(operator.get_absolute_url())
    person.follow(SCAN)
    expect(person.qr).to_be_visible()


def is_enrolled(operator: Operator) -> bool:
    return Operator.objects.complete().get(pk=operator.pk).is_enrolled


def test_an_operator_scans_the_code_and_finishes(at_olga, olga, phone):
    at_olga.go(olga.get_absolute_url())
    at_olga.looks_well("operator-self")
    at_olga.follow(SCAN)
    expect(at_olga.dialog.get_by_label("6-digit code")).to_be_focused()
    at_olga.looks_well("popup")
    uri = phone.scan(at_olga.qr)
    assert olga.email in unquote(uri)
    assert phone.secret == at_olga.page.locator("#enrollment-key").inner_text().replace(" ", "")
    app_link = at_olga.dialog.get_by_role("link", name="Open in an app on this phone")
    expect(app_link).to_have_attribute("href", uri)
    assert phone.secret not in (at_olga.qr.get_attribute("alt") or "")
    at_olga.type_code(phone.next_code(), "Finish")
    at_olga.sees("From now on you type a code at every sign-in.")
    at_olga.looks_well("recovery-codes")
    at_olga.save_recovery_codes()
    at_olga.is_at(olga.get_absolute_url())
    expect(at_olga.page.get_by_role("link", name=RESET)).to_be_visible()
    at_olga.looks_well("operator-enrolled")
    assert is_enrolled(olga)


def test_an_administrator_sets_it_up_for_somebody_who_is_told_by_email(at_admin, olga, phone, mail):
    open_popup(at_admin, olga)
    expect(at_admin.dialog).to_contain_text(f"for Olga Operator, {olga.email}")
    at_admin.set_up(phone)
    at_admin.sees("who was told by email")
    assert "Anna Admin" in mail.newest_to(olga.email).as_string()
    assert is_enrolled(olga)


def test_a_wrong_code_keeps_the_same_qr_code(at_olga, olga, phone):
    open_popup(at_olga, olga)
    uri = phone.scan(at_olga.qr)
    at_olga.type_code(wrong_code(phone), "Finish")
    expect(at_olga.dialog).to_contain_text("That code is not right.")
    expect(at_olga.dialog.get_by_label("6-digit code")).to_be_focused()
    at_olga.looks_well("popup-wrong-code")
    assert phone.scan(at_olga.qr) == uri
    at_olga.page.reload()
    open_popup(at_olga, olga)
    assert phone.scan(at_olga.qr) == uri
    assert not is_enrolled(olga)
    at_olga.type_code(phone.next_code(), "Finish")
    at_olga.sees("From now on you type a code")


def test_the_clock_of_the_phone_is_told_where_it_is_slow(at_olga, olga, phone):
    open_popup(at_olga, olga)
    phone.scan(at_olga.qr)
    at_olga.type_code(phone.code(-4), "Finish")
    expect(at_olga.dialog).to_contain_text("The clock of that phone is about 2 minutes slow.")
    assert not is_enrolled(olga)


def test_something_that_is_no_code_is_refused_beside_the_field_and_kept(at_olga, olga):
    open_popup(at_olga, olga)
    at_olga.type_code("12345", "Finish")
    expect(at_olga.dialog).to_contain_text("Type the 6 digits that the app shows now")
    expect(at_olga.dialog.get_by_label("6-digit code")).to_have_value("12345")


def test_escape_and_cancel_give_the_focus_back_and_store_nothing(at_olga, olga):
    open_popup(at_olga, olga)
    opener = at_olga.page.get_by_role("link", name=SCAN)
    at_olga.page.keyboard.press("Escape")
    expect(at_olga.dialog).to_be_hidden()
    expect(opener).to_be_focused()
    expect(at_olga.qr).to_have_count(0)
    at_olga.page.keyboard.press("Enter")
    expect(at_olga.qr).to_be_visible()
    at_olga.follow("Cancel")
    expect(at_olga.dialog).to_be_hidden()
    expect(opener).to_be_focused()
    assert not is_enrolled(olga)


def test_a_second_tab_shows_the_same_qr_code_and_cannot_enroll_again(at_olga, olga, phone):
    open_popup(at_olga, olga)
    first = at_olga.page
    uri = phone.scan(at_olga.qr)
    at_olga.new_tab()
    open_popup(at_olga, olga)
    assert phone.scan(at_olga.qr) == uri
    at_olga.type_code(phone.next_code(), "Finish")
    at_olga.sees("From now on you type a code")
    at_olga.page = first
    at_olga.type_code(phone.next_code(), "Finish")
    at_olga.sees("Two-factor authentication is set up for you already, so nothing was changed.")


def test_an_operator_who_was_enrolled_in_the_meantime_is_not_enrolled_twice(at_admin, olga, phone):
    open_popup(at_admin, olga)
    phone.scan(at_admin.qr)
    theirs = enroll(olga)
    at_admin.type_code(phone.next_code(), "Finish")
    at_admin.sees("is set up for Olga Operator already, so nothing was changed. Reset it first")
    theirs.refresh_from_db()


def test_a_session_that_ended_while_the_popup_was_open_leads_to_the_login_page(at_olga, olga, phone):
    open_popup(at_olga, olga)
    phone.scan(at_olga.qr)
    at_olga.context.clear_cookies(name=at_olga.cookie("sessionid"))
    at_olga.type_code(phone.next_code(), "Finish")
    at_olga.heading("Log in")
    expect(at_olga.dialog).to_be_hidden()
    assert not is_enrolled(olga)


def test_the_popup_is_a_page_of_its_own_without_a_script(chromium, server, olga, phone):
    with chromium.new_context(java_script_enabled=False) as context:
        person = Person(context, server.url)
        person.open_session(olga)
        person.go(olga.get_absolute_url())
        person.follow(SCAN)
        person.is_at(f"{olga.get_absolute_url()}two-factor/scan/")
        person.set_up(phone)
        person.sees("From now on you type a code")
        assert not person.problems


@pytest.fixture
def out_of_service(server):
    """Takes the server's database out of service, or its writers where that is what can be done to a file."""
    faults = faults_of(server).faults
    return faults.get("gone", faults["disk full"])


def test_a_server_that_cannot_answer_is_told_in_the_popup_and_keeps_what_was_typed(
    at_olga, olga, phone, out_of_service
):
    at_olga.expected_statuses.add(503)
    open_popup(at_olga, olga)
    phone.scan(at_olga.qr)
    code = phone.next_code()
    with out_of_service():
        at_olga.type_code(code, "Finish")
        alert = at_olga.dialog.get_by_role("alert")
        expect(alert).to_have_text("The service cannot answer just now. Wait a minute, then try again.")
        expect(at_olga.page.get_by_label("6-digit code", exact=True)).to_have_value(code)
        expect(at_olga.qr).to_be_visible()
        assert not alert.evaluate("element => element.closest('form') === null")
    assert not is_enrolled(olga)
    at_olga.press("Finish")
    at_olga.sees("From now on you type a code")
    assert is_enrolled(olga)


def test_a_popup_that_did_not_come_can_be_asked_for_again(at_olga, olga, phone):
    at_olga.expected_statuses.add(502)
    at_olga.go(olga.get_absolute_url())
    at_olga.page.route("**/two-factor/scan/", lambda route: route.fulfill(status=502, body="Bad Gateway"))
    at_olga.follow(SCAN)
    at_olga.sees("The server did not answer.")
    at_olga.looks_well("popup-failed")
    at_olga.page.unroute("**/two-factor/scan/")
    at_olga.press("Try again")
    at_olga.set_up(phone)
    at_olga.sees("From now on you type a code")
