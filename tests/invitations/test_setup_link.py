"""The setup link: how it is mailed, what it opens, and when it is dead."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from accounts.audit.trail import Origin
from accounts.models import Action, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import Policy
from invitations import setup_link
from invitations.models import Link
from operators.models import Operator
from tests.support.bulk import chosen, confirm
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RESET,
    code_for,
    enroll,
    forget_tries,
    make_account,
    make_operator,
    signed_in,
)
from tests.support.flows import key_on, link_in_mail


@pytest.fixture
def olga(db):
    return make_operator(make_account(Policy.REQUIRED), "olga@example.com")


def stopped(operator: Operator) -> Client:
    """A browser in which the password was given."""
    client = Client()
    client.post(reverse("operators:login"), {"email": operator.email, "password": PASSWORD})
    return client


def dead(answer) -> bool:
    return answer.status_code == 410 and "This link does not work any more" in answer.text


def test_the_mail_has_text_and_html_and_the_page_masks_the_address(olga):
    page = stopped(olga).get(reverse("invitations:check-email")).text
    assert "ol•••@example.com" in page
    assert "olga@example.com" not in page
    html = str(mail.outbox[0].message())
    assert "multipart/alternative" in html
    assert "text/html" in html


@pytest.mark.parametrize(("seconds", "works"), [(3599, True), (3601, False)])
def test_the_link_lives_one_hour(olga, seconds, works):
    stopped(olga)
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
        assert dead(Client().get(link_in_mail(), follow=True)) is not works


@pytest.mark.parametrize(("seconds", "waits"), [(3599, True), (3601, False)])
def test_who_waits_for_the_link_waits_as_long_as_it_lives(olga, seconds, waits):
    browser = stopped(olga)
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
        status = browser.get(reverse("invitations:check-email")).status_code
    assert status == (200 if waits else 302)


@pytest.mark.parametrize("token", ["unknown", "x" * 43, "%C3%BC"])
def test_an_unknown_link_is_dead(db, token):
    assert dead(Client().get(f"/setup/{token}/", follow=True))


def test_a_link_opens_the_page_of_its_purpose_only(olga):
    stopped(olga)
    token = link_in_mail().rstrip("/").split("/")[-1]
    for name in ("invitations:invitation-link", "operators:password-reset-link", "operators:email-link"):
        assert dead(Client().get(reverse(name, args=[token]), follow=True))
    assert not dead(Client().get(link_in_mail(), follow=True))


def test_a_browser_may_have_opened_links_of_several_purposes(olga):
    stopped(olga)
    Client().post(reverse("operators:password-reset"), {"email": olga.email})
    browser = Client()
    for index in (0, 1):
        browser.get(link_in_mail(index))
    for name in ("invitations:setup", "operators:password-reset-choose"):
        assert not dead(browser.get(reverse(name), follow=True))


def test_first_links_of_two_people_may_begin_at_the_same_moment(olga):
    paul = make_operator(olga.account)
    places = [Link._row(person, Link.Purpose.SETUP, timezone.now()) for person in (olga, paul)]
    assert not any(place.is_live(olga, timezone.now()) for place in places)
    assert not Link.kill(olga, Link.Purpose.SETUP)


def test_the_last_email_is_the_newest_setup_link_of_that_person(olga):
    assert setup_link.last_email(olga) == (None, 0, False)
    Client().post(reverse("operators:password-reset"), {"email": olga.email})
    stopped(make_operator(olga.account))
    assert setup_link.last_email(olga) == (None, 0, False)
    with time_machine.travel(timezone.now(), tick=False):
        setup_link.send(olga, NOBODY)
        email, *wait_and_life = setup_link.last_email(olga)
    assert email == OutgoingMail.objects.get(to=olga.email, template="invitations/email/setup_link")
    assert wait_and_life == [60, True]


def test_withdrawing_a_link_leaves_other_purposes_and_other_people(olga):
    paul = make_operator(olga.account)
    stopped(paul)
    link = link_in_mail()
    Client().post(reverse("operators:password-reset"), {"email": olga.email})
    stopped(olga)
    assert setup_link.withdraw(olga, NOBODY)
    assert not dead(Client().get(link, follow=True))
    assert Link.objects.get(user=olga, purpose=Link.Purpose.PASSWORD_RESET).spent_at is None
    assert not setup_link.withdraw(olga, NOBODY)


def test_a_newer_link_kills_the_older(olga):
    browser = stopped(olga)
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        browser.post(reverse("invitations:send-again"))
        assert dead(Client().get(link_in_mail(0), follow=True))
        assert not dead(Client().get(link_in_mail(1), follow=True))


def test_a_used_link_is_dead_and_the_next_sign_in_asks_for_a_code(olga):
    browser = stopped(olga)
    page = browser.get(link_in_mail(), follow=True)
    browser.post(reverse("invitations:setup"), {"code": code_for(key_on(page.text))})
    assert dead(Client().get(link_in_mail(), follow=True))
    answer = Client().post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    assert answer.url == reverse("twofactor:verify")


def test_a_mail_scanner_that_follows_the_link_changes_nothing(olga):
    browser = stopped(olga)
    for method in ("get", "head"):
        getattr(Client(), method)(link_in_mail(), follow=True)
    assert "Scan this code" in browser.get(link_in_mail(), follow=True).text


def test_the_token_leaves_the_address_bar(olga):
    stopped(olga)
    answer = Client().get(link_in_mail())
    assert answer.url == reverse("invitations:setup")


def test_a_wrong_code_keeps_the_same_secret(olga):
    browser = stopped(olga)
    secret = key_on(browser.get(link_in_mail(), follow=True).text)
    page = browser.post(reverse("invitations:setup"), {"code": "000000"}).text
    assert key_on(page) == secret
    assert "has-error" in page


def test_a_slow_phone_is_told_by_how_much(olga):
    browser = stopped(olga)
    secret = key_on(browser.get(link_in_mail(), follow=True).text)
    for steps, words in [(-4, "about 2 minutes slow"), (2, "about 1 minute fast")]:
        assert words in browser.post(reverse("invitations:setup"), {"code": code_for(secret, steps)}).text


def test_the_second_mail_waits_a_minute_and_the_page_says_how_long(olga):
    browser = stopped(olga)
    page = browser.post(reverse("invitations:send-again"), follow=True).text
    assert len(mail.outbox) == 1
    assert re.search(r'You can send it again in <span data-countdown="(59|60)"', page)


def test_the_sixth_mail_within_an_hour_waits(olga):
    browser, start = stopped(olga), timezone.now()
    for minute in range(1, 7):
        with time_machine.travel(start + timedelta(seconds=61 * minute)):
            browser.post(reverse("invitations:send-again"))
    assert len(mail.outbox) == 5
    with time_machine.travel(start + timedelta(seconds=3599)):
        Client().post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    assert len(mail.outbox) == 5
    with time_machine.travel(start + timedelta(seconds=3602)):
        stopped(olga)
    assert len(mail.outbox) == 6


def mails_in_an_hour(olga, start: timedelta, tries: int) -> int:
    """Request an email every minute; return how many leave."""
    before = len(mail.outbox)
    for minute in range(tries):
        with time_machine.travel(timezone.now() + start + timedelta(seconds=61 * minute)):
            stopped(olga)
    return len(mail.outbox) - before


def test_every_hour_has_five_mails(olga):
    assert [mails_in_an_hour(olga, timedelta(hours=2 * hour), 7) for hour in range(3)] == [5, 5, 5]


def test_after_a_reset_the_count_of_the_hour_begins_anew(olga):
    assert mails_in_an_hour(olga, timedelta(), 6) == 5
    olga.renew_session_nonce()
    assert mails_in_an_hour(olga, timedelta(minutes=10), 6) == 5


def test_mails_that_could_not_be_sent_do_not_count_and_free_nobody_else(olga, settings):
    paul = make_operator(olga.account)
    with time_machine.travel(timezone.now(), tick=False):
        stopped(paul)
        backend = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
        for _ in range(6):
            stopped(olga)
        settings.EMAIL_BACKEND = backend
        forget_tries()
        assert setup_link.send(paul, NOBODY) == 60
    assert mails_in_an_hour(olga, timedelta(), 6) == 5


@pytest.mark.parametrize(("seconds", "wait"), [(0, 60), (0.5, 60), (59.5, 1), (60, 0)])
def test_the_wait_is_rounded_up(olga, seconds, wait):
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        setup_link.send(olga, NOBODY)
    with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
        assert setup_link.send(olga, NOBODY) == wait


def test_who_comes_just_after_another_hears_how_long_to_wait(olga, monkeypatch):
    with time_machine.travel(timezone.now(), tick=False):
        row = Link._row(olga, Link.Purpose.SETUP, timezone.now())
        stopped(olga)
        monkeypatch.setattr(Link, "_row", lambda *_: row)  # as it was read before the other one had written
        assert setup_link.send(olga, NOBODY) == 60


def test_a_mail_that_could_not_be_sent_is_said_so_and_the_next_try_works(olga, settings):
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    browser = stopped(olga)
    page = browser.get(reverse("invitations:check-email")).text
    assert "could not be sent" in page
    assert "ol•••@example.com" in page
    assert AuditEntry.objects.filter(action=Action.SETUP_LINK_FAILED).exists()
    settings.EMAIL_BACKEND = backend
    assert "We have sent a link" in browser.post(reverse("invitations:send-again"), follow=True).text


@pytest.mark.parametrize("url", ["check-email", "send-again"])
def test_without_a_password_there_is_nothing_to_send(db, url):
    method = Client().post if url == "send-again" else Client().get
    assert method(reverse(f"invitations:{url}")).url == reverse("operators:login")


def test_nothing_is_sent_where_no_link_was_ever_made(olga):
    browser = stopped(olga)
    Link.objects.all().delete()
    assert "could not be sent" in browser.get(reverse("invitations:check-email")).text


def test_a_wrong_password_at_the_link_is_refused(olga):
    stopped(olga)
    phone = Client()
    phone.get(link_in_mail())
    page = phone.post(reverse("invitations:setup-password"), {"password": "wrong"}).text
    assert "That is not your password." in page
    assert AuditEntry.objects.latest("pk").action == Action.SIGN_IN_FAILED


def test_somebody_elses_session_is_named_before_it_ends(olga):
    stopped(olga)
    browser = signed_in(make_operator(make_account(), name="Otto Optional"))
    assert "<bdi>Otto Optional</bdi> is signed in" in browser.get(link_in_mail(), follow=True).text


def test_the_password_page_without_a_link_is_a_dead_link(db):
    assert dead(Client().get(reverse("invitations:setup-password")))


def test_whoever_got_enrolled_meanwhile_needs_no_link(olga):
    browser = stopped(olga)
    browser.get(link_in_mail())
    enroll(olga)
    assert dead(browser.get(reverse("invitations:setup")))
    browser.post(reverse("invitations:send-again"))
    assert len(mail.outbox) == 1


def test_a_link_says_what_it_is(olga):
    stopped(olga)
    assert str(Link.objects.get()) == f"setup link of user {olga.pk}"


def test_a_reset_gives_a_new_link_at_once(olga):
    stopped(olga)
    olga.renew_session_nonce()
    browser = stopped(olga)
    assert len(mail.outbox) == 2
    assert not dead(browser.get(link_in_mail(), follow=True))


def test_a_page_whose_link_has_died_says_so(olga):
    browser = stopped(olga)
    Link.objects.update(spent_at=timezone.now())
    page = browser.get(reverse("invitations:check-email")).text
    assert "does not work any more" in page
    assert "We have sent a link" not in page


@pytest.mark.parametrize("change", ["policy", "enrolled"])
def test_who_needs_no_link_any_more_is_told_to_log_in(olga, change):
    browser = stopped(olga)
    if change == "policy":
        olga.account.two_factor_policy = Policy.OPTIONAL
        olga.account.save()
    else:
        enroll(olga)
    page = browser.get(reverse("invitations:check-email"), follow=True).text
    assert "You do not need a setup link any more" in page


@pytest.mark.thorough
def test_an_address_that_opens_link_after_link_waits(olga):
    stopped(olga)
    link = link_in_mail()
    for number in range(300):
        Client().get(f"/setup/unknown{number}/", REMOTE_ADDR="203.0.113.5")
    answer = Client().get(link, REMOTE_ADDR="203.0.113.5")
    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.text
    assert Client().get(link, REMOTE_ADDR="203.0.113.6").status_code == 302


# Who has asked for the email, and what it says of them


def bodies() -> list[str]:
    """The newest email as text and as HTML, each in one line."""
    letter: Any = mail.outbox[-1]
    [(html, _kind)] = letter.alternatives
    return [" ".join(strip_tags(str(text)).split()) for text in (letter.body, html)]


LOGGED_IN = (
    "you logged in to Acme Monitoring with your password, "
    "and so asked for this link on 3 Mar 2026, 13:05 UTC."
)
IF_NOT_YOU = "If it was not you who logged in, somebody else knows your password. Do not use the link;"
NOT_EXPECTED = "If you did not expect it, ask an administrator of your account before you use it."
ASKS_FIRST = "The link works once, for 1 hour, and asks for your password first."
STRAIGHT_ON = "In the browser in which you logged in you can continue at once;"


@pytest.fixture
def _clock():
    with time_machine.travel(datetime(2026, 3, 3, 13, 5, tzinfo=UTC), tick=False):
        yield


def again(browser: Client) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        browser.post(reverse("invitations:send-again"))


@pytest.mark.usefixtures("_clock")
@pytest.mark.parametrize("resend", [False, True])
def test_the_email_after_a_login_speaks_of_the_login(olga, resend):
    browser = stopped(olga)
    said = LOGGED_IN
    if resend:
        again(browser)
        said = said.replace("13:05", "13:07")
    for body in bodies():
        assert said in body
        assert STRAIGHT_ON in body
        assert IF_NOT_YOU in body
        assert NOT_EXPECTED not in body
        assert "sends you this link" not in body


def by_hand(browser: Client, olga: Operator) -> None:
    browser.post(reverse("operators:setup-link-send", args=[olga.pk]))


def after_a_reset(browser: Client, olga: Operator) -> None:
    enroll(olga)
    browser.post(reverse("operators:reset", args=[olga.pk]), {**RESET, "setup_link": "now"})


def in_bulk(browser: Client, olga: Operator) -> None:
    confirm(browser, chosen("setup-link", [olga]))


@pytest.mark.parametrize("act", [by_hand, after_a_reset, in_bulk])
def test_the_email_that_an_administrator_sends_speaks_of_them(olga, act):
    anna = make_operator(olga.account, name="Anna Admin", administrator=True, enrolled=True)
    act(signed_in(anna), olga)
    assert mail.outbox[-1].subject == "Set up two-factor authentication for Uptrends"
    for body in bodies():
        assert "Anna Admin, an administrator of Acme Monitoring, sends you this link." in body
        assert ASKS_FIRST in body
        assert NOT_EXPECTED in body
        assert "logged in" not in body
        assert "somebody else knows your password" not in body


def test_the_name_of_an_administrator_becomes_no_link(olga):
    setup_link.send(olga, Origin(make_operator(olga.account, name="evil.example", administrator=True)))
    for body in bodies():
        assert "evil. example" in body
        assert "evil.example" not in body


def test_the_email_of_the_command_line_names_nobody(olga):
    setup_link.send(olga, NOBODY)
    for body in bodies():
        assert "an administrator of Acme Monitoring sends you this link." in body
        assert NOT_EXPECTED in body
