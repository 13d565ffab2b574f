"""Trusted browsers: where the code is not asked for again, and what ends that."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from operators.people import removal, reset
from operators.signin import own_sessions
from tests.support.factories import NOBODY, PASSWORD, code_for, enroll, make_operator, signed_in
from tests.support.sessions import CHROME, FIREFOX, after, is_signed_in
from tests.support.trust import (
    COOKIE,
    DAYS,
    LOGIN,
    PAGE,
    VERIFY,
    allow,
    asks_for_a_code,
    give_password,
    trusting,
)
from twofactor.models import TrustedBrowser

BOX = "Do not ask for a code in this browser for 30 days"


# Becoming trusted


def test_the_box_is_shown_where_the_account_allows_it_and_is_not_ticked(account, operator):
    browser = Client()
    give_password(browser, operator)
    page = browser.get(VERIFY).text
    assert BOX in page
    assert "Tick it only where nobody else signs in." in page
    assert "checked" not in page
    allow(account, None)
    assert "Do not ask" not in browser.get(VERIFY).text


def test_one_day_is_one_day(account, operator):
    allow(account, 1)
    browser = Client()
    give_password(browser, operator)
    assert "in this browser for 1 day" in browser.get(VERIFY).text


def test_a_trusted_browser_is_let_in_with_the_password_and_the_trail_says_so(operator):
    browser = trusting(operator)
    assert not asks_for_a_code(browser, operator)
    assert is_signed_in(browser, operator)
    assert AuditEntry.objects.filter(action=Action.SIGNED_IN)[0].new == "password in a trusted browser"
    entry = AuditEntry.objects.get(action=Action.BROWSER_TRUSTED)
    assert (entry.new, entry.subject_id) == ("Firefox on Linux", operator.pk)


def test_the_password_is_still_asked_for(operator):
    browser = trusting(operator)
    answer = browser.post(LOGIN, {"email": operator.email, "password": "wrong password"})
    assert "do not match" in answer.text
    assert not is_signed_in(browser, operator)


def test_without_the_tick_nothing_is_trusted(operator):
    browser = Client()
    give_password(browser, operator)
    browser.post(VERIFY, {"code": code_for()})
    assert is_signed_in(browser, operator)
    assert COOKIE not in browser.cookies
    assert asks_for_a_code(browser, operator)


def test_a_wrong_code_with_the_tick_trusts_nothing(operator):
    browser = Client()
    give_password(browser, operator)
    browser.post(VERIFY, {"code": code_for(steps=500), "trust": "on"})
    assert COOKIE not in browser.cookies
    assert not TrustedBrowser.objects.exists()


def test_a_tick_that_the_page_did_not_offer_trusts_nothing(account, operator):
    allow(account, None)
    browser = trusting(operator)
    assert COOKIE not in browser.cookies
    assert not TrustedBrowser.objects.exists()


def test_the_cookie_is_for_the_server_only_and_what_is_stored_is_not_in_it(operator):
    cookie = trusting(operator).cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert cookie["max-age"] == DAYS * 24 * 60 * 60
    assert len(cookie.value) >= 43
    row = TrustedBrowser.objects.get()
    assert cookie.value not in [str(value) for value in vars(row).values()]
    assert str(row) == f"trusted browser of user {operator.pk}"


def test_the_cookie_travels_over_tls_only_where_the_site_does(operator, settings):
    settings.SESSION_COOKIE_SECURE = True
    assert trusting(operator).cookies[COOKIE]["secure"] is True


def trust_once_more(browser: Client, operator: Operator) -> None:
    """Give password and code, and tick the box."""
    assert give_password(browser, operator) == VERIFY
    Operator.objects.filter(pk=operator.pk).update(last_code_step=0)
    browser.post(VERIFY, {"code": code_for(), "trust": "on"})


def test_trusting_a_browser_again_replaces_its_row(account, operator):
    browser = trusting(operator)
    allow(account, 5)
    with after(days=6):
        trust_once_more(browser, operator)
    assert TrustedBrowser.objects.count() == 1


@pytest.mark.parametrize("days", [0, DAYS + 1])
def test_trusting_another_browser_deletes_what_does_not_count_any_more(operator, days):
    trusting(operator, CHROME)
    if days == 0:
        Operator.objects.filter(pk=operator.pk).update(session_nonce="renewed")
    with after(days=days):
        trust_once_more(Client(headers={"user-agent": FIREFOX}), operator)
    assert TrustedBrowser.objects.get().browser == "Firefox on Linux"


def test_trusting_another_browser_leaves_the_first_one(operator):
    trusting(operator, CHROME)
    trust_once_more(Client(), operator)
    assert TrustedBrowser.objects.count() == 2


def test_trusting_a_browser_leaves_those_of_other_people(account, operator):
    browser = trusting(operator)
    trusting(make_operator(account, enrolled=True))
    assert not asks_for_a_code(browser, operator)


# What does not count


def test_a_token_opens_nothing_for_somebody_else(account, operator):
    paul = make_operator(account, enrolled=True)
    assert asks_for_a_code(trusting(operator), paul)


@pytest.mark.parametrize("value", ["", "x", "ü" * 300, "0" * 64])
def test_a_made_up_token_opens_nothing(operator, value):
    trusting(operator)
    browser = Client()
    browser.cookies[COOKIE] = value
    assert asks_for_a_code(browser, operator)


def test_the_hash_from_the_database_opens_nothing(operator):
    trusting(operator)
    browser = Client()
    browser.cookies[COOKIE] = TrustedBrowser.objects.get().token_hash
    assert asks_for_a_code(browser, operator)


def test_trust_stands_in_for_no_enrollment(account):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    operator = make_operator(account, enrolled=True)
    browser = trusting(operator)
    operator.authenticator.delete()
    assert give_password(browser, operator) == reverse("invitations:check-email")


@pytest.mark.parametrize("policy", [Policy.REQUIRED, Policy.OPTIONAL])
def test_trust_counts_under_either_policy(account, operator, policy):
    account.two_factor_policy = policy
    account.save()
    assert not asks_for_a_code(trusting(operator), operator)


def test_trust_is_no_proof_inside_a_session(operator):
    browser = trusting(operator)
    give_password(browser, operator)
    browser.post(reverse("operators:reset", args=[operator.pk]))
    assert Operator.objects.get(pk=operator.pk).is_enrolled


# Time and setting


def test_trust_ends_with_its_days(operator):
    browser = trusting(operator)
    with after(days=DAYS, seconds=-5):
        assert not asks_for_a_code(browser, operator)
    with after(days=DAYS, seconds=5):
        assert asks_for_a_code(browser, operator)


def test_use_does_not_lengthen_trust(operator):
    browser = trusting(operator)
    with after(days=20):
        assert not asks_for_a_code(browser, operator)
    with after(days=31):
        assert asks_for_a_code(browser, operator)


def test_a_shorter_setting_counts_at_once_from_the_day_of_trust(account, operator):
    browser = trusting(operator)
    allow(account, 5)
    with after(days=4):
        assert not asks_for_a_code(browser, operator)
    with after(days=6):
        assert asks_for_a_code(browser, operator)


def test_a_longer_setting_lengthens_nothing(account, operator):
    browser = trusting(operator)
    allow(account, 90)
    with after(days=DAYS + 1):
        assert asks_for_a_code(browser, operator)


def test_switched_off_nothing_is_trusted(account, operator):
    browser = trusting(operator)
    allow(account, None)
    assert asks_for_a_code(browser, operator)


def test_what_has_expired_is_cleared(operator):
    trusting(operator)
    call_command("clearsessions")
    assert TrustedBrowser.objects.exists()
    with after(days=DAYS + 1):
        call_command("clearsessions")
    assert not TrustedBrowser.objects.exists()


# What ends it


def enroll_again(operator):
    reset.reset(operator, NOBODY)
    enroll(operator)


def deactivate_and_activate(operator):
    removal.deactivate(operator, NOBODY)
    removal.activate(operator, NOBODY)


def end_sessions(operator):
    assert own_sessions.end_all(operator, NOBODY)


def change_password(operator):
    data = {"new_password": "fine words", "new_password_again": "fine words"}
    signed_in(operator).post(reverse("operators:password"), {"current_password": PASSWORD, **data})
    back = Operator.objects.get(pk=operator.pk)
    assert back.check_password("fine words")
    back.set_password(PASSWORD)  # the same password again, so that only the trust can make a difference
    back.save()


@pytest.mark.parametrize("change", [enroll_again, deactivate_and_activate, end_sessions, change_password])
def test_whatever_renews_the_nonce_ends_trust(operator, change):
    browser = trusting(operator)
    change(Operator.objects.complete().get(pk=operator.pk))
    assert asks_for_a_code(browser, Operator.objects.get(pk=operator.pk))


def test_trust_is_listed_and_revoked(operator):
    here, elsewhere = trusting(operator), trusting(operator, CHROME)
    give_password(here, operator)
    page = here.get(PAGE)
    names = {row.browser: row for row in page.context["trusted_browsers"]}
    assert set(names) == {"Firefox on Linux", "Chrome on Windows"}
    assert page.text.count("This browser") == 2
    assert {row.address for row in names.values()} == {"192.0.2.7"}
    url = reverse("operators:trusted-remove", args=[names["Chrome on Windows"].pk])
    assert "Chrome on Windows is not trusted any more" in here.post(url, follow=True).text
    assert here.post(url).status_code == 404
    assert asks_for_a_code(elsewhere, operator)
    assert not asks_for_a_code(here, operator)
    entry = AuditEntry.objects.get(action=Action.BROWSER_REMOVED)
    assert (entry.old, entry.subject_id) == ("Chrome on Windows", operator.pk)


def test_all_trust_is_revoked_at_once(operator):
    browsers = [trusting(operator), trusting(operator, CHROME)]
    give_password(browsers[0], operator)
    url = reverse("operators:trusted-remove-all")
    assert "No browser is trusted any more" in browsers[0].post(url, follow=True).text
    assert "No browser was trusted." in browsers[0].post(url, follow=True).text
    assert all(asks_for_a_code(browser, operator) for browser in browsers)
    entry = AuditEntry.objects.get(action=Action.BROWSERS_REMOVED)
    assert (entry.old, entry.subject_id) == ("2", operator.pk)


def test_nobody_revokes_the_trust_of_somebody_else(account, operator):
    browser = trusting(operator)
    paul = signed_in(make_operator(account, administrator=True))
    row = TrustedBrowser.objects.get()
    assert paul.post(reverse("operators:trusted-remove", args=[row.pk])).status_code == 404
    paul.post(reverse("operators:trusted-remove-all"))
    assert "192.0.2.7" not in paul.get(PAGE).text
    assert not asks_for_a_code(browser, operator)


def test_the_page_says_where_nothing_is_trusted_and_nothing_where_nothing_can_be(account, operator):
    browser = signed_in(operator)
    assert "You can trust a browser when you type the code" in browser.get(PAGE).text
    allow(account, None)
    assert "Trusted browsers" not in browser.get(PAGE).text


def test_what_does_not_count_any_more_is_not_listed(operator):
    trusting(operator)
    Operator.objects.filter(pk=operator.pk).update(session_nonce="renewed")
    page = signed_in(Operator.objects.get(pk=operator.pk)).get(PAGE)
    assert page.context["trusted_browsers"] == []


# Cost


def test_a_sign_in_without_the_cookie_costs_no_query_more(account, operator):
    def queries(browser: Client) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert give_password(browser, operator) == VERIFY
        return len([query for query in captured if "trustedbrowser" in query["sql"]])

    assert queries(Client()) == 0
    browser = Client()
    browser.cookies[COOKIE] = "x"
    assert queries(browser) == 1


def test_a_use_is_noted(operator):
    browser = trusting(operator)
    with after(days=2):
        give_password(browser, operator)
    row = TrustedBrowser.objects.get()
    assert row.last_used_at - row.created_at >= timedelta(days=2)


def test_a_trusted_browser_is_no_proof_for_a_sensitive_act(operator):
    browser = trusting(operator)
    assert not asks_for_a_code(browser, operator)
    page = browser.get(reverse("twofactor:new-phone")).text
    assert "Confirm that it is you" in page
    assert "proof_code" in page
