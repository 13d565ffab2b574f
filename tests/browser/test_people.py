"""Single sign-on, administrators and groups, and the rest that people expect of an account."""

import pytest
from playwright.sync_api import expect

from tests.support.factories import PASSWORD, make_operator, new_email
from tests.support.mailbox import link_in, text_of

NEW = "a fine long password"
REFUSED = "That email and password do not match."


def confirm(somebody, button):
    """Press the button of the open popup."""
    somebody.dialog.get_by_role("button", name=button).click()


# Single sign-on


def test_a_single_sign_on_operator_has_no_door_and_no_controls(at_admin, person, olga, mail):
    at_admin.go(olga.get_absolute_url())
    at_admin.choose("Single sign-on")
    at_admin.press("Save sign-in method")
    at_admin.sees("All sessions of Olga Operator have ended.")
    at_admin.sees("The identity provider sees to the second factor")
    at_admin.sees("single sign-on is not set up")
    expect(at_admin.page.get_by_role("link", name="Scan QR code")).to_have_count(0)
    at_admin.looks_well("single-sign-on")
    person.log_in(olga.email)
    person.sees(REFUSED)
    person.follow("Forgot password?")
    person.fill("Email", olga.email)
    person.press("Send link")
    person.sees("a link is on its way")
    (notice,) = mail.to(olga.email)  # no link to a new password
    assert "How you log in" in notice["Subject"]


# Administrators and groups


def test_the_last_administrator_stays_whatever_is_tried(at_admin, admin):
    at_admin.go(admin.get_absolute_url())
    at_admin.follow("Deactivate")
    confirm(at_admin, "Deactivate")
    at_admin.sees("Anna Admin is the last administrator")
    at_admin.choose("Single sign-on")
    at_admin.press("Save sign-in method")
    at_admin.sees("Anna Admin is the last administrator")
    at_admin.follow("Delete operator")
    at_admin.dialog.get_by_label("Type the operator's name to confirm").fill("Anna Admin")
    confirm(at_admin, "Delete operator")
    at_admin.sees("Anna Admin is the last administrator")
    at_admin.follow("Member of")
    at_admin.page.get_by_label("Administrators").uncheck()
    at_admin.press("Save")
    at_admin.sees("Anna Admin is the last administrator")


def test_a_group_is_made_and_somebody_becomes_a_member_and_an_administrator(at_admin, new_person, olga):
    at_admin.go("/groups/")
    at_admin.follow("Add group")
    at_admin.fill("Name", "Night shift")
    at_admin.press("Add group")
    at_admin.sees("Night shift is added.")
    at_admin.looks_well("group")
    at_admin.go(olga.get_absolute_url())
    at_admin.follow("Member of")
    at_admin.page.get_by_label("Night shift").check()
    at_admin.page.get_by_label("Administrators").check()
    at_admin.press("Save")
    at_admin.sees("Saved what Olga Operator is a member of.")
    at_admin.sees("member of Administrators, Everyone, Night shift")
    at_olga = new_person()
    at_olga.log_in(olga.email)
    at_olga.heading("Operators and groups")


# Own password, name and address


def test_a_forgotten_password_is_replaced_through_the_mailed_link(person, olga, mail):
    person.go("/login/")
    person.follow("Forgot password?")
    person.looks_well("password-reset")
    person.fill("Email", olga.email)
    person.press("Send link")
    person.looks_well("password-reset-sent")
    person.go(link_in(mail.newest_to(olga.email)))
    person.looks_well("password-reset-choose")
    person.fill("New password", NEW)
    person.fill("New password again", NEW)
    person.page.locator("main form button[type=submit]").click()
    person.heading("Log in")
    person.log_in(olga.email)
    person.sees(REFUSED)
    person.log_in(olga.email, NEW)
    person.heading("My settings")


def test_a_password_is_changed_in_the_popup_and_other_sessions_end(at_olga, new_person, olga):
    elsewhere = new_person()
    elsewhere.open_session(olga)
    at_olga.go(olga.get_absolute_url())
    at_olga.follow("Change password")
    at_olga.dialog.get_by_label("Current password").fill(PASSWORD)
    at_olga.dialog.get_by_label("New password", exact=True).fill(NEW)
    at_olga.dialog.get_by_label("New password again").fill(NEW)
    at_olga.dialog.locator("button[type=submit]").click()
    expect(at_olga.dialog).to_have_count(0)
    at_olga.heading("My settings")
    elsewhere.go(olga.get_absolute_url())
    elsewhere.heading("Log in")


def test_a_name_is_changed_in_the_popup(at_olga, olga):
    at_olga.go(olga.get_absolute_url())
    at_olga.follow("Change name")
    at_olga.dialog.get_by_label("Name").fill("Ольга О'Брайен <b>")
    at_olga.dialog.locator("button[type=submit]").click()
    at_olga.sees("Ольга О'Брайен <b>")


def test_a_new_address_counts_once_it_is_confirmed_and_the_old_one_is_told(at_olga, person, olga, mail):
    old, new = olga.email, new_email("new")
    at_olga.go(olga.get_absolute_url())
    at_olga.follow("Change email")
    at_olga.dialog.locator("input[type=email]").fill(new)
    at_olga.dialog.locator("button[type=submit]").click()
    letter = mail.newest_to(new)
    person.log_in(new)
    person.sees(REFUSED)
    person.go(link_in(letter))
    person.looks_well("email-confirm")
    person.press("Confirm")
    assert new in text_of(mail.newest_to(old))
    person.log_in(new)
    person.heading("My settings")


# Deactivate, activate, delete


def test_a_deactivated_operator_is_out_at_once_and_back_after_activation(at_admin, at_olga, olga):
    at_admin.go(olga.get_absolute_url())
    at_admin.follow("Deactivate")
    confirm(at_admin, "Deactivate")
    at_admin.sees("Olga Operator is deactivated and signed out everywhere.")
    at_olga.go(olga.get_absolute_url())
    at_olga.heading("Log in")
    at_olga.log_in(olga.email)
    at_olga.sees(REFUSED)
    at_admin.follow("Activate")
    confirm(at_admin, "Activate")
    at_admin.sees("Olga Operator is active again.")
    at_olga.log_in(olga.email)
    at_olga.heading("My settings")


def test_ended_sessions_are_over_at_once_and_the_next_sign_in_is_as_before(at_admin, at_olga, olga):
    at_admin.go(olga.get_absolute_url())
    at_admin.follow("End sessions")
    confirm(at_admin, "End sessions")
    at_admin.sees("Olga Operator is signed out everywhere.")
    at_olga.go(olga.get_absolute_url())
    at_olga.heading("Log in")
    at_olga.log_in(olga.email)
    at_olga.heading("My settings")


def test_deleting_takes_the_name_typed(at_admin, olga):
    at_admin.go(olga.get_absolute_url())
    at_admin.follow("Delete operator")
    at_admin.dialog.get_by_label("Type the operator's name to confirm").fill("Olga")
    confirm(at_admin, "Delete operator")
    at_admin.sees("That is not the name.")
    at_admin.dialog.get_by_label("Type the operator's name to confirm").fill("Olga Operator")
    confirm(at_admin, "Delete operator")
    at_admin.sees("Olga Operator is deleted.")


# The list


def test_the_list_is_searched_filtered_sorted_and_paged(at_admin, account):
    for number in range(30):
        make_operator(account, new_email("page"), name=f"Person {number:02}", single_sign_on=number == 7)
    at_admin.go("/operators/")
    at_admin.sees("1–25 of 31")
    at_admin.follow("Next")
    at_admin.sees("26–31 of 31")
    at_admin.page.locator("select[name=status]").select_option("single-sign-on")
    at_admin.press("Apply")
    at_admin.sees("Person 07")
    at_admin.sees_not("Person 08")
    at_admin.go("/operators/?search=person 2")
    at_admin.sees("Person 29")
    at_admin.sees_not("Person 19")


# Every page with names and addresses as long as they may be


LONG = "Maximiliana-Friederike-von-und-zu-Hohenstein-Wittelsbach " * 4


@pytest.mark.parametrize(
    "page",
    [
        "/operators/",
        "/operators/add/",
        "/operators/{pk}/",
        "/operators/{pk}/member-of/",
        "/operators/{pk}/activity/",
        "/operators/{pk}/two-factor/scan/",
        "/operators/{pk}/deactivate/",
        "/operators/{pk}/end-sessions/",
        "/operators/{pk}/delete/",
        "/operators/{pk}/name/",
        "/operators/{pk}/email/",
        "/my-settings/password/",
        "/groups/",
        "/groups/add/",
        "/sub-accounts/",
        "/sub-accounts/add/",
        "/account/audit/",
    ],
)
def test_every_page_looks_well_with_the_longest_names(at_admin, account, page):
    longest = make_operator(account, new_email("x" * 50), name=LONG.strip()[:254])
    at_admin.go(longest.get_absolute_url())
    at_admin.follow("Deactivate")
    confirm(at_admin, "Deactivate")
    at_admin.follow("Activate")
    confirm(at_admin, "Activate")
    at_admin.sees("is active again.")
    at_admin.go(page.format(pk=longest.pk))
    at_admin.looks_well(page.strip("/").replace("/", "-"))


def test_pages_that_do_not_exist_look_like_the_product(at_admin):
    at_admin.expected_statuses.add(404)
    at_admin.go("/operators/999999999/")
    at_admin.heading("This page does not exist")
    at_admin.looks_well("404")
