"""After a rise a session without a code is asked for it, on a page or in a popup, and then goes on."""

import pytest

from accounts.models import Account
from accounts.policy import Policy
from tests.support.factories import SECRET, enroll
from tests.support.phone import Phone

ASKS = "You logged in while no code was asked for."


@pytest.fixture
def olga_inside(new_person, account, olga):
    """Somebody who has an authenticator and came in by the password, before the policy rose."""
    enroll(olga)
    Account.objects.filter(pk=account.pk).update(two_factor_policy=Policy.DISABLED)
    person = new_person()
    person.log_in(olga.email)
    person.heading("My settings")
    return person


def require(account):
    Account.objects.filter(pk=account.pk).update(two_factor_policy=Policy.REQUIRED)


def test_a_page_asks_and_goes_on(olga_inside, account, tmp_path):
    require(account)
    olga_inside.go("/my-settings/sessions/")
    olga_inside.heading("Type your code")
    olga_inside.sees(ASKS)
    olga_inside.looks_well("late-code")
    olga_inside.type_code("000000", "Verify")
    olga_inside.sees("That code is not right")
    olga_inside.looks_well("late-code-wrong")
    olga_inside.type_code(Phone(tmp_path, SECRET).next_code(), "Verify")
    olga_inside.heading("Where you are signed in")
    olga_inside.is_at("/my-settings/sessions/")


def test_a_popup_asks_inside_with_what_was_typed(olga_inside, account, tmp_path):
    olga_inside.follow("Change name")
    olga_inside.page.get_by_role("dialog").get_by_label("Name", exact=True).wait_for()  # open before the rise
    require(account)
    olga_inside.fill("Name", "Olga Öberg")
    olga_inside.press("Save")
    olga_inside.sees(ASKS)
    olga_inside.looks_well("late-code-popup")
    olga_inside.type_code(Phone(tmp_path, SECRET).next_code(), "Verify")
    olga_inside.sees("The name is Olga Öberg now.")


def test_one_can_log_out_instead(olga_inside, account):
    require(account)
    olga_inside.go("/my-settings/sessions/")
    olga_inside.page.locator("main").get_by_role("button", name="Log out").click()
    olga_inside.sees("You are logged out.")
