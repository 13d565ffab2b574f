"""After a rise to Required: ending the sessions of those who have no second factor."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from operators.session_models import Session
from tests.factories import enroll, make_account, make_operator, signed_in

SETTINGS = reverse("accounts:settings")
END = reverse("operators:end-unprotected")
OFFER = "Signed in without two-factor authentication"


def require(browser: Client) -> str:
    """Have Required stored; return Account settings."""
    Account.objects.filter(groups__memberships__operator=browser.session["_auth_user_id"]).update(
        two_factor_policy=Policy.REQUIRED
    )
    text: str = browser.get(SETTINGS).text
    return text


@pytest.fixture
def unprotected(account: Account) -> Operator:
    """Somebody who is signed in twice and not enrolled."""
    operator = make_operator(account)
    signed_in(operator)
    signed_in(operator)
    return operator


def sessions_of(operator: Operator) -> int:
    return Session.objects.filter(user=operator).count()


def test_a_rise_to_required_offers_to_end_the_sessions_of_those_not_enrolled(admin_browser, unprotected):
    assert OFFER not in admin_browser.get(SETTINGS).text
    page = require(admin_browser)
    assert OFFER in page
    assert "End these 2 sessions" in page
    assert "1 operator who must" in page
    assert sessions_of(unprotected) == 2


def test_the_popup_says_what_happens_and_the_button_does_it(admin, admin_browser, unprotected):
    require(admin_browser)
    popup = admin_browser.get(END).text
    assert "2 sessions end at once." in popup
    assert "You have not set up two-factor authentication yourself." in popup
    assert sessions_of(unprotected) == 2
    page = admin_browser.post(END, follow=True).text
    assert "2 sessions have ended." in page
    assert OFFER not in page
    assert sessions_of(unprotected) == 0
    entry = AuditEntry.objects.get(action=Action.UNPROTECTED_ENDED)
    assert (entry.old, entry.actor_id, entry.subject_id) == ("2", admin.pk, None)


def test_the_administrators_own_session_goes_on_and_their_others_do_not(admin, admin_browser, unprotected):
    elsewhere = signed_in(admin)
    require(admin_browser)
    assert "3 sessions have ended." in admin_browser.post(END, follow=True).text
    assert elsewhere.get(SETTINGS).status_code == 302


def test_an_administrator_who_is_enrolled_is_told_to_be_left_out(admin, admin_browser, unprotected):
    enroll(admin)
    require(admin_browser)
    assert "Your own session is not among them." in admin_browser.get(END).text


@pytest.mark.parametrize(
    "who",
    [
        {"enrolled": True},
        {"single_sign_on": True},
        {"override": Policy.OPTIONAL},
        {"override": Policy.DISABLED},
    ],
)
def test_whoever_need_not_use_a_second_factor_or_has_one_stays(account, admin_browser, unprotected, who):
    other = make_operator(account, **who)
    signed_in(other)
    require(admin_browser)
    admin_browser.post(END)
    assert (sessions_of(other), sessions_of(unprotected)) == (1, 0)


@pytest.mark.parametrize("override", [Policy.REQUIRED, "damaged"])
def test_an_override_that_requires_counts(account, admin_browser, override):
    other = make_operator(account, override=override)
    signed_in(other)
    require(admin_browser)
    admin_browser.post(END)
    assert sessions_of(other) == 0


def test_other_accounts_are_left_alone(admin_browser):
    foreign = make_operator(make_account(Policy.REQUIRED, name="Other"))
    signed_in(foreign)
    assert OFFER not in require(admin_browser)
    admin_browser.post(END)
    assert sessions_of(foreign) == 1


@pytest.mark.parametrize("policy", ["optional", "disabled"])
def test_nothing_ends_while_the_setting_is_not_required(account, admin_browser, policy):
    other = make_operator(account, override=Policy.REQUIRED)
    signed_in(other)
    Account.objects.filter(pk=account.pk).update(two_factor_policy=policy)
    assert "Nobody is signed in without" in admin_browser.get(END).text
    assert "There was no session to end." in admin_browser.post(END, follow=True).text
    assert sessions_of(other) == 1


def test_a_damaged_setting_counts_as_required(account, admin_browser, unprotected):
    Account.objects.filter(pk=account.pk).update(two_factor_policy="damaged")
    assert OFFER in admin_browser.get(SETTINGS).text
    admin_browser.post(END)
    assert sessions_of(unprotected) == 0


def test_expired_sessions_are_not_counted(admin_browser, unprotected):
    Session.objects.filter(user=unprotected).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert OFFER not in require(admin_browser)
    admin_browser.post(END)
    assert not AuditEntry.objects.filter(action=Action.UNPROTECTED_ENDED).exists()


def test_one_statement_ends_them_all(account, admin_browser, unprotected):
    for _ in range(5):
        signed_in(make_operator(account))
    require(admin_browser)
    with CaptureQueriesContext(connection) as found:
        admin_browser.post(END)
    deletes = [query["sql"] for query in found if query["sql"].startswith("DELETE")]
    assert len(deletes) == 1
    assert "SELECT" in deletes[0]
    assert Session.objects.count() == 1
