"""What somebody reads who opens a dead link: what became of it, but only if it was really sent."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
import time_machine
from django.apps import apps
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.policy import Policy
from invitations import invite, setup_link
from invitations.ledger import LinkRecord
from invitations.link_mail import PAGES, url_of
from invitations.models import Link, hash_of
from operators.models import Operator
from operators.overrides.override import set_override
from operators.people import profile, removal
from operators.people.login_method import set_sign_in_method
from operators.people.reset import reset_unreadable
from operators.signin import frozen, own_sessions, password_reset
from operators.signin.session_store import SessionStore
from tests.support.factories import NOBODY, PASSWORD, enroll, make_operator
from tests.support.flows import key_on, link_in_mail
from twofactor import enrollment, fresh_codes, totp

Purpose = Link.Purpose
NOW = datetime(2026, 3, 3, 13, 5, tzinfo=UTC)
PLAIN = "It was used already, a newer link has taken its place, or it is too old."
HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def olga(clock, account):
    return make_operator(account, "olga@example.com", name="Olga", override=Policy.REQUIRED)


@pytest.fixture
def ivo(clock, account):
    return make_operator(account, "ivo@example.com", name="Ivo", invited=True)


def open_link(link: str, zone: str = "Europe/Berlin") -> str:
    """Return what a browser in this time zone shows."""
    browser = Client()
    browser.cookies["time_zone"] = zone
    answer = browser.get(link, follow=True)
    assert answer.status_code == 410
    assert "olga" not in answer.text.lower()
    # The page behind knows the link as well, once its token has left the address.
    again = browser.get(answer.request["PATH_INFO"])
    assert (again.status_code, again.context["what_happened"]) == (410, answer.context["what_happened"])
    return answer.text


def token_in(link: str) -> str:
    return link.rstrip("/").rpartition("/")[2]


def issue(operator: Operator, purpose: Purpose) -> str:
    return url_of(purpose, Link.issue(operator, purpose, operator.email))


@pytest.mark.parametrize("purpose", Purpose)
def test_a_token_that_nobody_was_sent_reads_the_plain_page(db, purpose):
    page = open_link(reverse(PAGES[purpose], args=["unknown"]))
    assert PLAIN in page
    assert "(" not in page[page.index("<main") : page.index("</main")]


@pytest.mark.parametrize("purpose", Purpose)
def test_a_true_token_opened_for_something_else_reads_the_plain_page(olga, purpose):
    other = next(one for one in Purpose if one != purpose)
    token = Link.issue(olga, purpose, olga.email)
    Link.objects.get().spend(NOW)
    assert PLAIN in open_link(reverse(PAGES[other], args=[token]))


@pytest.mark.parametrize("purpose", Purpose)
def test_a_page_without_any_link_is_the_plain_one(db, purpose):
    pages = {
        Purpose.SETUP: "invitations:setup",
        Purpose.INVITATION: "invitations:accept",
        Purpose.PASSWORD_RESET: "operators:password-reset-choose",
        Purpose.EMAIL: "operators:email-confirm",
    }
    answer = Client().get(reverse(pages[purpose]))
    assert (answer.status_code, PLAIN in answer.text) == (410, True)


@pytest.mark.parametrize(
    ("purpose", "said", "next_step"),
    [
        (Purpose.SETUP, "Two-factor authentication was set up with it", "with your password and a code"),
        (Purpose.INVITATION, "The invitation was accepted with it", "the password that you chose."),
        (Purpose.PASSWORD_RESET, "A new password was chosen with it", "If it was not you"),
        (Purpose.EMAIL, "The new address was confirmed with it", "Log in with the new address."),
    ],
)
def test_a_used_link_says_what_for_and_when(olga, clock, purpose, said, next_step):
    link = issue(olga, purpose)
    Link.objects.get().spend(NOW)
    clock.shift(HOUR)
    page = open_link(link)
    assert f"{said} (today, 14:05)." in page
    assert next_step in page


@pytest.mark.parametrize(("zone", "said"), [("Asia/Tokyo", "today, 22:05)"), ("", "today, 13:05 UTC)")])
def test_the_time_is_the_reader_s(olga, zone, said):
    link = issue(olga, Purpose.SETUP)
    Link.objects.get().spend(NOW)
    assert said in open_link(link, zone)


def test_after_its_day_the_date_is_said(olga, clock):
    link = issue(olga, Purpose.SETUP)
    Link.objects.get().spend(NOW)
    clock.shift(24 * HOUR)
    assert "(3 Mar 2026, 14:05)." in open_link(link)


@pytest.mark.parametrize(
    ("purpose", "next_step"),
    [
        (Purpose.SETUP, "with your password and a code"),
        (Purpose.INVITATION, "the password that you chose."),
        (Purpose.PASSWORD_RESET, "Log in with the new password."),
        (Purpose.EMAIL, "Log in with the new address."),
    ],
)
def test_after_the_newest_link_was_used_an_older_one_does_not_lead_to_it(olga, clock, purpose, next_step):
    older = [issue(olga, purpose), issue(olga, purpose)]
    issue(olga, purpose)
    clock.shift(timedelta(minutes=1))
    Link.objects.get().spend(NOW + timedelta(minutes=1))
    for link in older:
        page = open_link(link)
        assert "A newer link has taken its place, and was used (today, 14:06)." in page
        assert next_step in page
        assert "newest email" not in page


@pytest.mark.parametrize("purpose", Purpose)
def test_every_link_that_a_newer_one_has_replaced_says_so(olga, clock, purpose):
    links = [issue(olga, purpose)]
    for _ in range(2):
        clock.shift(timedelta(minutes=1))
        links.append(issue(olga, purpose))
    for link, minute in zip(links, (6, 7), strict=False):
        page = open_link(link)
        assert f"A newer link has taken its place (today, 14:0{minute})." in page
        assert "Open the link in the newest email" in page
    assert Link.find(hash_of(token_in(links[-1])), purpose, NOW + timedelta(minutes=2))


def test_an_emailed_link_that_was_replaced_says_so(olga, clock):
    setup_link.send(olga, NOBODY)
    link = link_in_mail()
    clock.shift(2 * timedelta(minutes=1))
    setup_link.send(olga, NOBODY)
    assert "A newer link has taken its place (today, 14:07)." in open_link(link)


def test_a_withdrawn_link_says_so(olga, ivo):
    link = issue(olga, Purpose.SETUP)
    setup_link.withdraw(olga, NOBODY)
    assert "An administrator has withdrawn it (today, 14:05)." in open_link(link)
    invitation = invite.make_link(ivo, NOBODY)
    removal.withdraw(ivo, NOBODY)
    page = open_link(invitation)
    assert "An administrator has withdrawn it (today, 14:05)." in page
    assert "Ask your administrator to send it again." in page


@pytest.mark.parametrize(
    ("purpose", "hours", "next_step"),
    [
        (Purpose.SETUP, 1, "Log in again to get a new link."),
        (Purpose.INVITATION, 21 * 24, "Ask your administrator to send it again."),
        (Purpose.PASSWORD_RESET, 3 * 24, "Request a new link to choose a password."),
        (Purpose.EMAIL, 24, "change it again on My settings"),
    ],
)
def test_a_link_whose_time_is_over_says_so(olga, clock, purpose, hours, next_step):
    link = issue(olga, purpose)
    clock.shift(hours * HOUR)
    page = open_link(link)
    assert f"It has expired (today, {'15' if hours == 1 else '14'}:05)." in page
    assert next_step in page


def test_what_is_done_after_its_time_is_not_why_it_ended(olga, clock):
    link = issue(olga, Purpose.SETUP)
    clock.shift(2 * HOUR)
    profile.change_password(olga, "fine long words", NOBODY)
    issue(olga, Purpose.SETUP)
    assert "It has expired (today, 15:05)." in open_link(link)


def enrolled_and_reset(who: Operator) -> None:
    enroll(who)
    reset_unreadable(Operator.objects.complete().get(pk=who.pk), NOBODY)


def forgotten(who: Operator) -> None:
    Link.issue(who, Purpose.PASSWORD_RESET, who.email)
    link = Link.objects.get(purpose=Purpose.PASSWORD_RESET)
    assert password_reset.reset_password(link, "fine long words", NOBODY)


def new_address(who: Operator) -> None:
    Link.issue(who, Purpose.EMAIL, "new@example.com")
    assert profile.confirm_email(Link.objects.get(purpose=Purpose.EMAIL), NOBODY)


ASK = "Ask an administrator of your account."
LOG_IN = "Log in again to get a new link."


def new_recovery_codes(who: Operator) -> None:
    enroll(who)
    assert fresh_codes.renew(SessionStore(), Operator.objects.complete().get(pk=who.pk), NOBODY)


CHANGES = {
    "recovery codes": (new_recovery_codes, "It ended when new recovery codes were made", LOG_IN),
    "set up elsewhere": (
        lambda who: enrollment.enroll(
            who, enrollment.Confirmed("A" * 32, totp.step_at(NOW.timestamp()), NOW), NOBODY
        ),
        "It ended when two-factor authentication was set up",
        "Log in with your password and a code from the app.",
    ),
    "reset": (
        enrolled_and_reset,
        "It ended when two-factor authentication was reset",
        LOG_IN,
    ),
    "own password": (
        lambda who: profile.change_password(who, "fine long words", NOBODY),
        "It ended with a new password",
        LOG_IN,
    ),
    "forgotten password": (
        forgotten,
        "It ended with a new password",
        LOG_IN,
    ),
    "address": (new_address, "It ended when the email address was changed", LOG_IN),
    "single sign-on": (
        lambda who: set_sign_in_method(who, "single_sign_on", NOBODY),
        "It ended when an administrator changed how you log in",
        ASK,
    ),
    "closed": (
        lambda who: removal.deactivate(who, NOBODY),
        "It ended when an administrator closed this login",
        ASK,
    ),
    "frozen": (lambda who: frozen.freeze(who, NOW, NOBODY), "It ended when this login was frozen", ASK),
    "sessions": (
        lambda who: own_sessions.end_all(who, NOBODY),
        "It ended when an administrator ended all sessions",
        LOG_IN,
    ),
    "deleted": (lambda who: removal.delete(who, NOBODY), "It ended when this operator was deleted", ASK),
    "override": (
        lambda who: set_override(who, "", NOBODY),
        "It ended when an administrator changed what is asked of you at login",
        LOG_IN,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_link_that_a_change_has_ended_names_it(olga, clock, change):
    act, said, next_step = CHANGES[change]
    link = issue(olga, Purpose.SETUP)
    clock.shift(timedelta(minutes=1))
    act(olga)
    page = open_link(link)
    assert f"{said} (today, 14:06)." in page
    assert next_step in page


def test_a_change_of_which_the_trail_says_nothing_any_more_is_called_a_change(olga):
    link = issue(olga, Purpose.SETUP)
    olga.renew_session_nonce()
    assert not AuditEntry.objects.exists()
    page = open_link(link)
    assert "It ended when something about your login was changed." in page
    assert LOG_IN in page


def test_a_link_that_lives_and_cannot_be_used_says_so(olga, account):
    link = issue(olga, Purpose.SETUP)
    account.two_factor_policy = Policy.DISABLED
    account.save()
    page = open_link(link)
    assert "It cannot be used as your login is set up at present." in page
    assert ASK in page


def test_an_enrollment_elsewhere_ends_other_links_without_a_word_about_codes(olga):
    link = issue(olga, Purpose.PASSWORD_RESET)
    CHANGES["set up elsewhere"][0](olga)
    assert "Request a new link to choose a password." in open_link(link)


# In the browser in which it was used


def test_the_back_button_after_setting_up_says_that_it_is_done(olga):
    browser = Client()
    browser.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    setup = browser.get(link_in_mail(), follow=True)
    code = totp.code_at(key_on(setup.text), totp.step_at(NOW.timestamp()))
    browser.post(reverse("invitations:setup"), {"code": code})
    page = browser.get(reverse("invitations:setup")).text
    assert "Two-factor authentication was set up with it" in page


def test_the_back_button_after_accepting_says_that_it_is_done(ivo):
    browser = Client()
    browser.get(invite.make_link(ivo, NOBODY))
    details = {"name": "Ivo", "new_password": "fine long words", "new_password_again": "fine long words"}
    browser.post(reverse("invitations:accept"), details)
    browser.post(reverse("invitations:accept-two-factor"), {"not_now": "on"})
    assert Operator.objects.get(pk=ivo.pk).joined_at
    assert "The invitation was accepted with it" in browser.get(reverse("invitations:accept")).text


# What costs what


def test_opening_a_link_that_works_asks_no_more_than_before(olga, django_assert_num_queries):
    link = issue(olga, Purpose.SETUP)
    browser = Client()
    browser.get(link)
    with django_assert_num_queries(2):  # the session, and the link with its person
        assert browser.get(reverse("invitations:setup-password")).status_code == 200


def test_links_from_before_are_recognized_after_the_migration(olga):
    links = [issue(olga, Purpose.SETUP) for _ in range(2)]
    LinkRecord.objects.update(token_hash="")
    import_module("invitations.migrations.0005_tokens_of_ended_links").fill(apps, None)
    setup_link.withdraw(olga, NOBODY)
    assert PLAIN in open_link(links[0])
    assert "An administrator has withdrawn it" in open_link(links[1])
    assert hash_of(token_in(links[1])) == LinkRecord.objects.latest("pk").token_hash
