"""After a rise, who has an authenticator and gave no code is asked for it at the next request."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Action, AuditEntry
from accounts.policy import Effective, Policy, Source
from operators.models import Operator
from operators.models.session import Session
from operators.overrides.override import set_override
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    code_for,
    confirm_data,
    enroll,
    make_account,
    make_operator,
    set_policy,
    signed_in,
)
from tests.support.flows import log_in
from twofactor.code_limits import FAILURES_THAT_LOCK, WRONG_CODES_PER_SIGN_IN
from twofactor.made_by import MadeBy, code_is_missing

ASKS = "You logged in while no code was asked for."
LATE = "proof_late_for"


@pytest.fixture
def account(db) -> Account:
    return make_account(Policy.DISABLED)


@pytest.fixture
def olga(account) -> Operator:
    return make_operator(account, "olga@example.com", name="Olga Operator", enrolled=True)


@pytest.fixture
def browser(olga) -> Client:
    """A browser in which the password alone has opened a session."""
    browser = Client()
    log_in(browser, olga)
    assert ASKS not in browser.get(olga.get_absolute_url()).text
    return browser


def require(account: Account, policy: str = Policy.REQUIRED) -> None:
    Account.objects.filter(pk=account.pk).update(two_factor_policy=policy)


def name_of(olga: Operator) -> str:
    return Operator.objects.get(pk=olga.pk).name


@pytest.mark.parametrize("policy", [Policy.REQUIRED, Policy.OPTIONAL, "damaged"])
def test_the_next_page_asks_and_then_shows_itself(account, olga, browser, policy):
    require(account, policy)
    url = olga.get_absolute_url() + "?a=1"
    page = browser.get(url)
    assert ASKS in page.text
    assert f'action="{url}"' in page.text
    assert "Reset two-factor authentication" not in page.text
    shown = browser.post(url, {LATE: "GET", "proof_code": code_for()})
    assert ASKS not in shown.text
    assert "Reset two-factor authentication" in shown.text
    assert ASKS not in browser.get(url).text


def test_an_administrator_s_change_is_such_a_rise(account, olga, browser):
    admin = make_operator(account, administrator=True, enrolled=True)
    here = signed_in(admin)
    said = "Operators who are logged in and have an authenticator are asked for a code at their next page."
    assert said in set_policy(here, Policy.REQUIRED).text
    assert ASKS in browser.get(olga.get_absolute_url()).text
    assert said not in set_policy(here, Policy.OPTIONAL).text


@pytest.mark.parametrize("days", [None, 3])
def test_so_is_an_override_and_the_end_of_one(account, olga, days):
    require(account)
    until = timezone.now() + timedelta(days=days) if days else None
    set_override(olga, Policy.DISABLED, NOBODY, reason="lost the phone", until=until)
    over = timezone.now() + timedelta(days=days or 0)
    with time_machine.travel(over - timedelta(minutes=1), tick=False):
        browser = Client()
        log_in(browser, olga)
        assert ASKS not in browser.get(olga.get_absolute_url()).text
    with time_machine.travel(over + timedelta(minutes=1), tick=False):
        if not days:
            set_override(olga, Policy.REQUIRED, NOBODY)
        assert ASKS in browser.get(olga.get_absolute_url()).text


@pytest.mark.parametrize("code", [code_for, lambda: RECOVERY_CODES[0]], ids=["app", "recovery code"])
def test_what_was_typed_goes_on_after_the_code(account, olga, browser, code):
    require(account)
    url = reverse("operators:name", args=[olga.pk])
    page = browser.post(url, {"name": "Olga Öberg", "password": "not for pages"}).text
    assert '<input type="hidden" name="name" value="Olga Öberg">' in page
    assert "not for pages" not in page
    assert name_of(olga) == "Olga Operator"
    answer = browser.post(url, {"name": "Olga Öberg", LATE: "POST", "proof_code": code()})
    assert answer.status_code == 302
    assert name_of(olga) == "Olga Öberg"
    assert AuditEntry.objects.filter(action=Action.PROVED, subject_id=olga.pk).count() == 1


def test_the_session_gets_a_new_key_and_says_that_a_code_was_given(account, olga, browser):
    require(account)
    before = browser.session.session_key
    browser.post(olga.get_absolute_url(), {LATE: "GET", "proof_code": code_for()})
    row = Session.objects.get(user=olga)
    assert row.session_key == browser.session.session_key != before
    assert (row.made_by, row.code_given) == (MadeBy.PASSWORD, True)


def test_an_answer_that_is_sent_when_nothing_is_asked_goes_on(account, olga, browser):
    url = reverse("operators:name", args=[olga.pk])
    assert browser.post(url, {"name": "Olga Öberg", LATE: "POST", "proof_code": ""}).status_code == 302
    assert name_of(olga) == "Olga Öberg"


@pytest.mark.parametrize("code", ["", "000000", "x"])
def test_a_wrong_code_shows_nothing_and_keeps_what_was_typed(account, olga, browser, code):
    require(account)
    url = reverse("operators:name", args=[olga.pk])
    for _ in range(2):
        page = browser.post(url, {"name": "Olga Öberg", LATE: "POST", "proof_code": code}).text
        assert ASKS in page
        assert 'name="name" value="Olga Öberg"' in page
        assert f'name="{LATE}" value="POST"' in page
        assert page.count(f'name="{LATE}"') == 1
    assert name_of(olga) == "Olga Operator"


def test_five_wrong_codes_end_the_session(account, olga, browser):
    require(account)
    url = olga.get_absolute_url()
    wrong = {LATE: "GET", "proof_code": code_for(steps=500)}
    for _ in range(WRONG_CODES_PER_SIGN_IN - 1):
        assert ASKS in browser.post(url, wrong).text
    page = browser.post(url, wrong, follow=True).text
    assert "Those were too many wrong codes. Log in again." in page
    assert not Session.objects.filter(user=olga).exists()
    assert AuditEntry.objects.filter(action=Action.SESSION_ENDED, subject_id=olga.pk).count() == 1


def test_a_code_that_is_not_looked_at_uses_up_no_try(account, olga, browser):
    require(account)
    until = timezone.now() + timedelta(minutes=1)
    Operator.objects.filter(pk=olga.pk).update(code_failures=12, codes_blocked_until=until)
    for _ in range(WRONG_CODES_PER_SIGN_IN + 1):
        page = browser.post(olga.get_absolute_url(), {LATE: "GET", "proof_code": code_for()}).text
        assert "Too many wrong codes. Try again in" in page
    assert Session.objects.get(user=olga).wrong_codes == 0


def test_no_sixth_code_is_looked_at_however_it_comes(account, olga, browser):
    require(account)
    Session.objects.filter(user=olga).update(wrong_codes=WRONG_CODES_PER_SIGN_IN)
    answer = browser.post(olga.get_absolute_url(), {LATE: "GET", "proof_code": code_for()})
    assert answer.url == reverse("operators:login")
    assert not Session.objects.filter(user=olga).exists()


def test_a_locked_authenticator_is_no_way_round(account, olga, browser):
    Operator.objects.filter(pk=olga.pk).update(code_failures=FAILURES_THAT_LOCK)
    require(account)
    page = browser.post(olga.get_absolute_url(), {LATE: "GET", "proof_code": code_for()}).text
    assert ASKS in page
    assert "Ask an administrator of your account to reset" in page


def test_nor_is_a_key_that_cannot_be_read(account, olga, browser, settings):
    require(account)
    settings.TWO_FACTOR_KEYS = []
    browser.raise_request_exception = False
    url = olga.get_absolute_url()
    assert browser.post(url, {LATE: "GET", "proof_code": code_for()}).status_code == 503
    assert Session.objects.get(user=olga).wrong_codes == 0
    assert ASKS in browser.get(url).text


def test_one_can_log_out_instead(account, olga, browser):
    require(account)
    assert f'formaction="{reverse("operators:logout")}"' in browser.get(olga.get_absolute_url()).text
    browser.post(reverse("operators:logout"), {LATE: "GET"})
    assert not Session.objects.filter(user=olga).exists()


def test_an_act_that_takes_a_proof_asks_for_both_at_once(account, olga, browser):
    require(account)
    url = reverse("operators:password")
    page = browser.get(url).text
    assert ASKS not in page
    assert "proof_password" in page
    assert "proof_code" in page
    proof = {"proof_for": "GET", "proof_password": PASSWORD, "proof_code": code_for()}
    assert "Current password" in browser.post(url, proof).text
    assert ASKS not in browser.get(olga.get_absolute_url()).text


def test_the_code_makes_a_proof_of_the_password_of_a_moment_ago(account, olga, browser):
    require(account)
    browser.post(olga.get_absolute_url(), {LATE: "GET", "proof_code": code_for()})
    assert "Confirm that it is you" not in browser.get(reverse("operators:password")).text


def test_it_makes_none_of_one_of_long_ago(account, olga):
    browser = Client()
    with time_machine.travel(timezone.now() - timedelta(minutes=16)):
        log_in(browser, olga)
    require(account)
    browser.post(olga.get_absolute_url(), {LATE: "GET", "proof_code": code_for()})
    assert "Confirm that it is you" in browser.get(reverse("operators:password")).text


def test_a_popup_asks_inside_and_a_part_of_a_page_asks_for_the_whole_page(account, olga, browser):
    require(account)
    url = reverse("operators:name", args=[olga.pk])
    popup = browser.get(url, headers={"HX-Request": "true", "HX-Target": "popup-content"})
    assert ASKS in popup.text
    assert "<html" not in popup.text
    part = browser.get(url, headers={"HX-Request": "true", "HX-Target": "results"})
    assert part.headers["HX-Refresh"] == "true"
    assert part.text == ""


def test_the_pages_of_strangers_stay_open(account, olga, browser):
    require(account)
    assert browser.get(reverse("operators:password-reset")).status_code == 200


# Who is not asked


def test_who_has_no_authenticator_goes_on_until_the_next_login(account):
    paul = make_operator(account)
    browser = Client()
    log_in(browser, paul)
    require(account)
    page = browser.get(paul.get_absolute_url())
    assert (page.status_code, ASKS in page.text) == (200, False)


def test_who_came_by_a_trusted_browser_is_not_asked(account, olga):
    require(account)
    Account.objects.filter(pk=account.pk).update(trusted_browser_days=30)
    browser = Client()
    log_in(browser, olga)
    browser.post(reverse("twofactor:verify"), {"code": code_for(), "trust": "on"})
    browser.post(reverse("operators:logout"))
    log_in(browser, olga)
    assert Session.objects.get(user=olga).made_by == MadeBy.TRUSTED_BROWSER
    assert ASKS not in browser.get(olga.get_absolute_url()).text


def test_who_gave_a_code_before_the_gap_is_not_asked_after_it(account, olga):
    require(account)
    browser = Client()
    log_in(browser, olga)
    browser.post(reverse("twofactor:verify"), {"code": code_for()})
    require(account, Policy.DISABLED)
    require(account)
    assert ASKS not in browser.get(olga.get_absolute_url()).text


def test_who_sets_it_up_after_the_login_is_not_asked(account):
    require(account, Policy.OPTIONAL)
    paul = make_operator(account)
    browser = Client()
    log_in(browser, paul)
    url = reverse("operators:scan", args=[paul.pk])
    code = code_for(browser.get(url).context["enrollment"].secret)
    assert browser.post(url, {"code": code}).status_code == 302
    assert ASKS not in browser.get(paul.get_absolute_url()).text


def test_what_is_not_known_about_a_session_asks(account, olga):
    """Of before it was noted, or made by something that notes nothing."""
    require(account)
    browser = Client()
    browser.force_login(olga)
    assert ASKS in browser.get(olga.get_absolute_url()).text
    answer = browser.post(olga.get_absolute_url(), {LATE: "GET", "proof_code": code_for()})
    assert answer.status_code == 200
    assert ASKS not in answer.text


@pytest.mark.parametrize("policy", [*Policy, None])
@pytest.mark.parametrize("made_by", ["", *MadeBy])
@pytest.mark.parametrize("enrolled", [True, False])
@pytest.mark.parametrize("code_given", [True, False])
def test_the_rule(policy, made_by, enrolled, code_given):
    asked_at_login = enrolled and policy in (Policy.REQUIRED, Policy.OPTIONAL)
    came_with_one = code_given or made_by == "password in a trusted browser"
    effective = Effective(policy, Source.ACCOUNT)
    missing = code_is_missing(made_by, effective, code_given=code_given, enrolled=enrolled)
    assert missing == (asked_at_login and not came_with_one)


def test_it_costs_no_query(account, olga):
    """Every page asks itself whether to ask; session and operator are loaded anyway."""

    def queries(browser: Client) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(reverse("operators:home")).status_code == 302
        return len(captured)

    require(account)
    browsers = signed_in(olga), Client()
    browsers[1].force_login(make_operator(account))
    assert queries(browsers[0]) == queries(browsers[1])


def test_an_administrator_s_own_rise_is_proved_with_a_code(account):
    """The proof of the change gives the code, so that nobody is asked a second time right after it."""
    admin = make_operator(account, administrator=True)
    enroll(admin)
    browser = Client()
    log_in(browser, admin)
    data = confirm_data(browser, Policy.REQUIRED)
    proof = {"proof_for": "POST", "proof_password": PASSWORD, "proof_code": code_for()}
    browser.post(reverse("operators:policy-preview"), {**data, **proof})
    assert ASKS not in browser.get(reverse("accounts:settings")).text
