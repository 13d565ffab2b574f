"""Keyboard, focus and width: lists, popups, and the longest names."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Route, expect

from accounts.policy import Policy
from invitations.models import Link
from operators.models import Group
from operators.signin.session_store import SessionStore
from tests.support.factories import make_account, make_operator, new_email
from tests.support.person import NARROW, WIDE

LONG = "Maximiliana-Friederike-von-und-zu-Hohenstein-Wittelsbach " * 5


def focused(person) -> str:
    """The name or id of whatever has the focus."""
    return person.page.evaluate("document.activeElement.name || document.activeElement.id")


def announced(person):
    return person.page.locator("body > [data-live]")


@pytest.fixture
def many(account):
    for number in range(30):
        make_operator(account, new_email("page"), name=f"Person {number:02}", single_sign_on=number == 7)


# Lists


def test_a_filter_is_chosen_by_keyboard_and_counts_once_it_is_applied(at_admin, many):
    at_admin.go("/operators/")
    keyboard = at_admin.page.keyboard
    at_admin.page.get_by_label("Status").focus()
    for _ in range(5):
        keyboard.press("ArrowDown")
    assert focused(at_admin) == "status"
    expect(at_admin.page.get_by_label("Status")).to_have_value("single-sign-on")
    at_admin.is_at("/operators/")
    keyboard.press("Tab")
    at_admin.press("Apply")
    at_admin.sees("1–1 of 1")
    expect(announced(at_admin)).to_have_text("1 operator found.")
    assert "status=single-sign-on" in at_admin.page.url
    expect(at_admin.page.get_by_role("button", name="Apply")).to_be_focused()
    at_admin.page.reload()
    at_admin.sees("1–1 of 1")
    at_admin.page.go_back()
    at_admin.sees("1–25 of 31")


def test_a_search_leaves_the_focus_in_its_field(at_admin, many):
    at_admin.go("/operators/")
    at_admin.page.get_by_label("Search").fill("person 2")
    at_admin.page.keyboard.press("Enter")
    expect(announced(at_admin)).to_have_text("10 operators found.")
    assert focused(at_admin) == "search"
    at_admin.looks_well("operators-searched")
    at_admin.follow("Clear")
    at_admin.sees("1–25 of 31")
    expect(at_admin.page.get_by_label("Search")).to_have_value("")
    expect(at_admin.page.get_by_role("link", name="Clear")).to_have_count(0)
    at_admin.page.get_by_label("Search").fill("nobody at all")
    at_admin.page.keyboard.press("Enter")
    at_admin.sees("No operator matches.")
    at_admin.follow("Show all operators")
    expect(at_admin.page.get_by_label("Search")).to_have_value("")


def test_order_and_pages_keep_the_focus_and_each_other(at_admin, many):
    at_admin.go("/operators/?search=person")
    at_admin.follow("Email")
    expect(announced(at_admin)).to_have_text("30 operators found.")
    expect(at_admin.page.locator("#sort-email")).to_be_focused()
    at_admin.follow("Next")
    at_admin.sees("26–30 of 30")
    expect(at_admin.page.locator("#results")).to_be_focused()
    at_admin.page.get_by_label("Search").press("Enter")
    at_admin.sees("1–25 of 30")
    assert "sort=email" in at_admin.page.url
    at_admin.page.get_by_role("link", name="Person 00").click()
    at_admin.heading("Person 00")


def test_the_last_of_two_quick_clicks_counts(at_admin, many):
    at_admin.go("/operators/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    at_admin.page.route("**/operators/?*", hold)
    for link, request in (("Email", "**sort=email*"), ("Next", "**page=2*")):
        with at_admin.page.expect_request(request):
            at_admin.follow(link)
    for route in held:
        route.continue_()
    at_admin.sees("26–31 of 31")
    at_admin.problems.clear()  # htmx notes in the console that it has given up the first request


def test_the_audit_log_and_a_group_are_searched_without_losing_the_focus(at_admin, account, many):
    group = Group.objects.create(account=account, name="Night shift")
    for page, words in (
        ("/account/audit/", "0 entries shown."),
        (f"/groups/{group.pk}/", "0 members found."),
    ):
        at_admin.go(page)
        at_admin.page.get_by_label("Search").fill("Person 07")
        at_admin.page.keyboard.press("Enter")
        expect(announced(at_admin)).to_have_text(words)
        assert focused(at_admin) == "search"
    expect(at_admin.page.locator("#others .cell-main")).to_have_text(["Person 07"])
    at_admin.follow("Clear")
    expect(at_admin.page.locator("#others .cell-main")).to_have_count(10)


def test_a_list_leads_to_the_login_page_when_the_session_has_ended(at_admin, admin):
    at_admin.go("/operators/")
    admin.renew_session_nonce()
    at_admin.page.get_by_label("Search").press("Enter")
    at_admin.heading("Log in")
    at_admin.sees("Your session has ended, or you are not logged in.")
    at_admin.looks_well("login-interrupted")


@pytest.mark.parametrize("length", [76, 254])
@pytest.mark.parametrize("page", ["/operators/", "/groups/{group}/", "/account/audit/"])
def test_a_list_is_as_wide_as_the_window_with_a_long_group_name(at_admin, account, page, length):
    group = Group.objects.create(account=account, name=LONG[:length].strip())
    at_admin.go(page.format(group=group.pk))
    at_admin.looks_well(f"{page.split('/')[1]}-group-{length}")


def test_the_fields_of_a_list_are_one_row_and_full_width_on_a_phone(at_admin):
    for page in ("/operators/", "/account/audit/"):
        at_admin.go(page)
        fields = at_admin.page.locator(
            ".list-head :is(input:not([type=hidden]):not([type=checkbox]), select)"
        )
        boxes = [field.bounding_box() for field in fields.all()]
        assert len({(box["y"], box["height"]) for box in boxes}) == 1
        at_admin.page.set_viewport_size({"width": NARROW, "height": 800})
        fields = at_admin.page.locator(".list-head :is(.filter-search, .filter:not(.filter-date))").all()
        assert fields
        for field in fields:
            assert field.bounding_box()["width"] == NARROW - 32 - 2 - 28
        at_admin.page.set_viewport_size({"width": WIDE, "height": 800})


def test_no_tab_hides_at_the_edge_of_a_phone(at_admin):
    at_admin.page.set_viewport_size({"width": NARROW, "height": 800})
    for page in ("/operators/", "/exceptions/", "/account/two-factor/links/"):
        at_admin.go(page)
        tabs = at_admin.page.locator(".tabs")
        assert tabs.evaluate("element => element.scrollWidth - element.clientWidth") == 0
    at_admin.page.set_viewport_size({"width": WIDE, "height": 800})


# Popups


def test_the_first_field_of_a_popup_has_the_focus(at_olga, olga):
    at_olga.go(olga.get_absolute_url())
    at_olga.follow("Change password")
    expect(at_olga.dialog.get_by_label("Current password")).to_be_focused()


def test_the_proof_popup_begins_in_the_password(at_olga, olga):
    session = at_olga.context.cookies()[0]["value"]
    forget_proof(session)
    at_olga.go(olga.get_absolute_url())
    at_olga.follow("Change password")
    expect(at_olga.dialog.get_by_label("Password", exact=True)).to_be_focused()


def forget_proof(key: str) -> None:
    """Make a session as old as one in which the next sensitive act asks again."""
    session = SessionStore(key)
    session.pop("proof")
    session.save()


def test_a_popup_that_is_out_of_date_keeps_what_was_typed(at_olga, olga):
    at_olga.expected_statuses.add(403)
    at_olga.go(olga.get_absolute_url())
    at_olga.follow("Change name")
    at_olga.dialog.get_by_label("Name").fill("Olga the Second")
    at_olga.context.clear_cookies(name=at_olga.cookie("csrftoken"))
    at_olga.dialog.get_by_role("button", name="Save").click()
    expect(at_olga.dialog.get_by_role("alert")).to_contain_text("Nothing was saved.")
    expect(at_olga.dialog.get_by_label("Name")).to_have_value("Olga the Second")
    expect(at_olga.dialog.get_by_role("button", name="Save")).to_be_enabled()
    at_olga.looks_well("popup-out-of-date")


# Whose account


@pytest.mark.parametrize(
    "name", ["Acme Monitoring", "Hohenstein Überwachungssysteme GmbH & Co. KG", LONG[:254]]
)
def test_the_name_of_the_account_is_readable_on_a_phone(new_person, name):
    account = make_account(name=name)
    for administrator in (True, False):
        somebody = new_person()
        operator = make_operator(account, new_email(), name="Anna Admin", administrator=administrator)
        somebody.open_session(operator)
        somebody.go(operator.get_absolute_url())
        somebody.page.set_viewport_size({"width": NARROW, "height": 800})
        shown = somebody.page.locator(".brand-name > span")
        assert shown.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
        assert shown.evaluate("element => getComputedStyle(element).whiteSpace") == "normal"
        somebody.looks_well(f"topbar-{len(name)}-{administrator}")


# Waits


def test_a_wait_is_counted_in_minutes_and_near_its_end_in_seconds(person, account, mail):
    olga = make_operator(account, new_email(), override=Policy.REQUIRED)
    person.log_in(olga.email)
    person.heading("Check your email")
    link = Link.objects.filter(user=olga)
    for passed, words in ((9 * 60, "in 51 minutes."), (3550, re.compile(r"in (4\d|50) seconds\."))):
        now = timezone.now()
        begun = now - timedelta(seconds=passed)
        link.update(sent_in_hour=5, hour_started_at=begun, sent_at=now - timedelta(minutes=2))
        person.page.reload()
        person.sees(words)
        expect(person.page.get_by_role("button", name="Send again")).to_be_disabled()
    person.looks_well("check-email-wait")
