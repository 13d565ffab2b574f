"""Many operators at once, as an administrator does it in the browser."""

from uuid import uuid4

from django.utils import timezone
from playwright.sync_api import expect

from operators.models import Operator
from operators.models.bulk import BulkAction, BulkItem
from tests.support.factories import make_operator, new_email


def test_ticked_operators_get_an_override_after_a_preview(at_admin, account, admin):
    for number in range(7):
        make_operator(account, new_email("bulk"), name=f"Person {number}", single_sign_on=number == 6)
    at_admin.go("/operators/")
    at_admin.looks_well("bulk-list")
    at_admin.page.get_by_label("All on this page").check()
    expect(at_admin.page.locator("input[name=operator]:checked")).to_have_count(8)
    at_admin.page.get_by_label("Choose Anna Admin").uncheck()
    # Without an action the browser asks for one, and nobody has to tick again.
    at_admin.press("Preview")
    expect(at_admin.page.locator("input[name=operator]:checked")).to_have_count(7)
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


def test_a_reset_asks_for_the_reason_and_leaves_the_rest_of_the_list_alone(at_admin, account, admin):
    for number in range(3):
        make_operator(account, new_email("long"), name=f"Person {number}", enrolled=number < 2)
    at_admin.go("/operators/?search=person")
    at_admin.page.get_by_label("All 3 that match").check()
    at_admin.page.get_by_label("Action").select_option("reset")
    at_admin.press("Preview")
    at_admin.looks_well("bulk-preview-reset")
    at_admin.fill("Reason", "New phones")
    at_admin.page.get_by_label("How did you make sure").select_option("in person")
    at_admin.press("Confirm")
    at_admin.sees("2 of 3 done")


def test_an_action_that_runs_shows_how_far_it_is_and_can_be_cancelled(at_admin, account, admin):
    now = timezone.now()
    action = BulkAction.objects.create(
        account=account,
        key=uuid4(),
        kind="deactivate",
        asked_by=admin,
        asked_by_name=str(admin),
        created_at=now,
        alive_at=now,
    )
    for number in range(10):
        email = new_email("waiting")
        BulkItem.objects.create(
            action=action, operator_id=10**9 + number, name=f"Person {number}", email=email, state="waiting"
        )
    at_admin.go("/operators/bulk/actions/")
    at_admin.follow("Deactivate")
    at_admin.sees("0 of 10 done")
    action.items.filter(name__lt="Person 4").update(state="done")
    at_admin.sees("4 of 10 done")
    at_admin.looks_well("bulk-progress")
    at_admin.press("Cancel the rest")
    at_admin.sees("Cancelled. What was done already stays done.")
    at_admin.looks_well("bulk-cancelled")


def test_people_are_invited_from_a_table_after_its_mistakes_are_shown(at_admin, account, mail):
    ivo, uma = new_email("ivo"), new_email("uma")
    at_admin.go("/operators/add/")
    at_admin.looks_well("add-operator")
    at_admin.follow("Invite several people")
    table = f"Name;Email;Groups;Override\nIvo;{ivo};Administrators;Required\nUma;{uma};No such;\n"
    at_admin.fill("Or paste the rows", table)
    at_admin.press("Check")
    at_admin.sees("1 person can be invited")
    at_admin.sees("There is no group “No such”.")
    at_admin.looks_well("invite-many-errors")
    with at_admin.page.expect_download() as download:
        at_admin.press("Download the rows with errors (CSV)")
    assert uma in download.value.path().read_text()
    at_admin.fill("Or paste the rows", table.replace("No such", ""))
    at_admin.press("Check again")
    at_admin.press("Invite 2 people")
    at_admin.sees("2 of 2 done")
    assert mail.newest_to(ivo)
    assert mail.newest_to(uma)
