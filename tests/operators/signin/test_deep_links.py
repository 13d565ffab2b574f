"""Where somebody was on the way to is not lost, whatever comes between."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.policy import Policy
from invitations import setup_link
from operators.models import Operator
from tests.support.factories import NOBODY, PASSWORD, code_for, enroll, make_account, make_operator
from tests.support.flows import key_on, link_in_mail, log_in

LOGIN = reverse("operators:login")
WANTED = "/my-settings/sessions/"
BACK = f"{LOGIN}?next={WANTED}"


@pytest.mark.parametrize("name", ["twofactor:verify", "twofactor:recover"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_code_page_that_has_expired_leads_back_with_the_target(operator, name, method):
    enroll(operator)
    browser = Client()
    log_in(browser, operator, next=WANTED)
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1), tick=False):
        assert getattr(browser, method)(reverse(name)).headers["Location"] == BACK


@pytest.mark.parametrize("name", ["twofactor:verify", "twofactor:recover"])
@pytest.mark.parametrize("cookies", [["sessionid"], ["sessionid", "csrftoken"]])
def test_a_code_page_whose_cookies_were_lost_leads_back_with_the_target(operator, name, cookies):
    enroll(operator)
    browser = Client(enforce_csrf_checks=True)
    token = str(browser.get(BACK).context["csrf_token"])
    right = {"email": operator.email, "password": PASSWORD, "next": WANTED}
    browser.post(LOGIN, right | {"csrfmiddlewaretoken": token})
    page = browser.get(reverse(name))
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    for cookie in cookies:
        del browser.cookies[cookie]
    assert browser.post(reverse(name), form | {"code": code_for()}).headers["Location"] == BACK


@pytest.mark.parametrize("target", ["https://evil.example.com/", "//evil.example.com/", "javascript:x"])
def test_a_forged_target_of_a_code_page_leads_nowhere_else(client, db, target):
    answer = client.post(reverse("twofactor:verify"), {"code": "123456", "next": target})
    assert answer.headers["Location"] == LOGIN


def test_a_code_page_left_open_leads_on_who_is_signed_in_by_now(operator_browser):
    answer = operator_browser.post(reverse("twofactor:verify"), {"code": "123456", "next": WANTED})
    assert answer.headers["Location"] == WANTED


def test_the_other_forms_on_the_way_have_the_target_too(db):
    account = make_account(Policy.REQUIRED)
    waiting = Client()
    log_in(waiting, make_operator(account), next=WANTED)
    assert f'name="next" value="{WANTED}"' in waiting.get(reverse("invitations:check-email")).text
    account.required_from = timezone.now() + timedelta(days=3)
    account.save()
    choosing = Client()
    log_in(choosing, make_operator(account), next=WANTED)
    assert f'name="next" value="{WANTED}"' in choosing.get(reverse("operators:offer")).text


def test_five_wrong_codes_lead_back_with_the_target(operator):
    enroll(operator)
    browser = Client()
    log_in(browser, operator, next=WANTED)
    wrong = [browser.post(reverse("twofactor:verify"), {"code": code_for(steps=500)}) for _ in range(5)]
    assert wrong[-1].headers["Location"] == BACK


def test_so_does_the_wait_for_the_setup_link(db):
    browser = Client()
    log_in(browser, make_operator(make_account(Policy.REQUIRED)), next=WANTED)
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1), tick=False):
        assert browser.get(reverse("invitations:check-email")).headers["Location"] == BACK
        assert browser.post(reverse("invitations:send-again")).headers["Location"] == BACK


def test_so_does_the_offer_to_set_up(db):
    account = make_account(Policy.REQUIRED)
    account.required_from = timezone.now() + timedelta(days=3)
    account.save()
    browser = Client()
    assert log_in(browser, make_operator(account), next=WANTED).url == reverse("operators:offer")
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1), tick=False):
        assert browser.get(reverse("operators:offer")).headers["Location"] == BACK


def set_up_on_the_phone() -> str:
    """Open the newest setup link in another browser and finish there; where the recovery codes lead."""
    return set_up_by(link_in_mail())


def set_up_by(link: str) -> str:
    phone = Client()
    phone.get(link)
    page = phone.post(reverse("invitations:setup-password"), {"password": PASSWORD}, follow=True)
    phone.post(reverse("invitations:setup"), {"code": code_for(key_on(page.text))})
    return phone.post(reverse("twofactor:recovery-codes"), {"saved": "on"}).headers["Location"]


@pytest.fixture
def olga(db) -> Operator:
    return make_operator(make_account(Policy.REQUIRED), "olga@example.com")


def test_a_setup_link_that_is_opened_elsewhere_leads_to_the_target(olga):
    log_in(Client(), olga, next=WANTED)
    assert set_up_on_the_phone() == WANTED


def test_so_does_one_that_was_asked_for_again(olga):
    browser = Client()
    log_in(browser, olga, next=WANTED)
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        browser.post(reverse("invitations:send-again"))
        assert set_up_on_the_phone() == WANTED


def test_one_without_a_target_leads_to_the_first_page(olga):
    log_in(Client(), olga)
    assert set_up_on_the_phone() == olga.get_absolute_url()


def test_one_that_was_copied_leads_to_the_first_page(olga):
    assert set_up_by(setup_link.make_link(olga, NOBODY)) == olga.get_absolute_url()
