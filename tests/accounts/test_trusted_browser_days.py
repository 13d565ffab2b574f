"""The account's setting for trusted browsers."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import Account, Action, AuditEntry
from tests.support.factories import enroll, make_operator, set_policy

PAGE = reverse("accounts:settings")
URL = reverse("accounts:trusted-browsers")


def days(account: Account) -> int | None:
    return Account.objects.get(pk=account.pk).trusted_browser_days


def trail() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(action=Action.TRUSTED_BROWSERS).values_list("old", "new"))


def test_it_is_off_at_first_and_the_page_says_so(admin_browser, account):
    assert days(account) is None
    assert "types a code at every sign-in" in admin_browser.get(PAGE).text


@pytest.mark.parametrize(("typed", "stored", "words"), [("1", 1, "1 day"), ("90", 90, "90 days")])
def test_an_administrator_allows_it_for_some_days(admin_browser, account, typed, stored, words):
    page = admin_browser.post(URL, {"trusted_browser_days": typed}, follow=True).text
    assert f"Operators may now trust a browser for {words}." in page
    assert f"in that browser for {words}" in page
    assert days(account) == stored
    assert trail() == [("off", words)]


def test_it_is_switched_off_by_leaving_the_field_empty(admin_browser, account):
    admin_browser.post(URL, {"trusted_browser_days": "30"})
    page = admin_browser.post(URL, {"trusted_browser_days": ""}, follow=True).text
    assert "No browser is trusted any more" in page
    assert days(account) is None
    assert trail()[0] == ("30 days", "off")


def test_the_same_again_changes_nothing(admin_browser):
    assert "Nothing changed" in admin_browser.post(URL, {}, follow=True).text
    assert trail() == []


@pytest.mark.parametrize("typed", ["0", "91", "-1", "1.5", "many", "9" * 40, "1" * 10_240, "\0"])
def test_what_is_no_number_of_days_is_refused_beside_the_field(admin_browser, account, typed):
    answer = admin_browser.post(URL, {"trusted_browser_days": typed})
    assert answer.status_code == 200
    assert "has-error" in answer.text
    assert days(account) is None


def test_the_policy_is_not_touched_by_it_and_it_not_by_the_policy(admin, admin_browser, account):
    enroll(admin)
    admin_browser.post(URL, {"trusted_browser_days": "30"})
    set_policy(admin_browser, "required")
    stored = Account.objects.get(pk=account.pk)
    assert (stored.two_factor_policy, stored.trusted_browser_days) == ("required", 30)


@pytest.mark.parametrize("number", [0, 91])
def test_the_database_refuses_what_the_form_does(account, number):
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=account.pk).update(trusted_browser_days=number)


def test_the_operator_page_says_what_it_means_for_the_next_sign_in(admin_browser, account):
    url = make_operator(account, enrolled=True).get_absolute_url()
    assert "and then a code from the authenticator app." in admin_browser.get(url).text
    admin_browser.post(URL, {"trusted_browser_days": "30"})
    assert "and, save in a trusted browser, a code" in admin_browser.get(url).text
