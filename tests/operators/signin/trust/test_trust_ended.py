"""A browser whose trust has ended stays untrusted; several people can trust one browser."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import Account, AuditEntry
from accounts.policy import Policy
from accounts.settings_page import change_policy, change_trusted_browser_days
from operators.models import Operator
from operators.overrides.override import set_override
from tests.support.factories import NOBODY, PASSWORD, RECOVERY_CODES, code_for, make_operator, signed_in
from tests.support.sessions import after
from tests.support.trust import COOKIE, DAYS, LOGIN, PAGE, VERIFY, asks_for_a_code, give_password, trusting
from twofactor import codes, fresh_codes, trusted


def again(operator: Operator) -> Operator:
    stored: Operator = Operator.objects.complete().get(pk=operator.pk)
    return stored


def set_days(operator: Operator, days: int | None) -> None:
    assert change_trusted_browser_days(again(operator).account, days, NOBODY)


def set_account(operator: Operator, policy: str) -> None:
    assert change_policy(again(operator).account, policy, NOBODY)


def off_and_on(operator: Operator) -> None:
    set_days(operator, None)
    set_days(operator, DAYS)


def disabled_and_back(operator: Operator) -> None:
    set_account(operator, Policy.DISABLED)
    set_account(operator, Policy.REQUIRED)


def override_and_back(operator: Operator) -> None:
    set_override(again(operator), Policy.DISABLED, NOBODY, reason="lost the phone")
    set_override(again(operator), "", NOBODY)


def override_to_required(operator: Operator) -> None:
    set_override(again(operator), Policy.DISABLED, NOBODY, reason="lost the phone")
    set_override(again(operator), Policy.REQUIRED, NOBODY)


def recovery_code(operator: Operator) -> None:
    assert codes.check_recovery(again(operator), RECOVERY_CODES[0], NOBODY) is None


def new_recovery_codes(operator: Operator) -> None:
    here = again(operator)
    assert fresh_codes.renew(signed_in(here).session, here, Origin(here))


CHANGES = [off_and_on, disabled_and_back, override_and_back, override_to_required, recovery_code]


@pytest.mark.parametrize("change", [*CHANGES, new_recovery_codes])
def test_what_was_ended_stays_ended(operator, change):
    browser = trusting(operator)
    change(operator)
    assert asks_for_a_code(browser, operator)
    assert trusted.listed(again(operator)) == []


def test_an_override_that_ends_by_itself_brings_nothing_back(operator):
    browser = trusting(operator)
    until = timezone.now() + timedelta(days=3)
    set_override(again(operator), Policy.DISABLED, NOBODY, reason="lost the phone", until=until)
    with after(days=4):
        assert asks_for_a_code(browser, operator)


def test_a_shorter_setting_ends_for_good_what_it_ends(operator):
    old, young = trusting(operator), None
    with after(days=10):
        young = trusting(operator)
        set_days(operator, 5)
        set_days(operator, DAYS)
        assert asks_for_a_code(old, operator)
        assert not asks_for_a_code(young, operator)
    with after(days=16):
        set_days(operator, DAYS + 1)
        assert not asks_for_a_code(young, operator)


def test_what_has_ended_under_a_shorter_setting_is_not_lengthened(operator):
    browser = trusting(operator)
    set_days(operator, 5)
    with after(days=6):
        set_days(operator, DAYS)
        assert asks_for_a_code(browser, operator)


def test_the_moment_from_which_trust_counts_never_goes_back(operator):
    set_days(operator, None)
    with after(days=1):
        set_days(operator, 2)
        since = Account.objects.get(pk=operator.account_id).trust_counts_from
        set_days(operator, 30)
        set_days(operator, 1)
    assert Account.objects.get(pk=operator.account_id).trust_counts_from == since


@pytest.mark.parametrize("policy", [Policy.REQUIRED, Policy.OPTIONAL])
def test_between_required_and_optional_trust_goes_on(operator, policy):
    browser = trusting(operator)
    set_account(operator, Policy.REQUIRED)
    set_override(again(operator), policy, NOBODY, reason="as they are in the field")
    assert not asks_for_a_code(browser, operator)


def test_a_browser_can_be_trusted_again_afterwards(operator):
    browser = trusting(operator)
    for change in CHANGES:
        change(operator)
    with after(seconds=1):
        assert not asks_for_a_code(trusting(operator), operator)
        assert asks_for_a_code(browser, operator)


def test_a_recovery_code_and_the_tick_trust_this_browser(operator):
    elsewhere = trusting(operator)
    browser = Client()
    give_password(browser, operator)
    browser.post(reverse("twofactor:recover"), {"code": RECOVERY_CODES[0], "trust": "on"})
    assert not asks_for_a_code(browser, operator)
    assert asks_for_a_code(elsewhere, operator)


def about_to_be_trusted(operator: Operator, meanwhile: Callable[[Operator], object]) -> Client:
    """A browser in which the code was right, before its row is stored."""
    browser, answer = Client(), HttpResponse()
    user, request = again(operator), browser.get(LOGIN).wsgi_request
    meanwhile(operator)
    trusted.remember(request, answer, user)
    browser.cookies[COOKIE] = answer.cookies[COOKIE].value
    return browser


@pytest.mark.parametrize(
    "change",
    [
        override_and_back,
        recovery_code,
        new_recovery_codes,
        lambda operator: trusted.remove_all(again(operator), NOBODY),
    ],
)
def test_nor_is_a_browser_trusted_that_was_about_to_be(operator, change):
    assert asks_for_a_code(about_to_be_trusted(operator, change), operator)


@pytest.mark.parametrize(
    ("ends", "comes_back"),
    [
        (lambda olga: set_days(olga, None), lambda olga: set_days(olga, DAYS)),
        (lambda olga: set_account(olga, "disabled"), lambda olga: set_account(olga, "optional")),
    ],
)
def test_nor_is_one_when_the_account_ends_it_in_that_moment(operator, ends, comes_back):
    browser = about_to_be_trusted(operator, ends)
    comes_back(operator)
    assert asks_for_a_code(browser, operator)


def test_two_changes_of_the_days_at_once_leave_a_true_trail(operator):
    first, second = again(operator).account, again(operator).account
    change_trusted_browser_days(first, 7, NOBODY)
    change_trusted_browser_days(second, 3, NOBODY)
    assert [(entry.old, entry.new) for entry in AuditEntry.objects.all()[:2]] == [
        ("7 days", "3 days"),
        ("30 days", "7 days"),
    ]
    assert not change_trusted_browser_days(first, 3, NOBODY)


@pytest.mark.parametrize("change", [off_and_on, disabled_and_back])
def test_a_change_for_the_account_touches_no_trusted_browser(operator, change):
    trusting(operator)
    with CaptureQueriesContext(connection) as captured:
        change(operator)
    assert not [query for query in captured if "trustedbrowser" in query["sql"]]


def test_while_login_asks_for_no_code_the_page_says_nothing_of_trust(operator):
    browser = signed_in(operator)
    assert "Trusted browsers" in browser.get(PAGE).text
    set_account(operator, Policy.DISABLED)
    assert "Trusted browsers" not in browser.get(PAGE).text


# Several people in one browser


def trust_too(browser: Client, operator: Operator) -> None:
    """Log in, tick the box, and log out, in a shared browser."""
    give_password(browser, operator)
    Operator.objects.filter(pk=operator.pk).update(last_code_step=0)
    browser.post(VERIFY, {"code": code_for(), "trust": "on"})
    browser.post(reverse("operators:logout"))


def test_two_people_trust_one_browser(account, operator):
    paul = make_operator(account, enrolled=True)
    browser = trusting(operator)
    trust_too(browser, paul)
    for person in (operator, paul, operator):
        assert not asks_for_a_code(browser, person)
        assert "This browser" in browser.get(PAGE).text.partition("Trusted browsers")[2]


def test_each_has_a_token_of_their_own(account, operator):
    paul = make_operator(account, enrolled=True)
    browser = trusting(operator)
    first = browser.cookies[COOKIE].value
    trust_too(browser, paul)
    newest, _dot, older = browser.cookies[COOKIE].value.partition(".")
    assert older == first
    assert newest not in ("", first)
    stolen = Client()
    stolen.cookies[COOKIE] = newest
    assert asks_for_a_code(stolen, operator)


def test_the_cookie_lives_as_long_as_the_longest_trust_in_it(account, operator):
    paul = make_operator(account, enrolled=True)
    browser = trusting(operator)
    Account.objects.update(trusted_browser_days=3)
    trust_too(browser, paul)
    assert DAYS * 86400 - 60 < browser.cookies[COOKIE]["max-age"] <= DAYS * 86400


def test_what_does_not_count_any_more_leaves_the_cookie(account, operator):
    paul = make_operator(account, enrolled=True)
    browser = trusting(operator)
    Operator.objects.filter(pk=operator.pk).update(session_nonce="renewed")
    trust_too(browser, paul)
    assert "." not in browser.cookies[COOKIE].value
    trust_too(browser, paul)
    assert "." not in browser.cookies[COOKIE].value


def test_whoever_no_longer_fits_is_not_said_to_trust_it(account, operator):
    browser = trusting(operator)
    others = [make_operator(account, enrolled=True) for _ in range(trusted.PEOPLE_IN_A_BROWSER)]
    for other in others[:-1]:
        trust_too(browser, other)
    assert trusted.listed(again(operator))
    trust_too(browser, others[-1])
    assert trusted.listed(again(operator)) == []
    assert asks_for_a_code(browser, operator)
    assert not asks_for_a_code(browser, others[0])
    assert len(browser.cookies[COOKIE].value.split(".")) == trusted.PEOPLE_IN_A_BROWSER


def test_a_cookie_of_many_tokens_is_not_looked_through(operator):
    browser = trusting(operator)
    token = browser.cookies[COOKIE].value
    browser.cookies[COOKIE] = ".".join([*("x" * trusted.PEOPLE_IN_A_BROWSER), token])
    assert asks_for_a_code(browser, operator)


def test_one_who_stops_to_trust_it_leaves_the_others(account, operator):
    paul = make_operator(account, enrolled=True)
    browser = trusting(operator)
    trust_too(browser, paul)
    give_password(browser, operator)
    browser.post(reverse("operators:trusted-remove-all"))
    assert asks_for_a_code(browser, operator)
    assert not asks_for_a_code(browser, paul)


def test_the_password_is_asked_of_each(account, operator):
    paul = make_operator(account, enrolled=True)
    browser = trusting(operator)
    trust_too(browser, paul)
    assert "do not match" in browser.post(LOGIN, {"email": paul.email, "password": f"{PASSWORD}?"}).text
