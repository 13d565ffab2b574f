"""Files that are made while they are sent: how far they are, and what happens where they do not end."""

import re

import pytest
from playwright.sync_api import expect

from accounts.models import AuditEntry
from tests.support.factories import PASSWORD, make_operator
from tests.support.person import Person

EXPORT = "Export as CSV"


@pytest.fixture
def note(at_admin):
    """What says how far the file is."""
    return at_admin.page.locator("[data-downloads]")


def test_a_file_says_when_it_is_complete(at_admin, admin, note):
    make_operator(admin.account, name="Olga Operator")
    at_admin.go("/operators/?sort=-name")
    with at_admin.page.expect_download() as download:
        at_admin.press(EXPORT)
    expect(note).to_have_text("The file is complete: 2 rows.")
    assert download.value.suggested_filename.startswith("two-factor-status-acme-monitoring-")
    _head, *rows = download.value.path().read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ['"Olga Operator"', '"Anna Admin"']
    at_admin.looks_well("download-complete")


@pytest.mark.parametrize("path", ["/account/audit/", "/exceptions/", "/account/two-factor/links/"])
def test_what_is_exported_is_what_a_search_has_left(at_admin, note, path):
    at_admin.go(path)
    at_admin.page.get_by_label("Search").fill("nobody at all")
    at_admin.press("Apply")
    expect(at_admin.page.locator("#export")).to_have_attribute("action", re.compile("search=nobody"))
    with at_admin.page.expect_download():
        at_admin.press(EXPORT)
    expect(note).to_have_text("The file is complete: 0 rows.")
    assert "Search: nobody at all; 0 rows" in AuditEntry.objects.latest("pk").new


def test_a_file_can_be_cancelled(at_admin, note):
    at_admin.go("/operators/")
    at_admin.page.route("**/export/**", lambda _route: None)
    at_admin.press(EXPORT)
    expect(note).to_contain_text("The file is being made.")
    at_admin.looks_well("download")
    at_admin.press("Cancel")
    expect(note).to_have_text("The export is cancelled. There is no file.")


def test_a_file_that_breaks_off_is_no_file(at_admin, note):
    at_admin.go("/operators/")
    at_admin.page.route("**/export/**", lambda route: route.abort())
    at_admin.press(EXPORT)
    expect(note).to_contain_text("The file broke off after 0 rows.")
    at_admin.problems.clear()  # the browser tells of it, too
    at_admin.page.unroute("**/export/**")
    with at_admin.page.expect_download():
        at_admin.press(EXPORT)


def test_a_session_that_has_ended_leads_to_the_login_page(at_admin):
    at_admin.go("/operators/")
    at_admin.context.clear_cookies(name=at_admin.cookie("sessionid"))
    at_admin.press(EXPORT)
    at_admin.heading("Log in")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_file_is_asked_for_again_after_the_proof(chromium, server, admin, scripts):
    with chromium.new_context(java_script_enabled=scripts) as context:
        person = Person(context, server.url)
        person.open_session(admin)
        person.wait_a_quarter_of_an_hour()
        person.go("/operators/?search=anna")
        person.press(EXPORT)
        person.heading("Confirm that it is you")
        person.sees("The file holds data of other people.")
        person.fill("Password", PASSWORD)
        person.press("Go on")
        person.sees("Choose the file again")
        person.is_at("/operators/?search=anna")
        with person.page.expect_download() as download:
            person.press(EXPORT)
        assert download.value.suggested_filename.startswith("two-factor-status-")


def test_without_a_script_the_browser_takes_the_file(chromium, server, admin):
    with chromium.new_context(java_script_enabled=False) as context:
        person = Person(context, server.url)
        person.open_session(admin)
        for path in ("/operators/", "/account/audit/"):
            person.go(path)
            with person.page.expect_download() as download:
                person.press(EXPORT)
            assert download.value.suggested_filename.endswith(".csv")
