"""Required begins on a day: until then set-up is offered at each sign-in, and nobody is kept out."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account, Action, AuditEntry
from accounts.policy import Policy
from invitations import invite
from invitations.models import Link
from operators.models import Operator
from operators.models.session import Session
from tests.support.factories import NOBODY, PASSWORD, RESET, code_for, enroll, make_operator, signed_in
from tests.support.flows import key_on, link_in_mail, log_in

OFFER = reverse("operators:offer")
CHECK_EMAIL = reverse("invitations:check-email")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = datetime(2026, 12, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BANNER = "left to set up two-factor authentication."
NOT_NOW, SET_UP = {"not_now": "1"}, {"set_up": "1"}


@pytest.fixture(autouse=True)
def _today(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def announced(account: Account) -> Account:
    """The account, in which Required begins in seven days."""
    return set_rule(account, Policy.REQUIRED, DAY)


@pytest.fixture
def olga(announced: Account) -> Operator:
    return make_operator(announced, "olga@example.com")


def set_rule(account: Account, policy: str, day: datetime | None = None) -> Account:
    account.two_factor_policy, account.required_from = policy, day
    account.save()
    return account


def at_the_offer(operator: Operator) -> Client:
    browser = Client()
    assert log_in(browser, operator).url == OFFER
    return browser


def is_signed_in(browser: Client) -> bool:
    return browser.get(reverse("operators:sessions")).status_code == 200


# Everywhere


@pytest.mark.parametrize("moment", [NOW, DAY])
def test_whoever_names_the_account_s_setting_says_from_when(announced, olga, time_machine, moment):
    time_machine.move_to(moment, tick=False)
    setting = "Required from 1 Dec 2026 on" if moment < DAY else "Required"
    browser = signed_in(make_operator(announced, administrator=True, enrolled=True))
    assert f">{setting}</a>" in browser.get(reverse("operators:overview")).text
    assert f"setting is <strong>{setting}</strong>" in browser.get(olga.get_absolute_url()).text
    output = StringIO()
    call_command("two_factor", "status", stdout=output)
    assert f"{announced}: {setting}\n" in output.getvalue()


# The page at sign-in


def test_a_right_password_leads_to_the_days_that_are_left_and_opens_nothing(olga):
    browser = at_the_offer(olga)
    page = browser.get(OFFER).text
    assert "7 days left." in page
    assert "from <strong>1 Dec 2026</strong> on" in page
    assert "The day begins at 00:00 UTC." in page
    assert not Session.objects.filter(user=olga, signed_in_at__isnull=False).exists()
    assert not is_signed_in(browser)
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("left", "words"), [(timedelta(days=2), "2 days left"), (SECOND, "1 day left"), (DAY - NOW, "7 days")]
)
def test_days_are_those_of_the_calendar(olga, time_machine, left, words):
    time_machine.move_to(DAY - left, tick=False)
    assert words in at_the_offer(olga).get(OFFER).text


def test_not_now_signs_in_and_the_trail_says_so(olga):
    browser = at_the_offer(olga)
    assert browser.post(OFFER, NOT_NOW).url == olga.get_absolute_url()
    assert is_signed_in(browser)
    assert AuditEntry.objects.get(action=Action.SIGNED_IN).new == "password, set-up put off"
    assert mail.outbox == []


def test_not_now_leads_on_to_where_the_person_wanted(olga):
    browser, page = Client(), reverse("operators:sessions")
    browser.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD, "next": page})
    assert browser.post(OFFER, NOT_NOW).url == page


def test_set_up_now_mails_a_link_and_ends_signed_in_with_a_code(olga):
    browser = at_the_offer(olga)
    assert browser.post(OFFER, SET_UP).url == CHECK_EMAIL
    page = browser.get(CHECK_EMAIL).text
    assert "Your account requires two-factor authentication from 1 Dec 2026 on." in page
    assert "Before 1 Dec 2026 you can also sign in without it" in page
    assert "from 1 Dec 2026 on. To set it up now, open this link" in mail.outbox[0].body
    assert not is_signed_in(browser)
    setup = browser.get(link_in_mail(), follow=True)
    browser.post(reverse("invitations:setup"), {"code": code_for(key_on(setup.text))})
    assert is_signed_in(browser)
    assert not AuditEntry.objects.filter(action=Action.SIGN_IN_STOPPED).exists()


def test_without_a_choice_nothing_happens(olga):
    browser = at_the_offer(olga)
    assert "7 days left." in browser.post(OFFER).text
    assert not is_signed_in(browser)


def test_without_a_password_there_is_no_choice(olga):
    browser = Client()
    assert browser.get(OFFER).url == browser.post(OFFER, NOT_NOW).url == reverse("operators:login")
    assert not is_signed_in(browser)


@pytest.mark.parametrize(("waited", "target"), [(600 - 1, "/operators/"), (600, "/login/")])
def test_the_choice_waits_ten_minutes(olga, time_machine, waited, target):
    browser = at_the_offer(olga)
    time_machine.shift(waited)
    assert browser.post(OFFER, NOT_NOW).url.startswith(target)


def test_a_new_password_ends_the_waiting_choice(olga):
    browser = at_the_offer(olga)
    olga.renew_session_nonce()
    assert browser.post(OFFER, NOT_NOW).url == reverse("operators:login")


# Something changes while the page is open


@pytest.mark.parametrize("choice", [NOT_NOW, SET_UP])
def test_once_the_day_has_come_there_is_a_setup_link_and_no_later(olga, time_machine, choice):
    time_machine.move_to(DAY - SECOND, tick=False)
    browser = at_the_offer(olga)
    time_machine.move_to(DAY, tick=False)
    page = browser.get(OFFER).text
    assert "Not now" not in page
    assert "by now" in page
    assert browser.post(OFFER, choice).url == CHECK_EMAIL
    assert not is_signed_in(browser)
    assert AuditEntry.objects.filter(action=Action.SIGN_IN_STOPPED).count() == 1
    assert len(mail.outbox) == 1


def test_a_day_that_is_put_back_to_at_once_leaves_no_later(announced, olga):
    browser = at_the_offer(olga)
    set_rule(announced, Policy.REQUIRED)
    assert browser.post(OFFER, NOT_NOW).url == CHECK_EMAIL


@pytest.mark.parametrize("policy", [Policy.OPTIONAL, Policy.DISABLED])
@pytest.mark.parametrize("choice", [NOT_NOW, SET_UP])
def test_what_is_not_required_any_more_keeps_nobody(announced, olga, policy, choice):
    browser = at_the_offer(olga)
    set_rule(announced, policy)
    assert "any more" in browser.get(OFFER, follow=True).text
    assert browser.post(OFFER, choice).url == olga.get_absolute_url()


def test_an_override_that_requires_at_once_leaves_no_later(olga):
    browser = at_the_offer(olga)
    Operator.objects.update(two_factor_override=Policy.REQUIRED)
    assert browser.post(OFFER, NOT_NOW).url == CHECK_EMAIL


def test_a_sign_in_method_that_changed_meanwhile_has_no_way_in(olga):
    browser = at_the_offer(olga)
    Operator.objects.update(sign_in_method=Operator.SignInMethod.SINGLE_SIGN_ON)
    assert browser.post(OFFER, NOT_NOW).url == reverse("operators:login")
    assert not is_signed_in(browser)


# Who is offered what


@pytest.mark.parametrize(
    ("who", "target"),
    [
        ({"enrolled": True}, reverse("twofactor:verify")),
        ({"override": Policy.REQUIRED}, CHECK_EMAIL),
        ({"override": Policy.OPTIONAL}, "/operators/"),
        ({"override": Policy.DISABLED}, "/operators/"),
    ],
)
def test_who_has_one_or_an_override_is_not_offered_anything(announced, who, target):
    assert log_in(Client(), make_operator(announced, **who)).url.startswith(target)


@pytest.mark.parametrize(("moment", "target"), [(DAY - SECOND, OFFER), (DAY, CHECK_EMAIL)])
def test_a_reset_is_followed_by_the_offer_before_the_day_and_by_the_link_after(
    announced, time_machine, moment, target
):
    time_machine.move_to(moment, tick=False)
    anna = make_operator(announced, administrator=True, enrolled=True)
    otto = make_operator(announced, enrolled=True)
    reset = reverse("operators:reset", args=[otto.pk])
    browser = signed_in(anna)
    assert ("required from 1 Dec 2026 on" in browser.get(reset).text) == (target == OFFER)
    browser.post(reset, RESET)
    told = "from 1 Dec 2026 on" in mail.outbox[-1].body
    assert told == (target == OFFER)
    assert log_in(Client(), otto).url == target


@pytest.mark.parametrize(("moment", "offered"), [(DAY - SECOND, True), (DAY, False)])
def test_who_joins_may_wait_before_the_day_and_sets_up_after_it(announced, time_machine, moment, offered):
    ivo = make_operator(announced, invited=True)
    invite.send(ivo, NOBODY)
    assert "is required from 1 Dec 2026 on." in mail.outbox[0].body
    time_machine.move_to(moment, tick=False)
    browser, new = Client(), "a fine long password"
    browser.get(link_in_mail())
    details = {"name": "Ivo", "new_password": new, "new_password_again": new}
    page = browser.post(reverse("invitations:accept"), details, follow=True).text
    assert ("From 1 Dec 2026 on your account requires it." in page) == offered
    browser.post(reverse("invitations:accept-two-factor"), NOT_NOW)
    assert is_signed_in(browser) == offered


def test_a_setup_link_from_before_the_day_works_on_it(olga, time_machine):
    time_machine.move_to(DAY - SECOND, tick=False)
    browser = at_the_offer(olga)
    browser.post(OFFER, SET_UP)
    time_machine.move_to(DAY + SECOND, tick=False)
    page = browser.get(link_in_mail(), follow=True).text
    browser.post(reverse("invitations:setup"), {"code": code_for(key_on(page))})
    assert is_signed_in(browser)


def test_disabled_and_back_to_a_day(announced, olga):
    set_rule(announced, Policy.DISABLED)
    assert log_in(Client(), olga).url == olga.get_absolute_url()
    set_rule(announced, Policy.REQUIRED, DAY)
    at_the_offer(olga)


# The banner


def test_every_page_says_how_many_days_are_left(olga):
    browser = signed_in(olga)
    for page in (olga.get_absolute_url(), reverse("operators:sessions")):
        text = browser.get(page).text
        assert f"7 days {BANNER}" in text
        assert "From 1 Dec 2026 on your account requires it" in text


@pytest.mark.parametrize(
    "who", [{"enrolled": True}, {"override": Policy.OPTIONAL}, {"override": Policy.REQUIRED}]
)
def test_who_has_set_it_up_or_need_not_sees_no_banner(announced, who):
    operator = make_operator(announced, **who)
    assert BANNER not in signed_in(operator).get(operator.get_absolute_url()).text


def test_the_banner_is_gone_on_the_day(olga, time_machine):
    time_machine.move_to(DAY, tick=False)
    assert BANNER not in signed_in(olga).get(olga.get_absolute_url()).text


def test_the_banner_costs_no_query(announced, olga):
    browser, counts = signed_in(olga), []
    for rule in ((Policy.REQUIRED, DAY), (Policy.OPTIONAL, None)):
        set_rule(announced, *rule)
        with CaptureQueriesContext(connection) as captured:
            counts.append((len(captured), BANNER in browser.get(olga.get_absolute_url()).text, len(captured)))
    assert [shown for _before, shown, _after in counts] == [True, False]
    assert counts[0][2] == counts[1][2]


# What the pages say


def test_the_outlook_names_the_day(announced, olga):
    anna = make_operator(announced, administrator=True)
    ivo = make_operator(announced, name="Ivo", invited=True)
    Link.issue(ivo, Link.Purpose.INVITATION, ivo.email)
    browser = signed_in(anna)
    assert "is offered a setup link: from 1 Dec 2026 on" in browser.get(olga.get_absolute_url()).text
    assert "has to from 1 Dec 2026 on." in browser.get(ivo.get_absolute_url()).text
    assert "are offered a setup link: from 1 Dec 2026 on" in browser.get(anna.get_absolute_url()).text


@pytest.mark.parametrize(("days", "setting"), [(0, "Required from 1 Dec 2026 on"), (8, "Required")])
def test_the_account_s_setting_is_named_with_the_day_until_it_has_come(olga, time_machine, days, setting):
    time_machine.move_to(NOW + timedelta(days=days), tick=False)
    anna = make_operator(olga.account, "anna@example.com", administrator=True, enrolled=True)
    pages = ((anna, reverse("operators:overview")), (anna, olga.get_absolute_url()))
    for viewer, url in pages:
        assert f"{setting}<" in signed_in(viewer).get(url).text


def test_the_day_is_the_servers_whatever_the_readers_time_zone(olga):
    browser = signed_in(olga)
    browser.cookies["time_zone"] = "America/Los_Angeles"
    assert "from 1 Dec 2026 on" in browser.get(olga.get_absolute_url()).text


@pytest.mark.parametrize(("moment", "sessions"), [(DAY - SECOND, 1), (DAY, 0)])
def test_unprotected_sessions_can_be_ended_once_the_day_has_come(
    announced, olga, time_machine, moment, sessions
):
    time_machine.move_to(moment, tick=False)
    anna = make_operator(announced, administrator=True)
    enroll(anna)
    signed_in(olga)
    browser = signed_in(anna)
    page = browser.get(reverse("accounts:settings")).text
    assert ("Signed in without two-factor authentication" in page) == (sessions == 0)
    browser.post(reverse("operators:end-unprotected"))
    assert Session.objects.filter(user=olga).count() == sessions
