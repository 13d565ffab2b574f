"""The code step: what is accepted, what ends it, and what it opens."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from operators.models.session import Session
from operators.overrides.override import set_override
from operators.people.reset import reset_unreadable
from tests.support.factories import NOBODY, PASSWORD, SECRET, code_for, make_operator
from twofactor import pending
from twofactor.models import Authenticator

VERIFY = "/login/code/"


@pytest.fixture
def olga(account):
    return make_operator(account, "olga@example.com", enrolled=True)


@pytest.fixture
def browser(olga):
    client = Client()
    client.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    return client


def give(client, code):
    return client.post(VERIFY, {"code": code})


def test_a_right_code_signs_in(browser, olga):
    assert give(browser, code_for()).url == olga.get_absolute_url()
    assert pending.SESSION_KEY not in browser.session


def test_spaces_and_hyphens_are_dropped(browser, olga):
    code = code_for()
    assert give(browser, f" {code[:3]}-{code[3:]} ").url == olga.get_absolute_url()


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "1" * 10_000, "123\x00456"])
def test_what_is_no_code_gets_a_message_beside_the_field(browser, code):
    answer = give(browser, code)
    assert answer.status_code == 200
    assert "has-error" in answer.text
    if "\0" not in code:
        assert "Type the 6 digits that the app shows now" in answer.text
    assert Operator.objects.get().code_failures == 0


def field_on(page: str, name: str) -> dict[str, str]:
    """Return the attributes of a text field, and its label."""
    [tag] = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page)
    attributes = dict(re.findall(r'([a-z]+)="([^"]*)"', tag))
    [attributes["label"]] = re.findall(rf'<label[^>]*for="{attributes["id"]}"[^>]*>\s*([^<]*?)\s*<', page)
    return attributes


TYPED = {"autocapitalize": "off", "spellcheck": "false", "autocomplete": "one-time-code"}


def test_browsers_and_phones_are_told_what_the_field_takes(browser, olga):
    page = browser.get(VERIFY).text
    assert re.search(r'<input[^>]*name="code"[^>]* autofocus', page)
    code = field_on(page, "code")
    assert code.items() >= {**TYPED, "inputmode": "numeric", "class": "code-input"}.items()
    assert code["label"] == "6-digit code"
    assert "maxlength" not in code
    recovery_code = field_on(browser.get(reverse("twofactor:recover")).text, "code")
    wanted = {"autocomplete": "off", "spellcheck": "false", "class": "recovery-input"}
    assert recovery_code.items() >= wanted.items()
    assert recovery_code["label"] == "Recovery code"
    assert "maxlength" not in recovery_code


def test_a_field_for_either_kind_of_code_has_letters_too(olga):
    proving = Client()
    proving.force_login(olga)
    page = proving.get(reverse("twofactor:new-phone")).text
    code = field_on(page, "proof_code")
    assert code.items() >= {**TYPED, "class": "recovery-input"}.items()
    assert "inputmode" not in code
    assert "Or one of your recovery codes." in page


def test_the_back_button_and_a_second_tab_do_not_log_out(browser, olga):
    give(browser, code_for())
    assert browser.get(VERIFY).url == olga.get_absolute_url()
    assert give(browser, "000000").url == olga.get_absolute_url()
    assert browser.get(olga.get_absolute_url()).status_code == 200


def test_a_code_works_once(browser, olga):
    code = code_for()
    give(browser, code)
    other = Client()
    other.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    assert "That code was used already. Wait for the next one." in give(other, code).text
    assert "used before" in give(other, code_for(steps=-1)).text
    assert give(other, code_for(steps=1)).status_code == 302


def test_five_wrong_codes_end_the_waiting_sign_in(browser):
    for _ in range(4):
        assert give(browser, "000000").status_code == 200
    assert give(browser, "000000").url == reverse("operators:login")
    assert give(browser, code_for()).url == reverse("operators:login")


def test_a_sixth_code_in_the_same_sign_in_is_not_looked_at(browser, olga):
    Session.objects.update(wrong_codes=5)
    answer = give(browser, code_for())
    assert answer.url == reverse("operators:login")
    assert "Those were too many wrong codes. Log in again." in browser.get(answer.url).text
    assert Operator.objects.get(pk=olga.pk).code_failures == 0


def test_a_code_that_was_just_used_does_not_count_as_a_wrong_one(browser, olga):
    code = code_for()
    give(browser, code)
    other = Client()
    other.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    for _ in range(7):
        assert "That code was used already" in give(other, code).text
    assert Operator.objects.get(pk=olga.pk).code_failures == 0
    assert not AuditEntry.objects.filter(action=Action.CODE_FAILED).exists()
    for _ in range(4):
        assert "That code is not right" in give(other, "000000").text
    assert Operator.objects.get(pk=olga.pk).code_failures == 4
    assert "That code was used already" in give(other, code).text
    assert give(other, code_for(steps=1)).url == olga.get_absolute_url()


def test_whoever_guesses_is_counted_for_every_miss_before_the_used_code(browser, olga):
    give(browser, code_for())
    Operator.objects.update(code_failures=9)
    other = Client()
    other.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    assert "Try again in 30 seconds" in give(other, "000000").text
    # Within the wait nothing is looked at, so that it does not tell which code it was.
    assert "Try again in 30 seconds" in give(other, code_for()).text
    assert Operator.objects.get(pk=olga.pk).code_failures == 10


def test_a_code_older_than_the_last_one_counts_as_wrong(browser, olga):
    give(browser, code_for())
    other = Client()
    other.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    assert "That code is not right" in give(other, code_for(steps=-1)).text
    assert Operator.objects.get(pk=olga.pk).code_failures == 1


def test_what_is_typed_within_a_wait_uses_up_none_of_the_five(browser, olga):
    Operator.objects.update(code_failures=9)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        give(browser, "000000")
        for _ in range(9):
            assert "Try again in 30 seconds" in give(browser, code_for()).text
        assert Session.objects.get().wrong_codes == 1
        clock.shift(30)
        assert give(browser, code_for()).url == olga.get_absolute_url()


def test_nor_does_what_is_typed_at_a_locked_authenticator(browser):
    Operator.objects.update(code_failures=100)
    for _ in range(6):
        assert "Ask an administrator" in give(browser, code_for()).text
    assert Session.objects.get().wrong_codes == 0


def test_after_ten_wrong_codes_in_a_row_the_wait_is_told(browser, olga):
    Operator.objects.update(code_failures=9)
    assert "Try again in 30 seconds" in give(browser, "000000").text
    assert "Too many wrong codes" in give(browser, code_for()).text


def test_a_long_wait_is_told_in_minutes(browser, olga):
    Operator.objects.update(code_failures=30, codes_blocked_until=timezone.now() + timedelta(minutes=40))
    assert "Try again in 40 minutes" in give(browser, code_for()).text


@pytest.mark.parametrize(("seconds", "works"), [(599, True), (601, False)])
def test_the_waiting_sign_in_lives_ten_minutes(browser, seconds, works):
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
        answer = give(browser, code_for())
    assert (answer.url != reverse("operators:login")) == works


def test_a_reset_ends_the_waiting_sign_in(browser, olga):
    reset_unreadable(olga, NOBODY)
    assert give(browser, code_for()).url == reverse("operators:login")


def test_deactivation_ends_the_waiting_sign_in(browser, olga):
    type(olga).objects.update(is_active=False)
    assert give(browser, code_for()).url == reverse("operators:login")


def test_a_policy_that_became_disabled_leads_back_to_the_password(browser, account):
    account.two_factor_policy = Policy.DISABLED
    account.save()
    answer = give(browser, code_for())
    assert answer.url == reverse("operators:login")
    assert "Log in again to go on." in browser.get(answer.url).text


def test_the_page_says_where_one_logs_in_and_which_entry_of_the_app_it_is(browser):
    page = browser.get(VERIFY).text
    assert "You are logging in to <strong><bdi>Acme Monitoring</bdi></strong> as <strong>" in page
    assert "the 6-digit code for <strong>Uptrends</strong>" in page


def test_the_secret_survives_disabled(account, olga):
    account.two_factor_policy = Policy.DISABLED
    account.save()
    client = Client()
    login = {"email": olga.email, "password": PASSWORD}
    assert client.post(reverse("operators:login"), login).url == olga.get_absolute_url()
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    other = Client()
    assert other.post(reverse("operators:login"), login).url == VERIFY
    assert give(other, code_for(SECRET)).url == olga.get_absolute_url()


def test_a_secret_that_cannot_be_read_is_a_503_and_opens_nothing(browser, olga):
    Authenticator.objects.update(sealed_secret="damaged")
    answer = give(browser, code_for())
    assert answer.status_code == 503
    assert browser.get(olga.get_absolute_url()).status_code == 302


def test_a_wrong_code_is_audited_and_what_is_no_code_is_not(browser, olga):
    give(browser, "12345")
    give(browser, "000000")
    assert AuditEntry.objects.filter(action=Action.CODE_FAILED, subject_id=olga.pk).count() == 1


@pytest.mark.parametrize(("steps", "status"), [(-2, 200), (-1, 302), (1, 302), (2, 200)])
def test_one_step_either_side_signs_in(olga, steps, status):
    with time_machine.travel(timezone.now(), tick=False):
        client = Client()
        client.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
        assert give(client, code_for(steps=steps)).status_code == status


def test_an_override_that_became_disabled_leads_back_to_the_password(browser, olga):
    set_override(olga, Policy.DISABLED, NOBODY)
    assert give(browser, code_for()).url == reverse("operators:login")


def test_there_is_no_code_step_without_a_password(db):
    assert Client().get(VERIFY).url == reverse("operators:login")


def test_a_code_leads_to_where_one_wanted_to_go(olga):
    client, target = Client(), reverse("operators:activity", args=[olga.pk])
    client.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD, "next": target})
    assert give(client, code_for()).url == target


def test_the_field_of_the_popup_has_the_focus_and_says_that_codes_change(admin_browser, admin):
    page = admin_browser.get(reverse("operators:scan", args=[admin.pk])).text
    assert re.search(r'<input[^>]*name="code"[^>]* autofocus', page)
    assert "It changes every 30 seconds." in page


def test_what_to_do_after_a_wrong_code_hangs_on_its_kind(browser, olga):
    wrong = f"{(int(code_for()) + 1) % 10**6:06}"
    assert "Wait for the next one and type it." in give(browser, wrong).text
    page = browser.post(reverse("twofactor:recover"), {"code": "AAAA-BBBB-CCCC-DDDZ"}).text
    assert "That recovery code is not right" in page
