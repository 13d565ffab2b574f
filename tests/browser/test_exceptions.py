"""Excepting an operator from the account's rule, finding the exception again, and reminding the others."""

from datetime import timedelta

from playwright.sync_api import expect

from accounts.days import server_day
from accounts.policy import Policy
from tests.support.person import OVERRIDE, choose_override


def test_an_exception_takes_a_reason_and_a_last_day_and_is_on_the_list(at_admin, account, olga):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    at_admin.go(olga.get_absolute_url())
    reason = at_admin.page.get_by_label("Reason", exact=True)
    expect(reason).to_be_disabled()
    at_admin.page.get_by_label(OVERRIDE).check()
    choose_override(at_admin, "Disabled")
    at_admin.press("Save")
    at_admin.sees("Say why this operator is asked for less than the account asks of everybody.")
    expect(reason).to_be_focused()
    at_admin.looks_well("exception-without-reason")
    reason.fill("No phone until the new contract")
    at_admin.page.get_by_label("Last day").fill((server_day() + timedelta(days=20)).isoformat())
    at_admin.press("Save")
    at_admin.sees("Reason: No phone until the new contract")
    at_admin.looks_well("exception")
    at_admin.go("/exceptions/")
    at_admin.sees("Disabled instead of Required")
    at_admin.looks_well("exceptions")
    at_admin.page.get_by_role("link", name="1 ending within 30 days").click()
    at_admin.follow(olga.name)
    at_admin.page.get_by_label(OVERRIDE).uncheck()
    at_admin.press("Save")
    at_admin.sees("This operator has no override.")


def test_the_reminder_is_shown_before_it_is_sent(at_admin, account, olga):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    at_admin.go("/reminders/")
    at_admin.sees(f"{account.name} requires two-factor authentication, and you have not set it up yet.")
    at_admin.looks_well("reminders")
    at_admin.page.get_by_role("button", name="Send").click()
    at_admin.sees("The reminders are on their way.")
    at_admin.page.get_by_label("Days between reminders").fill("7")
    at_admin.press("Save schedule")
    at_admin.sees("Every 7 days.")
    at_admin.looks_well("reminders-sent")
