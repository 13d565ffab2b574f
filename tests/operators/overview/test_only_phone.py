"""An account that would lose its only administrator with one phone tells that person."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from accounts.policy import Policy
from operators.models import Operator
from tests.support.factories import PASSWORD, code_for, enroll, make_account, make_operator, signed_in
from twofactor.code_limits import FAILURES_THAT_LOCK
from twofactor.models import Authenticator

SETTINGS = reverse("accounts:settings")
LOGIN = reverse("operators:login")
VERIFY = reverse("twofactor:verify")
NOTE = "Without your phone nobody can administer this account"
AT_SIGN_IN = "You are the only administrator who can sign in"


@pytest.fixture
def anna(admin: Operator) -> Operator:
    """The only administrator, enrolled, who has used up her recovery codes."""
    enroll(admin)
    leave_codes(admin, "")
    return admin


def leave_codes(operator: Operator, hashes: str, **fields: object) -> None:
    Authenticator.objects.filter(user=operator).update(recovery_hashes=hashes, **fields)


def colleague(account: Account, **fields: object) -> Operator:
    return make_operator(account, administrator=True, **fields)  # type: ignore[arg-type]


def settings_of(operator: Operator) -> str:
    return signed_in(Operator.objects.get(pk=operator.pk)).get(SETTINGS).text


def sign_in(operator: Operator, browser: Client | None = None) -> str:
    """Give password and code; return the next page."""
    browser = browser or Client()
    page = browser.post(LOGIN, {"email": operator.email, "password": PASSWORD}, follow=True)
    if page.redirect_chain[-1][0] == VERIFY:
        page = browser.post(VERIFY, {"code": code_for(), "trust": "on"}, follow=True)
    return page.text


def test_the_only_administrator_without_recovery_codes_is_warned(anna):
    assert NOTE in settings_of(anna)
    page = sign_in(anna)
    assert AT_SIGN_IN in page
    assert "only an administrator can help you" not in page


def test_codes_that_were_never_saved_are_none(anna):
    leave_codes(anna, "a b c d", recovery_saved_at=None)
    assert NOTE in settings_of(anna)
    assert AT_SIGN_IN in sign_in(anna)


def test_one_recovery_code_is_a_way_back(anna):
    leave_codes(anna, "a", recovery_saved_at=timezone.now())
    assert NOTE not in settings_of(anna)
    assert AT_SIGN_IN not in sign_in(anna)


def test_whoever_is_not_enrolled_has_no_phone_to_lose(admin):
    assert NOTE not in settings_of(admin)


@pytest.mark.parametrize("fields", [{}, {"enrolled": True}, {"override": Policy.REQUIRED}])
def test_another_administrator_who_can_sign_in_is_a_way_back(anna, account, fields):
    colleague(account, **fields)
    assert NOTE not in settings_of(anna)
    page = sign_in(anna)
    assert AT_SIGN_IN not in page
    assert "only an administrator can help you" in page


@pytest.mark.parametrize(
    "fields",
    [
        {"active": False},
        {"invited": True},
        {"single_sign_on": True},
        {"frozen_at": timezone.now()},
        {"enrolled": True, "code_failures": FAILURES_THAT_LOCK},
    ],
)
def test_an_administrator_who_cannot_sign_in_is_no_way_back(anna, account, fields):
    colleague(account, **fields)
    assert NOTE in settings_of(anna)


def test_a_lock_counts_only_where_a_code_is_asked_for(anna, account):
    colleague(account, enrolled=True, code_failures=FAILURES_THAT_LOCK, override=Policy.DISABLED)
    assert NOTE not in settings_of(anna)


def test_an_operator_and_an_administrator_elsewhere_are_no_way_back(anna, account):
    make_operator(account)
    colleague(make_account())
    assert NOTE in settings_of(anna)


def test_nothing_is_said_while_no_code_is_asked_for(anna, account):
    account.two_factor_policy = Policy.DISABLED
    account.save()
    assert NOTE not in settings_of(anna)
    assert AT_SIGN_IN not in sign_in(anna)


def test_an_operator_who_administers_nothing_is_told_to_ask_an_administrator(operator):
    enroll(operator)
    leave_codes(operator, "")
    assert "only an administrator can help you" in sign_in(operator)


def test_a_trusted_browser_warns_too_once_for_each_sign_in(anna, account):
    account.trusted_browser_days = 30
    account.save()
    browser = Client()
    sign_in(anna, browser)
    browser.post(reverse("operators:logout"))
    assert AT_SIGN_IN in sign_in(anna, browser)
    assert AT_SIGN_IN not in browser.get(reverse("operators:list")).text


def test_the_question_costs_one_query_and_only_where_it_matters(anna, admin_browser):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(SETTINGS)
        return len(captured)

    at_risk = queries()
    leave_codes(anna, "a", recovery_saved_at=timezone.now())
    assert queries() == at_risk - 1
