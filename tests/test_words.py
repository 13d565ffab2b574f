"""Do the pages and emails say what happens, to whom, and why?"""

import re
from datetime import timedelta
from html.parser import HTMLParser
from uuid import uuid4

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import record
from accounts.durations import duration
from accounts.models import Account, Action
from accounts.policy import Policy
from invitations import setup_link
from operators.models import Group, Membership, Operator, SubAccount
from operators.models.bulk import BulkAction
from operators.people import reset
from tests.support.address_table import TABLE
from tests.support.factories import NOBODY, PASSWORD, RESET, code_for, make_account, make_operator, signed_in
from tests.support.flows import link_in_mail, log_in

REQUIRED_OF_YOU = "An administrator requires two-factor authentication of you."
REQUIRED_BY_ALL = "Your account requires two-factor authentication."


def page_of(browser: Client, operator: Operator, name: str = "detail") -> str:
    return browser.get(reverse(f"operators:{name}", args=[operator.pk])).text


# How long


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (61, "61 seconds"),
        (89, "89 seconds"),
        (90, "2 minutes"),
        (3591, "60 minutes"),
        (5399, "90 minutes"),
        (5400, "2 hours"),
    ],
)
def test_a_duration_is_said_in_the_unit_that_is_easiest_to_read(seconds, words):
    assert duration(seconds) == words


def test_a_long_wait_for_the_next_email_is_said_in_minutes(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    browser, start = Client(), timezone.now()
    for minute in range(5):
        with time_machine.travel(start + timedelta(seconds=61 * minute)):
            log_in(browser, olga)
    with time_machine.travel(start + timedelta(minutes=9)):
        page = browser.get(reverse("invitations:check-email")).text
    assert ">51 minutes</span>." in page
    assert re.search(r'data-countdown="30\d\d"', page)  # without a separator: a script reads it


# How many


@pytest.fixture
def eleven_hundred(account) -> list[Operator]:
    """So many that numbers need a separator, in the account and as keys."""
    return Operator.objects.bulk_create(
        Operator(
            pk=5000 + one, account=account, email=f"p{one}@example.com", name="P", joined_at=timezone.now()
        )
        for one in range(1100)
    )


# What an administrator reads of them: the address, and the words.
BIG = [
    ("/operators/", "1–25 of 1,101"),
    ("/operators/?counts=on", ">1,101 operators</a>"),
    ("/operators/?counts=on", ">1,101 optional and not set up</a>"),
    ("/account/two-factor/", "1,101"),
    ("/account/settings/preview/?two_factor_policy=required", "1,101"),
    ("/operators/bulk/?kind=override-required&every=on", "1,101 operators"),
    ("/reminders/?to_optional=on", "1,101"),
    ("/groups/", ">1,101<"),
]


@pytest.mark.usefixtures("eleven_hundred")
@pytest.mark.parametrize(("path", "words"), BIG)
def test_large_numbers_are_written_as_the_language_writes_them(admin_browser, path, words):
    assert words in admin_browser.get(path).text


class Attributes(HTMLParser):
    """What the programs that get a page read of it: every attribute's value but the words among them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        words = ("aria-label", "title", "placeholder", "alt")
        self.found += [(name, value) for name, value in attrs if value and name not in words]


def test_no_program_is_given_a_separator(account, admin_browser, eleven_hundred):
    olga = eleven_hundred[0]
    group = Group.objects.create(pk=6000, account=account, name="Night shift")
    Membership.objects.create(group=group, operator=olga)
    berlin = SubAccount.objects.create(pk=7000, account=account, name="Berlin")
    Operator.objects.filter(pk=olga.pk).update(
        sub_account=berlin, two_factor_override="required", override_reason="x"
    )
    setup_link.send(olga, NOBODY)
    now = timezone.now()
    action = BulkAction.objects.create(
        pk=8000, account=account, key=uuid4(), kind="reset", created_at=now, alive_at=now
    )
    kept = {"pk": olga.pk, "token": "x", "group": "must-set-up", "public_id": uuid4()}
    others = {"group": group.pk, "sub-account": berlin.pk, "bulk": action.pk}
    query = "two_factor_policy=required&kind=group&group=6000&every=on&counts=on"
    numbers = 0
    for name, arguments in TABLE.items():
        of = next((pk for word, pk in others.items() if word in name), olga.pk)
        values = {**{key: kept[key] for key in arguments}, **({"pk": of} if "pk" in arguments else {})}
        page = admin_browser.get(f"{reverse(name, kwargs=values)}?{query}")
        if not page.streaming:
            found = Attributes(page.text).found
            numbers += sum(bool(re.search(r"\d{4}", value)) for _attribute, value in found)
            assert not [one for one in found if re.search(r"\d,\d{3}", one[1])], name
    assert numbers > 100


# Who requires it


@pytest.fixture(params=["account", "override"])
def required(request, db) -> tuple[Operator, str, str]:
    """Somebody who must use it, the reason to be named, and the one not to be named."""
    if request.param == "account":
        return make_operator(make_account(Policy.REQUIRED)), REQUIRED_BY_ALL, REQUIRED_OF_YOU
    return make_operator(make_account(), override=Policy.REQUIRED), REQUIRED_OF_YOU, REQUIRED_BY_ALL


def test_a_stopped_sign_in_names_who_requires_it(required):
    operator, reason, other = required
    browser = Client()
    log_in(browser, operator)
    page = browser.get(reverse("invitations:check-email")).text
    letter = str(mail.outbox[-1].message())
    for text in (page, str(mail.outbox[-1].body)):
        assert reason in text
        assert other not in text
    assert letter.count(reason) == 2  # as text and as HTML


def test_a_reset_names_who_requires_it(required):
    operator, reason, other = required
    anna = make_operator(operator.account, administrator=True)
    operator = make_operator(operator.account, override=operator.two_factor_override, enrolled=True)
    signed_in(anna).post(reverse("operators:reset", args=[operator.pk]), RESET)
    message = next(message for message in mail.outbox if message.to == [operator.email])
    assert reason in message.body
    assert other not in message.body
    assert "all open sessions have ended" in message.body


@pytest.mark.parametrize(
    ("override", "words"),
    [("", "Your account requires it."), (Policy.REQUIRED, "An administrator requires it of you.")],
)
def test_accepting_names_who_requires_it(admin_browser, account, override, words):
    account.two_factor_policy = Policy.OPTIONAL if override else Policy.REQUIRED
    account.save()
    invited = {"name": "Ivo", "email": "ivo@example.com"} | (
        {"override": "on", "policy": override} if override else {}
    )
    admin_browser.post(reverse("operators:invite"), invited)
    browser, new = Client(), "a fine long password"
    browser.get(link_in_mail())
    details = {"name": "Ivo", "new_password": new, "new_password_again": new}
    assert words in browser.post(reverse("invitations:accept"), details, follow=True).text


# Second person to oneself


def test_my_settings_speak_to_the_operator(account, operator, operator_browser):
    page = page_of(operator_browser, operator)
    assert "Login options for this operator" in page
    assert "You have no override." in page
    assert "You sign in with the password alone." in page
    assert "Olga Operator signs in" not in page


@pytest.mark.parametrize(
    ("override", "enrolled", "words"),
    [
        (Policy.REQUIRED, False, "You get an email with a setup link"),
        (Policy.REQUIRED, True, "You type the password and then a code"),
        (Policy.DISABLED, True, "Two-factor authentication is disabled for you."),
        (Policy.OPTIONAL, False, "You have an override: Optional."),
    ],
)
def test_my_settings_speak_to_the_operator_in_every_state(account, override, enrolled, words):
    operator = make_operator(account, override=override, enrolled=enrolled)
    assert words in page_of(signed_in(operator), operator)


def test_an_administrator_reads_of_somebody_else_by_name(admin_browser, account):
    operator = make_operator(account, name="Dan Deactivated", active=False)
    page = page_of(admin_browser, operator)
    assert "<strong>What happens next:</strong> Dan Deactivated is deactivated and cannot sign in." in page
    assert "This operator has no override." in page


def test_one_s_own_reset_is_told_in_the_second_person(account):
    operator = make_operator(account, "otto@example.com", enrolled=True)
    browser = signed_in(operator)
    proof = {"proof_password": PASSWORD, "proof_code": code_for()}
    url = reverse("operators:reset", args=[operator.pk])
    assert "Your two-factor authentication is reset." in browser.post(url, proof, follow=True).text
    text = mail.outbox[-1].body
    assert "you reset your two-factor authentication (otto@example.com)" in text
    assert "all other sessions have ended" in text
    assert "all open sessions" not in text


def test_a_reset_by_the_command_line_is_not_told_as_one_s_own(account):
    operator = make_operator(account, enrolled=True)
    reset.reset(operator, NOBODY)
    assert "you reset" not in mail.outbox[-1].body


# Why there are no controls


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"single_sign_on": True}, "The identity provider sees to the second factor"),
        ({"override": Policy.DISABLED}, "is disabled for this operator"),
        ({"override": Policy.DISABLED, "enrolled": True}, "is disabled for this operator"),
    ],
)
def test_the_reason_why_there_are_no_controls_is_said_once(admin_browser, account, fields, words):
    page = page_of(admin_browser, make_operator(account, **fields))
    assert page.count(words) == 1
    assert ("The authenticator that was set up is kept" in page) == fields.get("enrolled", False)


def test_an_administrator_may_set_up_the_authenticator_of_a_deactivated_operator(admin_browser, account):
    operator = make_operator(account, active=False)
    assert reverse("operators:scan", args=[operator.pk]) in page_of(admin_browser, operator)
    assert "enrollment-key" in page_of(admin_browser, operator, "scan")


@pytest.mark.parametrize("to_self", [True, False])
def test_scanning_a_second_time_says_what_to_do_instead(admin_browser, account, *, to_self):
    operator = make_operator(account, enrolled=True)
    browser = signed_in(operator) if to_self else admin_browser
    page = browser.get(reverse("operators:scan", args=[operator.pk]), follow=True).text
    assert ("Choose “Use a new phone”" if to_self else "Reset it first to use another phone.") in page


# Whose account, and whose page


@pytest.fixture
def hooli(db) -> Account:
    return make_account(Policy.REQUIRED, "Hooli Data")


def test_the_pages_before_the_sign_in_name_the_account(hooli):
    operator = make_operator(hooli)
    browser = Client()
    assert (
        "Hooli Data"
        in browser.post(
            reverse("operators:login"), {"email": operator.email, "password": PASSWORD}, follow=True
        ).text
    )
    link = link_in_mail()
    assert "Hooli Data" in browser.get(link, follow=True).text
    assert "Hooli Data" in Client().get(link, follow=True).text


@pytest.mark.parametrize("name", ["verify", "recover"])
def test_the_code_pages_name_the_account_and_whose_code_it_is(hooli, name):
    browser = Client()
    log_in(browser, make_operator(hooli, "olga.operator@example.com", name="Olga", enrolled=True))
    page = browser.get(reverse(f"twofactor:{name}")).text
    who = "<strong><bdi>Olga</bdi></strong>, <bdi>ol•••@example.com</bdi>"
    assert f"You are logging in to <strong><bdi>Hooli Data</bdi></strong> as {who}." in page
    assert "olga.operator" not in page


@pytest.mark.parametrize(("name", "title"), [("member-of", "Groups"), ("activity", "Activity")])
def test_the_title_of_a_tab_says_whose_it_is(admin_browser, admin, operator, name, title):
    assert f"<title>{title} of Olga Operator · " in page_of(admin_browser, operator, name)
    assert f"<title>Your {title.lower()} · " in page_of(admin_browser, admin, name)


# The audit log


@pytest.mark.parametrize(
    ("action", "values", "cell"),
    [
        (Action.SIGNED_IN, {"new": "password and code"}, "password and code"),
        (Action.TWO_FACTOR_RESET, {"new": "lost phone"}, "lost phone"),
        (Action.OVERRIDE, {"new": "required"}, "— → required"),
        (Action.OVERRIDE, {"old": "required"}, "required → —"),
        (Action.SIGNED_OUT, {}, "—"),
    ],
)
def test_an_arrow_stands_only_between_what_was_and_what_is(admin_browser, admin, action, values, cell):
    record(action, by=NOBODY, subject=admin, **values)
    page = admin_browser.get(reverse("accounts:audit-log")).text
    assert f'<td data-label="Old → new">{cell}</td>' in page


# A form that is out of date


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "Go back, reload that page, and send the form again."),
        ({"HX-Request": "true"}, "What you have typed is still here"),
    ],
)
def test_a_form_that_is_out_of_date_says_what_to_do(admin, headers, words):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin)
    page = browser.post(reverse("operators:name", args=[admin.pk]), {"name": "Anna"}, headers=headers).text
    assert words in page
    assert 'href="/"' in page


# The login page


def test_the_login_page_says_why_it_came_in_between(operator):
    words = "Your session has ended, or you are not logged in. Log in to go on."
    browser = Client()
    assert words in browser.get(operator.get_absolute_url(), follow=True).text
    for plain in (reverse("operators:login"), reverse("operators:home")):
        assert words not in browser.get(plain, follow=True).text
    foreign = {"next": "https://example.com/"}
    assert words not in browser.get(reverse("operators:login"), foreign).text


# A new address that is not confirmed yet


@pytest.fixture
def new_address(operator, operator_browser) -> str:
    operator_browser.post(reverse("operators:email", args=[operator.pk]), {"email": "new@example.com"})
    return "Waiting for confirmation: <bdi>new@example.com</bdi>."


def test_a_new_address_that_waits_for_its_confirmation_is_shown(operator, operator_browser, new_address):
    assert new_address in page_of(operator_browser, operator)


def test_a_confirmed_address_waits_no_more(operator, new_address):
    stranger = Client()
    stranger.post(stranger.get(link_in_mail()).url)
    operator.refresh_from_db()
    assert operator.email == "new@example.com"
    assert new_address not in page_of(signed_in(operator), operator)


def test_a_new_address_waits_no_more_when_its_link_is_dead(operator, operator_browser, new_address):
    with time_machine.travel(timezone.now() + timedelta(days=1, seconds=1)):
        assert new_address not in page_of(signed_in(operator), operator)


def test_a_new_address_that_got_no_email_is_not_waited_for(operator, operator_browser, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    operator_browser.post(reverse("operators:email", args=[operator.pk]), {"email": "new@example.com"})
    assert "Waiting for confirmation" not in page_of(operator_browser, operator)
