"""An operator's own policy, and the login method."""

from datetime import date

import pytest
from django.urls import reverse

from accounts.days import first_moment
from accounts.models import AuditEntry
from accounts.policy import Policy
from invitations.models import Link
from operators.models import Operator
from tests.support.factories import make_operator, signed_in


def override(browser, operator, **data):
    return browser.post(reverse("operators:override", args=[operator.pk]), data, follow=True)


@pytest.mark.parametrize("policy", list(Policy))
def test_an_administrator_overrides_the_accounts_policy(admin_browser, operator, policy):
    answer = override(admin_browser, operator, override="on", policy=policy.value, reason="No phone")
    assert "Saved." in answer.text
    operator.refresh_from_db()
    assert operator.two_factor_override == policy.value
    assert AuditEntry.objects.latest("pk").action == "override"


def test_taking_the_tick_away_returns_to_the_accounts_policy(admin_browser, account):
    olga = make_operator(account, override=Policy.REQUIRED)
    override(admin_browser, olga, policy=Policy.REQUIRED.value)
    olga.refresh_from_db()
    assert olga.two_factor_override == ""


def test_the_same_override_again_changes_nothing(admin_browser, account):
    olga = make_operator(account, override=Policy.REQUIRED)
    answer = override(admin_browser, olga, override="on", policy=Policy.REQUIRED.value)
    assert "Nothing changed" in answer.text


def test_a_ticked_box_needs_a_choice(admin_browser, operator):
    answer = override(admin_browser, operator, override="on")
    assert "Choose one of the three settings." in answer.text


def test_an_unknown_policy_is_refused(admin_browser, operator):
    answer = override(admin_browser, operator, override="on", policy="sometimes")
    assert answer.status_code == 200
    operator.refresh_from_db()
    assert operator.two_factor_override == ""


ANOTHER_DAY = date(2099, 1, 1)


@pytest.mark.parametrize(
    ("before", "new", "lives"),
    [
        ((Policy.OPTIONAL, None, ""), Policy.REQUIRED, False),
        ((Policy.OPTIONAL, None, Policy.REQUIRED), "", False),
        ((Policy.REQUIRED, None, ""), Policy.DISABLED, False),
        ((Policy.REQUIRED, ANOTHER_DAY, ""), Policy.REQUIRED, False),
        ((Policy.OPTIONAL, None, ""), Policy.OPTIONAL, True),
        ((Policy.REQUIRED, None, ""), Policy.REQUIRED, True),
        ((Policy.REQUIRED, None, Policy.REQUIRED), "", True),
        ((Policy.DISABLED, None, ""), Policy.REQUIRED, True),
    ],
)
def test_an_override_kills_a_setup_link_where_it_asks_something_else(
    admin_browser, account, before, new, lives
):
    account.two_factor_policy, day, old = before
    account.required_from = day and first_moment(day)
    account.save()
    operator = make_operator(account, override=old)
    Link.issue(operator, Link.Purpose.SETUP, operator.email)
    choice = {"override": "on", "policy": new.value} if new else {}
    override(admin_browser, operator, reason="No phone", **choice)
    operator.refresh_from_db()
    assert operator.two_factor_override == new
    assert (Link.objects.get(user=operator).spent_at is None) == lives


def test_another_last_day_or_reason_leaves_the_setup_link(admin_browser, account):
    olga = make_operator(account, override=Policy.REQUIRED)
    Link.issue(olga, Link.Purpose.SETUP, olga.email)
    override(admin_browser, olga, override="on", policy="required", reason="Handles money")
    olga.refresh_from_db()
    assert olga.override_reason == "Handles money"
    assert Link.objects.get(user=olga).spent_at is None


def test_an_override_is_kept_and_greyed_while_the_account_is_disabled(admin_browser, account):
    olga = make_operator(account, override=Policy.REQUIRED)
    account.two_factor_policy = Policy.DISABLED
    account.save()
    page = admin_browser.get(olga.get_absolute_url()).text
    assert "<fieldset disabled>" in page
    assert "The override is kept" in page
    assert "cannot be used within the whole account" in page


def test_operators_do_not_override_themselves(operator_browser, operator):
    answer = override(operator_browser, operator, override="on", policy=Policy.DISABLED.value)
    assert answer.status_code == 403


def method(browser, operator, value):
    url = reverse("operators:sign-in-method", args=[operator.pk])
    return browser.post(url, {"sign_in_method": value}, follow=True)


def test_single_sign_on_ends_the_operators_sessions(admin_browser, operator):
    olgas = signed_in(operator)
    assert "have ended" in method(admin_browser, operator, "single_sign_on").text
    assert olgas.get(operator.get_absolute_url()).status_code == 302


def test_a_single_sign_on_operator_has_no_two_factor_controls(admin_browser, account):
    sam = make_operator(account, single_sign_on=True)
    page = admin_browser.get(sam.get_absolute_url()).text
    assert "identity provider sees to the second factor" in page
    assert "single sign-on is not set up" in page
    assert "Scan QR code" not in page


def test_the_same_sign_in_method_again_changes_nothing(admin_browser, operator):
    assert "Nothing changed" in method(admin_browser, operator, "password").text


def test_an_unknown_sign_in_method_is_refused(admin_browser, operator):
    method(admin_browser, operator, "magic")
    operator.refresh_from_db()
    assert operator.sign_in_method == Operator.SignInMethod.PASSWORD


def test_an_invited_operator_is_not_moved_to_single_sign_on(admin_browser, account):
    ivo = make_operator(account, invited=True)
    assert "Withdraw the invitation first" in method(admin_browser, ivo, "single_sign_on").text


def test_the_last_administrator_is_not_moved_to_single_sign_on(admin_browser, admin):
    assert "last administrator" in method(admin_browser, admin, "single_sign_on").text
