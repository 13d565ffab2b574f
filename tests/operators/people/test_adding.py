"""Adding an operator by invitation or by hand, and what can be done with an open invitation."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from operators.models import Operator
from tests.support.factories import make_account, make_operator

NEW = "a fine long password"


def invite(browser, email="ivo@example.com", name="Ivo Invited", **data):
    return browser.post(reverse("operators:invite"), {"name": name, "email": email, **data}, follow=True)


def create(browser, password=NEW, **data):
    fields = {
        "name": "Mia",
        "email": "mia@example.com",
        "new_password": password,
        "new_password_again": password,
    }
    return browser.post(reverse("operators:create"), {**fields, **data}, follow=True)


def act(browser, name, operator, **extra):
    return browser.post(reverse(f"operators:invitation-{name}", args=[operator.pk]), follow=True, **extra)


def test_the_two_ways_are_offered(admin_browser):
    page = admin_browser.get(reverse("operators:add")).text
    assert "Send an invitation" in page
    assert "Set up manually" in page


def test_an_invitation_carries_groups_and_an_override(admin_browser, account):
    night = account.groups.create(name="Night shift")
    invite(admin_browser, groups=[night.pk], override="on", policy="required")
    ivo = Operator.objects.get(email="ivo@example.com")
    assert ivo.is_invited
    assert not ivo.is_active
    assert ivo.two_factor_override == "required"
    assert list(ivo.groups.all()) == [night]


def test_an_operator_set_up_by_hand_signs_in_at_once_and_gets_no_mail(admin_browser):
    assert "No email was sent" in create(admin_browser).text
    assert not mail.outbox
    answer = Client().post(reverse("operators:login"), {"email": "mia@example.com", "password": NEW})
    assert answer.status_code == 302


@pytest.mark.parametrize("password", ["short", "password123456", "1234567890", "mia@example.com"])
def test_a_weak_password_is_refused(admin_browser, password):
    assert create(admin_browser, password).status_code == 200
    assert not Operator.objects.filter(email="mia@example.com").exists()


def test_two_different_passwords_are_refused(admin_browser):
    assert "The two passwords differ" in create(admin_browser, new_password_again="another one").text


def test_an_address_of_this_account_is_said_to_be_taken(admin_browser, operator):
    assert (
        "An operator of this account has that address already"
        in invite(admin_browser, "OLGA@example.com").text
    )


def test_of_an_address_of_another_account_nothing_more_is_told(admin_browser):
    make_operator(make_account(name="Other"), "else@example.com")
    page = invite(admin_browser, "else@example.com").text
    assert "cannot be invited" in page
    assert "already" not in page


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("", "ivo@example.com"),
        ("x" * 255, "ivo@example.com"),
        ("a\nb", "ivo@example.com"),
        ("a\0b", "ivo@example.com"),
        ("Ivo", ""),
        ("Ivo", "no address"),
        ("Ivo", "x" * 243 + "@example.com"),
        ("Ivo", "a\0b@example.com"),
    ],
)
def test_bad_names_and_addresses_are_refused_beside_the_field(admin_browser, name, email):
    answer = invite(admin_browser, email, name)
    assert answer.status_code == 200
    assert "has-error" in answer.text
    assert not mail.outbox


@pytest.mark.parametrize("name", ["x" * 254, "Ольга Оператор", "<b>Ivo</b>", "O'Brien & Söhne"])
def test_every_real_name_is_accepted_and_escaped(admin_browser, name):
    answer = invite(admin_browser, name=name)
    assert Operator.objects.get(email="ivo@example.com").name == name
    assert "<b>Ivo" not in answer.text


def test_an_invitation_again_within_a_minute_says_how_long_to_wait(admin_browser):
    invite(admin_browser)
    ivo = Operator.objects.get(email="ivo@example.com")
    assert re.search(r"Send it again in (59 seconds|1 minute)\.", act(admin_browser, "resend", ivo).text)
    assert len(mail.outbox) == 1


def test_a_mail_server_that_refuses_is_told_with_what_to_do(admin_browser, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    page = invite(admin_browser).text
    assert "to ivo@example.com could not be sent" in page
    assert "copy the link" in page


def test_the_copied_link_works(admin_browser):
    invite(admin_browser)
    ivo = Operator.objects.get(email="ivo@example.com")
    link = act(admin_browser, "copy", ivo).context["link"]
    page = Client().get(link.removeprefix("http://testserver"), follow=True)
    assert "You join" in page.text


def test_a_withdrawn_invitation_is_gone(admin_browser):
    invite(admin_browser)
    ivo = Operator.objects.get(email="ivo@example.com")
    page = admin_browser.get(reverse("operators:invitation-withdraw", args=[ivo.pk])).text
    assert "stops working" in page
    assert "is withdrawn" in act(admin_browser, "withdraw", ivo).text
    assert not Operator.objects.filter(pk=ivo.pk).exists()


@pytest.mark.parametrize("name", ["resend", "copy", "withdraw"])
def test_an_operator_who_has_joined_has_no_invitation(admin_browser, operator, name):
    assert "has joined already" in act(admin_browser, name, operator).text
    assert Operator.objects.filter(pk=operator.pk).exists()


def test_an_address_that_no_mail_can_go_to_is_refused(admin_browser):
    email = "l@" + "\u00fc" * 60 + ".com"
    page = admin_browser.post(reverse("operators:invite"), {"name": "Ivo", "email": email}).text
    assert "No email can be sent to that address" in page
    assert not Operator.objects.filter(name="Ivo").exists()
