"""Ending the sessions that lack the second factor a stricter policy asks for."""

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
from operators.models.session import Session
from tests.support.factories import enroll, make_account, make_operator, signed_in
from twofactor.made_by import MadeBy

SETTINGS = reverse("accounts:settings")
END = reverse("operators:end-unprotected")
OFFER = "Signed in without two-factor authentication"


def require(browser: Client) -> str:
    """Store Required; return Account settings."""
    Account.objects.filter(groups__memberships__operator=browser.session["_auth_user_id"]).update(
        two_factor_policy=Policy.REQUIRED
    )
    text: str = browser.get(SETTINGS).text
    return text


@pytest.fixture
def unprotected(account: Account) -> Operator:
    """Logged in twice and not enrolled."""
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
    assert "1 operator is signed in without the two-factor authentication that a login now" in page
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


def test_an_override_that_requires_counts_where_others_need_not(account, admin_browser, unprotected):
    other = make_operator(account, override=Policy.REQUIRED)
    signed_in(other)
    assert OFFER in admin_browser.get(SETTINGS).text
    assert "1 session has ended." in admin_browser.post(END, follow=True).text
    assert (sessions_of(other), sessions_of(unprotected)) == (0, 2)


def test_nothing_ends_while_the_setting_is_disabled(account, admin_browser):
    others = [make_operator(account, override=Policy.REQUIRED), make_operator(account, enrolled=True)]
    for other in others:
        without_a_code(other)
    Account.objects.filter(pk=account.pk).update(two_factor_policy=Policy.DISABLED)
    assert "Nobody is signed in without" in admin_browser.get(END).text
    assert "There was no session to end." in admin_browser.post(END, follow=True).text
    assert [sessions_of(other) for other in others] == [1, 1]


# Who has an authenticator and gave no code


def without_a_code(operator: Operator, made_by: str = MadeBy.PASSWORD) -> Client:
    """A browser in which the operator logged in this way, without a code."""
    browser = Client()
    browser.force_login(operator)
    Session.objects.filter(user=operator, code_given=False).update(made_by=made_by)
    return browser


@pytest.mark.parametrize("policy", [Policy.REQUIRED, Policy.OPTIONAL])
@pytest.mark.parametrize("made_by", ["", MadeBy.PASSWORD, MadeBy.INVITATION])
def test_a_session_without_a_code_of_somebody_enrolled_counts_and_ends(
    account, admin_browser, policy, made_by
):
    other = make_operator(account, enrolled=True)
    without_a_code(other, made_by)
    Account.objects.filter(pk=account.pk).update(two_factor_policy=policy)
    assert "End this 1 session" in admin_browser.get(SETTINGS).text
    assert "1 session has ended." in admin_browser.post(END, follow=True).text
    assert sessions_of(other) == 0


def test_those_with_a_code_or_by_a_trusted_browser_stay(account, admin_browser):
    other = make_operator(account, enrolled=True)
    without_a_code(other, MadeBy.TRUSTED_BROWSER)
    signed_in(other)
    assert OFFER not in require(admin_browser)
    admin_browser.post(END)
    assert sessions_of(other) == 2


def test_of_one_person_only_those_without_a_code_end(account, admin_browser):
    other = make_operator(account, enrolled=True)
    with_a_code = signed_in(other)
    without_a_code(other)
    require(admin_browser)
    admin_browser.post(END)
    assert sessions_of(other) == 1
    assert with_a_code.get(other.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("enrolled", [True, False])
def test_an_override_that_rises_says_how_many_sessions_came_without_it(account, admin_browser, enrolled):
    other = make_operator(account, name="Olga", override=Policy.DISABLED, enrolled=enrolled)
    for _ in range(2):
        without_a_code(other)
    data = {"override": "on", "policy": "required"}
    page = admin_browser.post(reverse("operators:override", args=[other.pk]), data, follow=True).text
    assert "2 sessions of Olga were opened without it." in page
    assert sessions_of(other) == 2
    assert "2 sessions have ended." in admin_browser.post(END, follow=True).text


def test_one_that_falls_says_nothing_of_sessions(account, admin_browser):
    other = make_operator(account, name="Olga", override=Policy.REQUIRED)
    without_a_code(other)
    url = reverse("operators:override", args=[other.pk])
    assert "1 session of Olga" not in admin_browser.post(url, {}, follow=True).text


def test_nor_does_ones_own(admin, admin_browser):
    data = {"override": "on", "policy": "required"}
    page = admin_browser.post(reverse("operators:override", args=[admin.pk]), data, follow=True).text
    assert "opened without it" not in page


def test_the_overview_offers_it_too(admin_browser, account, unprotected):
    require(admin_browser)
    assert "End these 2 sessions" in admin_browser.get(reverse("operators:overview")).text


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
    with CaptureQueriesContext(connection) as captured:
        admin_browser.post(END)
    deletes = [query["sql"] for query in captured if query["sql"].startswith("DELETE")]
    assert len(deletes) == 1
    assert "SELECT" in deletes[0]
    assert Session.objects.count() == 1
