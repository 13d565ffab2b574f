"""A session's row says how the operator logged in, and whether a code was given."""

from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from accounts.policy import Policy
from invitations import invite
from operators.models import Operator
from operators.signin.session_store import Session
from tests.support.factories import NOBODY, PASSWORD, RECOVERY_CODES, code_for, make_account, make_operator
from tests.support.flows import key_on, link_in_mail
from twofactor.made_by import MadeBy

LOGIN = reverse("operators:login")
VERIFY = reverse("twofactor:verify")
PROOF = {"proof_for": "GET", "proof_password": PASSWORD}


def log_in(operator: Operator) -> Client:
    browser = Client()
    assert browser.post(LOGIN, {"email": operator.email, "password": PASSWORD}).status_code == 302
    return browser


def made(operator: Operator) -> tuple[str, bool]:
    return Session.objects.values_list("made_by", "code_given").get(user=operator)


def test_with_the_password_alone(operator):
    log_in(operator)
    assert made(operator) == (MadeBy.PASSWORD, False)


@pytest.mark.parametrize(
    ("page", "code", "how"),
    [
        ("twofactor:verify", code_for, MadeBy.CODE),
        ("twofactor:recover", lambda: RECOVERY_CODES[0], MadeBy.RECOVERY_CODE),
    ],
)
def test_with_a_code(account, page, code, how):
    olga = make_operator(account, enrolled=True)
    log_in(olga).post(reverse(page), {"code": code()})
    assert made(olga) == (how, True)


def test_in_a_trusted_browser(account):
    account.trusted_browser_days = 30
    account.save()
    olga = make_operator(account, enrolled=True)
    browser = log_in(olga)
    browser.post(VERIFY, {"code": code_for(), "trust": "on"})
    browser.post(reverse("operators:logout"))
    browser.post(LOGIN, {"email": olga.email, "password": PASSWORD})
    assert made(olga) == (MadeBy.TRUSTED_BROWSER, False)


def test_with_a_setup_link(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    browser = log_in(olga)
    secret = key_on(browser.get(link_in_mail(), follow=True).text)
    browser.post(reverse("invitations:setup"), {"code": code_for(secret)})
    assert made(olga) == (MadeBy.SETUP_LINK, True)


@pytest.mark.parametrize(("policy", "code_given"), [(Policy.DISABLED, False), (Policy.REQUIRED, True)])
def test_with_an_invitation(db, policy, code_given):
    ivo = make_operator(make_account(policy), invited=True)
    invite.send(ivo, NOBODY)
    browser = Client()
    browser.get(link_in_mail())
    data = {"name": "Ivo", "new_password": "a fine long one", "new_password_again": "a fine long one"}
    page = browser.post(reverse("invitations:accept"), data, follow=True)
    if code_given:
        url = reverse("invitations:accept-two-factor")
        browser.post(url, {"code": code_for(key_on(page.text))})
    assert made(ivo) == (MadeBy.INVITATION, code_given)


def test_a_code_that_is_given_later_is_noted_and_how_it_was_made_stays(operator):
    browser = log_in(operator)
    url = reverse("operators:scan", args=[operator.pk])
    browser.post(url, {"code": code_for(key_on(browser.get(url).text))})
    assert made(operator) == (MadeBy.PASSWORD, True)


def test_who_comes_next_in_a_browser_does_not_inherit_the_code(account, operator):
    olga = make_operator(account, enrolled=True)
    browser = log_in(olga)
    browser.post(VERIFY, {"code": code_for()})
    browser.post(LOGIN, {"email": operator.email, "password": PASSWORD})
    assert made(operator) == (MadeBy.PASSWORD, False)


@pytest.mark.parametrize("code", [True, False])
def test_open_sessions_of_before_say_what_their_last_proof_was(operator, code):
    browser = log_in(operator)
    session = browser.session
    session["proof"]["code"] = code
    session.save()
    Session.objects.update(code_given=False)
    other = Session.objects.create(
        session_key="other", session_data="damaged", expire_date=session.get_expiry_date(), user=operator
    )
    import_module("operators.migrations.0014_how_sessions_were_made").read_from_the_sessions(apps, None)
    assert Session.objects.get(pk=session.session_key).code_given is code
    other.refresh_from_db()
    assert not other.code_given
    assert browser.get(operator.get_absolute_url()).status_code == 200
