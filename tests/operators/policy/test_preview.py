"""A new account policy is previewed before it is stored: whom it affects, and how."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import Account, Action, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import AccountRule, Override, Policy
from accounts.settings_page import change_policy
from operators.models import Operator
from operators.policy.preview import people_in, preview_of
from operators.rules.policy_change import Change, Effect
from operators.rules.status import Facts
from tests.support.factories import (
    code_for,
    confirm_data,
    enroll,
    make_account,
    make_operator,
    set_policy,
    signed_in,
)
from tests.support.flows import key_on

SETTINGS = reverse("accounts:settings")
PREVIEW = reverse("operators:policy-preview")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = datetime(2026, 12, 1, tzinfo=UTC)
CHANGED = "Something has changed since you looked"
ENROLL = "Set up your own first"


@pytest.fixture(autouse=True)
def _today(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def anna(account: Account) -> Operator:
    return make_operator(account, "anna@example.com", name="Anna", administrator=True, enrolled=True)


@pytest.fixture
def browser(anna: Operator) -> Client:
    return signed_in(anna)


def rule_of(account: Account) -> tuple[str, datetime | None]:
    account.refresh_from_db()
    return account.two_factor_policy, account.required_from


def shown_to(browser: Client, policy: str, day: str = "") -> str:
    text: str = browser.get(PREVIEW, {"two_factor_policy": policy, "required_from": day}).text
    return text


# From the form to the preview


def test_save_leads_to_the_preview_and_stores_nothing(browser, account):
    answer = browser.post(SETTINGS, {"two_factor_policy": "required", "required_from": "2026-12-01"})
    assert answer.url == f"{PREVIEW}?two_factor_policy=required&required_from=2026-12-01"
    page = browser.get(answer.url).text
    assert "now Optional, <strong>Required from 1 Dec 2026 on</strong> once you confirm" in page
    assert rule_of(account) == ("optional", None)


def test_confirm_stores_it_and_the_trail_says_from_when(browser, account):
    page = set_policy(browser, "required", "2026-12-01").text
    assert (
        "is required for Acme Monitoring from 1 Dec 2026 on. Until then each sign-in offers to set it up."
        in page
    )
    assert "Two-factor authentication is required from 1 Dec 2026 on: 7 days left." in page
    assert rule_of(account) == ("required", DAY)
    entry = AuditEntry.objects.get(action=Action.ACCOUNT_POLICY)
    assert (entry.old, entry.new) == ("Optional", "Required from 1 Dec 2026 on")
    assert "7 days left." in browser.get(reverse("operators:list")).text


@pytest.mark.parametrize("day", ["2026-12-08", "2026-11-25", ""])
def test_the_day_can_be_moved_later_earlier_and_to_at_once(browser, account, day):
    set_policy(browser, "required", "2026-12-01")
    assert 'value="2026-12-01"' in browser.get(SETTINGS).text
    set_policy(browser, "required", day)
    expected = datetime.fromisoformat(f"{day}T00:00+00:00") if day else None
    assert rule_of(account) == ("required", expected)


@pytest.mark.parametrize("policy", ["optional", "disabled"])
def test_another_setting_takes_the_day_away(browser, account, policy):
    set_policy(browser, "required", "2026-12-01")
    set_policy(browser, policy, "2026-12-01")
    assert rule_of(account) == (policy, None)


@pytest.mark.parametrize("day", ["2026-11-25", "2027-11-24"])
def test_a_day_within_a_year_is_taken(browser, account, day):
    set_policy(browser, "required", day)
    assert rule_of(account)[1] == datetime.fromisoformat(f"{day}T00:00+00:00")


@pytest.mark.parametrize("day", ["2026-11-24", "2026-11-23", "2027-11-25", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_to_come_is_refused_beside_the_field(browser, account, day):
    chosen = {"two_factor_policy": "required", "required_from": day}
    for page in (browser.post(SETTINGS, chosen), browser.get(PREVIEW, chosen), browser.post(PREVIEW, chosen)):
        assert "Choose a day after today, within a year." in page.text
    assert rule_of(account) == ("optional", None)


@pytest.mark.parametrize("day", ["tomorrow", "01.12.2026", "2026-13-01", "9" * 40])
def test_what_is_no_day_is_refused_beside_the_field(browser, day):
    page = browser.post(SETTINGS, {"two_factor_policy": "required", "required_from": day}).text
    assert "Type a day like 2027-01-31, or leave the field empty." in page


@pytest.mark.parametrize("day", ["2026-11-23", "2030-01-01", "tomorrow"])
def test_beside_another_setting_the_day_is_ignored_whatever_it_is(browser, account, day):
    chosen = {"two_factor_policy": "disabled", "required_from": day}
    assert browser.post(SETTINGS, chosen).url == f"{PREVIEW}?two_factor_policy=disabled"
    set_policy(browser, "disabled", day)
    assert rule_of(account) == ("disabled", None)


@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_the_setting_already_changes_nothing(browser, method):
    answer = getattr(browser, method)(PREVIEW, {"two_factor_policy": "optional"}, follow=True)
    assert "Nothing changed: that was the setting already." in answer.text


def test_a_day_that_has_come_is_the_same_as_at_once(browser, account):
    Account.objects.update(two_factor_policy=Policy.REQUIRED, required_from=NOW)
    answer = browser.get(PREVIEW, {"two_factor_policy": "required"}, follow=True)
    assert "Nothing changed" in answer.text
    assert not change_policy(Account.objects.get(), Policy.REQUIRED, Origin())


# The groups


def test_everybody_is_named_in_the_group_of_what_will_happen(browser, account):
    make_operator(account, name="Stopped")
    make_operator(account, name="Protected", enrolled=True)
    make_operator(account, name="Exempt", override=Policy.OPTIONAL)
    make_operator(account, name="Single", single_sign_on=True)
    make_operator(account, name="Already", override=Policy.REQUIRED)
    make_operator(account, name="Ivo", invited=True)
    make_operator(account, name="Gone", active=False)
    page = shown_to(browser, "required")
    for title in (
        "Stopped at the next sign-in",
        "Already protected",
        "Exempt by an override",
        "Single sign-on",
        "Stopped already",
        "Invited, and will set up while joining",
        "Cannot sign in at present",
    ):
        assert title in page
    for name in ("Stopped", "Protected", "Exempt", "Single", "Already", "Ivo", "Gone"):
        assert f"<bdi>{name}</bdi> (" in page
    assert "No longer asked" not in page
    assert page.count("You are one of them.") == 1


def test_who_is_no_longer_asked_is_named(browser, account):
    Account.objects.update(two_factor_policy=Policy.REQUIRED)
    make_operator(account, name="Olga")
    make_operator(account, name="Ivo", invited=True)
    page = shown_to(browser, "disabled")
    assert "No longer asked" in page
    assert "Invited, and need not set up while joining" in page


def test_a_day_to_come_says_from_when_people_are_stopped(browser, account):
    make_operator(account)
    assert "Stopped from 1 Dec 2026 on" in shown_to(browser, "required", "2026-12-01")


def test_an_override_that_ends_before_the_day_exempts_nobody(account):
    make_operator(account, override=Policy.OPTIONAL, override_until=DAY - timedelta(days=1))
    make_operator(account, override=Policy.OPTIONAL, override_until=DAY + timedelta(days=1))
    change = Change(account.rule, AccountRule(Policy.REQUIRED, DAY), NOW)
    counts = preview_of(account, change).counts
    assert (counts[Effect.MUST_SET_UP], counts[Effect.EXEMPT]) == (1, 1)


STATES: list[dict[str, Any]] = [
    {"invited": True},
    {"active": False},
    {"frozen_at": NOW},
    {"single_sign_on": True},
    {"enrolled": True},
    {"enrolled": True, "code_failures": 100},
    {},
]
RULES = [
    AccountRule("required"),
    AccountRule("required", DAY),
    AccountRule("optional"),
    AccountRule("disabled"),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("old", "new"), [pair for pair in product(RULES, RULES) if pair[0] != pair[1]])
def test_the_numbers_are_those_of_the_decision_for_each_operator(account, old, new):
    for state, override in product(STATES, ["", *Policy, "damaged"]):
        make_operator(account, override=override, **state)
    change = Change(old, new, NOW)
    preview = preview_of(account, change)
    people = list(Operator.objects.complete().filter(account=account))
    assert sum(preview.counts[effect] for effect in Effect) == len(people)
    for effect in Effect:
        expected = {operator.pk for operator in people if change.effect_on(operator.facts) is effect}
        assert {operator.pk for operator in people_in(account, change, effect)} == expected
        assert preview.counts[effect] == len(expected)


def test_those_whose_last_email_failed_are_named_apart(browser, account):
    mails = {
        "Nora": ["failed"],
        "Mary": ["failed", "sent"],
        "Fay": ["sent", "failed"],
        "Will": ["waiting"],
        "Rex": ["refused"],
        "Ray": ["refused", "sent"],
    }
    for name, states in mails.items():
        operator = make_operator(account, name=name)
        for state in states:
            OutgoingMail.objects.create(
                account=account, to=operator.email, state=state, created_at=NOW, next_try_at=NOW
            )
    change = Change(account.rule, AccountRule(Policy.REQUIRED), NOW)
    assert [one.name for one in people_in(account, change, "no-mail")] == ["Fay", "Nora", "Rex"]
    assert "Perhaps without email" in shown_to(browser, "required")


def test_other_accounts_are_not_counted(browser, account):
    make_operator(make_account(name="Other"), name="Foreign")
    assert "Stopped at the next sign-in" not in shown_to(browser, "required")


def test_the_full_list_has_pages(browser, account):
    for number in range(30):
        make_operator(account, name=f"Olga {number:02}")
    page = shown_to(browser, "required")
    assert "and 25 more." in page
    url = reverse("operators:policy-preview-people", args=["must-set-up"])
    assert f"{url}?two_factor_policy=required" in page
    second = browser.get(url, {"two_factor_policy": "required", "page": "2"}).text
    assert "26–30 of 30" in second
    assert "Olga 29" in second


def test_the_list_of_an_empty_group_says_so_and_an_unknown_group_is_none(browser):
    chosen = {"two_factor_policy": "required"}
    empty = browser.get(reverse("operators:policy-preview-people", args=["exempt"]), chosen)
    assert "Nobody is in this group by now." in empty.text
    unknown = reverse("operators:policy-preview-people", args=["nonsense"])
    assert browser.get(unknown, chosen).status_code == 404
    assert browser.get(unknown).url == SETTINGS


def test_the_number_of_queries_does_not_grow(browser, account):
    counts = []
    for more in (6, 30):
        for _ in range(more):
            make_operator(account)
        with CaptureQueriesContext(connection) as captured:
            shown_to(browser, "required")
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 6


# Somebody else was faster


def change_the_rule(account: Account) -> None:
    Account.objects.update(two_factor_policy=Policy.DISABLED)


def change_the_day(account: Account) -> None:
    Account.objects.update(two_factor_policy=Policy.REQUIRED, required_from=DAY)


def override_somebody(account: Account) -> None:
    Operator.objects.filter(email="olga@example.com").update(two_factor_override=Policy.OPTIONAL)


def add_somebody(account: Account) -> None:
    make_operator(account)


def enroll_somebody(account: Account) -> None:
    enroll(Operator.objects.get(email="olga@example.com"))


@pytest.mark.parametrize(
    "event", [change_the_rule, change_the_day, override_somebody, add_somebody, enroll_somebody]
)
def test_what_changed_in_between_is_shown_anew_and_nothing_is_stored(browser, account, operator, event):
    data = confirm_data(browser, "required")
    event(account)
    before = rule_of(account)
    answer = browser.post(PREVIEW, data)
    assert CHANGED in answer.text
    assert rule_of(account) == before
    browser.post(PREVIEW, {**data, "shown": answer.context["shown"]})
    assert rule_of(account) == ("required", None)


def one_sets_up_and_one_is_reset(account: Account) -> None:
    enroll(Operator.objects.get(email="olga@example.com"))
    Operator.objects.get(email="paul@example.com").authenticator.delete()


def one_is_deactivated_and_one_activated(account: Account) -> None:
    Operator.objects.filter(email="olga@example.com").update(is_active=False)
    Operator.objects.filter(email="dan@example.com").update(is_active=True)


@pytest.mark.parametrize("event", [one_sets_up_and_one_is_reset, one_is_deactivated_and_one_activated])
def test_as_many_others_are_not_the_same_people(browser, account, operator, event):
    make_operator(account, "paul@example.com", enrolled=True)
    make_operator(account, "dan@example.com", active=False)
    data = confirm_data(browser, "required")
    counts = [group.count for group in browser.get(PREVIEW, data).context["groups"]]
    event(account)
    answer = browser.post(PREVIEW, data)
    assert [group.count for group in answer.context["groups"]] == counts
    assert CHANGED in answer.text
    assert "The numbers are as before, but not the people" in answer.text
    assert rule_of(account) == ("optional", None)


def test_the_numbers_that_changed_are_said(browser, account, operator):
    data = confirm_data(browser, "required")
    enroll(operator)
    answer = browser.post(PREVIEW, data).text
    assert "Stopped at the next sign-in: 1 before, 0 now." in answer
    assert "The numbers are as before" not in answer


@pytest.mark.parametrize("was", ["", "x", "must-set-up:x,:,,", "must-set-up:1" * 900])
def test_no_numbers_from_before_break_the_page(browser, account, operator, was):
    answer = browser.post(PREVIEW, {"two_factor_policy": "required", "was": was})
    assert CHANGED in answer.text


def test_without_what_was_shown_nothing_is_stored(browser, account):
    assert CHANGED in browser.post(PREVIEW, {"two_factor_policy": "disabled"}).text
    assert rule_of(account) == ("optional", None)


def test_a_rule_that_was_read_before_another_change_stores_nothing(account):
    mine, theirs = Account.objects.get(), Account.objects.get()
    assert change_policy(theirs, Policy.DISABLED, Origin())
    assert not change_policy(mine, Policy.REQUIRED, Origin())
    assert rule_of(account) == ("disabled", None)
    assert AuditEntry.objects.count() == 1


# Whoever requires it has it


@pytest.mark.parametrize("day", ["", "2026-12-01"])
def test_an_administrator_without_an_authenticator_sets_up_first(account, admin, admin_browser, day):
    page = shown_to(admin_browser, "required", day)
    assert ENROLL in page
    assert "Confirm</button>" not in page
    data = confirm_data(admin_browser, "required", day)
    assert ENROLL in admin_browser.post(PREVIEW, data).text
    assert rule_of(account) == ("optional", None)


def test_from_the_qr_code_the_way_leads_back_to_the_preview(admin, admin_browser):
    query = "two_factor_policy=required&required_from=2026-12-01"
    scan = (
        reverse("operators:scan", args=[admin.pk]) + "?then=" + query.replace("=", "%3D").replace("&", "%26")
    )
    assert scan in shown_to(admin_browser, "required", "2026-12-01")
    page = admin_browser.get(scan)
    admin_browser.post(scan, {"code": code_for(key_on(page.text))})
    answer = admin_browser.post(reverse("twofactor:recovery-codes"), {"saved": "on"})
    assert answer.url == f"{PREVIEW}?{query}"
    assert ENROLL not in admin_browser.get(answer.url).text


def test_where_nobody_can_set_up_optional_comes_first(account, admin_browser):
    Account.objects.update(two_factor_policy=Policy.DISABLED)
    assert "make it Optional first" in shown_to(admin_browser, "required")
    set_policy(admin_browser, "optional")
    assert rule_of(account) == ("optional", None)


@pytest.mark.parametrize("who", [{"override": Policy.OPTIONAL}, {"single_sign_on": True}])
def test_an_administrator_whom_it_does_not_concern_may_require_it(account, who):
    anna = make_operator(account, administrator=True, **who)
    set_policy(signed_in(anna), "required")
    assert rule_of(account) == ("required", None)


@pytest.mark.parametrize("policy", ["optional", "disabled"])
def test_to_require_less_needs_no_authenticator(account, admin_browser, policy):
    Account.objects.update(two_factor_policy=Policy.REQUIRED)
    set_policy(admin_browser, policy)
    assert rule_of(account) == (policy, None)


# The decision alone


def test_a_postponed_day_stops_people_later_and_says_so():
    facts = Facts(
        invited=False,
        active=True,
        frozen=False,
        single_sign_on=False,
        enrolled=False,
        locked=False,
        override=Override(),
    )
    change = Change(AccountRule(Policy.REQUIRED), AccountRule(Policy.REQUIRED, DAY), timezone.now())
    assert change.effect_on(facts) is Effect.MUST_SET_UP
