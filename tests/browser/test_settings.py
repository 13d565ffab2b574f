"""The account's setting, and an operator's override of it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.policy import Policy
from tests.support.factories import enroll
from tests.support.person import OVERRIDE, SCAN, choose_override


def test_an_administrator_changes_the_accounts_setting(at_admin, admin, account):
    enroll(admin)
    at_admin.go("/operators/")
    at_admin.page.get_by_text("Account setup", exact=True).first.click()
    at_admin.follow("Account settings")
    at_admin.sees("Never changed since the account was made.")
    at_admin.looks_well("settings")
    day = at_admin.page.get_by_label("Required from")
    expect(day).to_be_hidden()
    for label, policy in (("Required", "required"), ("Disabled", "disabled"), ("Optional", "optional")):
        at_admin.choose(label)
        expect(day).to_be_visible(visible=policy == "required")
        at_admin.looks_well(f"settings-{policy}")
        at_admin.press("Save")
        at_admin.heading("Who is affected")
        at_admin.looks_well(f"preview-{policy}")
        at_admin.press("Confirm")
        at_admin.sees(f"Two-factor authentication is now {label} for {account.name}.")
        at_admin.sees("Last changed by Anna Admin on")
        account.refresh_from_db()
        assert account.two_factor_policy == policy
    at_admin.press("Save")
    at_admin.sees("Nothing changed: that was the setting already.")


def test_an_operator_who_administers_nothing_is_refused(at_olga, olga):
    at_olga.expected_statuses.add(403)
    at_olga.go(olga.get_absolute_url())
    expect(at_olga.page.get_by_text("Account setup")).to_have_count(0)
    expect(at_olga.page.get_by_label(OVERRIDE)).to_have_count(0)
    at_olga.go("/account/settings/")
    at_olga.looks_well("403")
    at_olga.sees("administrator")


def test_an_override_is_set_and_taken_back(at_admin, olga):
    at_admin.go(olga.get_absolute_url())
    options = at_admin.page.locator("#override-options").get_by_label("Required", exact=True)
    expect(options).to_be_disabled()
    at_admin.page.get_by_label(OVERRIDE).check()
    expect(options).to_be_enabled()
    choose_override(at_admin, "Disabled")
    at_admin.page.get_by_label("Reason").fill("No phone until the new contract")
    at_admin.press("Save")
    at_admin.sees("This operator has an override: Disabled.")
    expect(at_admin.page.get_by_role("link", name=SCAN)).to_have_count(0)
    at_admin.sees("Two-factor authentication is disabled for this operator.")
    at_admin.looks_well("operator-override")
    choose_override(at_admin, "Required")
    at_admin.press("Save")
    at_admin.sees("gets an email with a setup link")
    expect(at_admin.page.get_by_role("link", name=SCAN)).to_be_visible()
    at_admin.page.get_by_label(OVERRIDE).uncheck()
    at_admin.press("Save")
    at_admin.sees("This operator has no override.")
    olga.refresh_from_db()
    assert olga.two_factor_override == ""


def test_an_override_is_greyed_and_kept_while_the_account_says_disabled(at_admin, account, olga):
    olga.two_factor_override = Policy.REQUIRED
    olga.save()
    account.two_factor_policy = Policy.DISABLED
    account.save()
    at_admin.go(olga.get_absolute_url())
    expect(at_admin.page.get_by_label(OVERRIDE)).to_be_disabled()
    expect(at_admin.page.get_by_label(OVERRIDE)).to_be_checked()
    at_admin.sees("Two-factor authentication cannot be used within the whole account.")
    at_admin.sees("The override is kept, and takes effect again when the account's setting changes.")
    at_admin.looks_well("operator-account-disabled")
    account.two_factor_policy = Policy.OPTIONAL
    account.save()
    at_admin.page.reload()
    at_admin.sees("gets an email with a setup link")


@pytest.mark.parametrize("policy", [Policy.REQUIRED, Policy.OPTIONAL])
def test_an_override_decides_at_the_next_sign_in(person, account, olga, mail, policy):
    olga.two_factor_override = policy
    olga.save()
    person.log_in(olga.email)
    person.heading("Check your email" if policy == Policy.REQUIRED else "My settings")


@pytest.mark.usefixtures("account", "mail")
def test_a_day_is_set_after_the_own_phone_and_offered_at_sign_in(at_admin, olga, person, phone):
    day = timezone.now() + timedelta(days=7)
    at_admin.go("/account/settings/")
    at_admin.choose("Required")
    at_admin.fill("Required from", f"{day:%Y-%m-%d}")
    at_admin.press("Save")
    at_admin.sees("Set up your own first")
    at_admin.looks_well("preview-enroll-first")
    at_admin.follow(SCAN)
    at_admin.set_up(phone)
    at_admin.save_recovery_codes()
    at_admin.heading("Who is affected")
    at_admin.looks_well("preview-day")
    at_admin.press("Confirm")
    at_admin.sees("7 days left.")
    at_admin.looks_well("settings-day")
    person.log_in(olga.email)
    person.heading("Set up two-factor authentication")
    person.sees("7 days left.")
    person.looks_well("offer")
    person.press("Not now")
    person.sees("7 days left to set up two-factor authentication.")
    person.looks_well("banner")
