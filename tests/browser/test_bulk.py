"""Many operators at once, as an administrator does it in the browser."""

from playwright.sync_api import expect

from operators import bulk
from operators.bulk_models import BulkAction
from operators.models import Operator
from tests.browser.conftest import new_email
from tests.factories import make_operator


def test_ticked_operators_get_an_override_after_a_preview(at_admin, account, admin):
    for number in range(7):
        make_operator(account, new_email("bulk"), name=f"Person {number}", single_sign_on=number == 6)
    at_admin.go("/operators/")
    at_admin.looks_well("bulk-list")
    at_admin.page.get_by_label("All on this page").check()
    expect(at_admin.page.locator("input[name=operator]:checked")).to_have_count(8)
    at_admin.page.get_by_label("Choose Anna Admin").uncheck()
    at_admin.page.get_by_label("Action").select_option("override-required")
    at_admin.press("Preview")
    at_admin.sees("6 operators")
    at_admin.sees("Signs in by single sign-on")
    at_admin.looks_well("bulk-preview")
    at_admin.press("Confirm")
    at_admin.sees("6 of 7 done")
    at_admin.looks_well("bulk-result")
    assert Operator.objects.filter(account=account, two_factor_override="required").count() == 6
    at_admin.follow("Bulk actions")
    at_admin.sees("Set the override Required")
    at_admin.looks_well("bulk-actions")


def test_a_long_action_shows_how_far_it_is_and_can_be_cancelled(at_admin, account, admin):
    for number in range(bulk.PORTION + 1):
        make_operator(account, new_email("long"), name=f"Person {number}", enrolled=True)
    at_admin.go("/operators/?search=person")
    at_admin.page.get_by_label("All 26 that match").check()
    at_admin.page.get_by_label("Action").select_option("reset")
    at_admin.press("Preview")
    at_admin.fill("Reason", "New phones")
    at_admin.page.get_by_label("How did you make sure").select_option("in person")
    at_admin.looks_well("bulk-preview-reset")
    at_admin.press("Confirm")
    at_admin.sees("26 of 26 done")
    action = BulkAction.objects.get(account=account)
    # As if it had only begun, and no worker ran.
    BulkAction.objects.filter(pk=action.pk).update(state="running")
    action.items.filter(pk__gt=action.items.earliest("pk").pk).update(state="waiting")
    at_admin.go(f"/operators/bulk/actions/{action.pk}/")
    at_admin.sees("1 of 26 done")
    at_admin.looks_well("bulk-progress")
    action.items.update(state="done")
    at_admin.sees("26 of 26 done")
    at_admin.press("Cancel the rest")
    at_admin.sees("Cancelled. What was done already stays done.")
