"""The account-wide setting, and the trail of it."""

import pytest
from django.urls import reverse

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action, AppendOnlyError, AuditEntry
from accounts.policy import Policy
from tests.support.factories import enroll, set_policy

URL = reverse("accounts:settings")


@pytest.mark.parametrize("policy", [Policy.REQUIRED, Policy.DISABLED])
def test_an_administrator_changes_the_setting_and_the_page_says_who_it_was(
    admin, admin_browser, account, policy
):
    enroll(admin)
    answer = set_policy(admin_browser, policy.value)
    assert "Two-factor authentication is now" in answer.text
    assert "Last changed by <bdi>Anna Admin</bdi> on" in answer.text
    assert Account.objects.get(pk=account.pk).two_factor_policy == policy.value
    entry = AuditEntry.objects.latest("pk")
    assert (entry.old, entry.actor_name) == ("Optional", "Anna Admin (anna@example.com)")


def test_the_same_setting_again_changes_nothing(admin_browser):
    page = admin_browser.post(URL, {"two_factor_policy": "optional"}, follow=True).text
    assert "Nothing changed" in page
    assert "Never changed" in page


@pytest.mark.parametrize("value", ["", "sometimes", "\0"])
def test_what_is_no_setting_is_refused_beside_the_field(admin_browser, account, value):
    assert "has-error" in admin_browser.post(URL, {"two_factor_policy": value}).text
    assert Account.objects.get(pk=account.pk).two_factor_policy == "optional"


def test_operators_neither_see_nor_change_it(operator_browser):
    assert operator_browser.get(URL).status_code == 403
    assert operator_browser.post(URL, {"two_factor_policy": "disabled"}).status_code == 403


def test_the_trail_can_only_grow(account):
    record(Action.ACCOUNT_CREATED, by=Origin(), account=account)
    entry = AuditEntry.objects.get()
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            change()
    with pytest.raises(AppendOnlyError):
        AuditEntry.objects.update(new="else")
    assert str(account) in str(account.name)
    assert "Account created" in str(entry)


def test_an_entry_about_nobody_is_a_mistake(db):
    with pytest.raises(ValueError, match="needs an account"):
        record(Action.SIGNED_IN, by=Origin())
