"""The code step of a sign-in: which codes open it, and what ends it."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.override import set_override
from operators.reset import remove
from tests.factories import NOBODY, PASSWORD, code_for, make_operator
from twofactor.pending import SESSION_KEY

LOGIN = reverse("operators:login")
VERIFY = reverse("twofactor:verify")


@pytest.fixture
def olga(account):
    """An enrolled operator."""
    return make_operator(account, "olga@example.com", enrolled=True)


def waiting(operator):
    browser = Client()
    browser.post(LOGIN, {"email": operator.email, "password": PASSWORD})
    return browser


def type_code(browser, code):
    return browser.post(VERIFY, {"code": code})


def test_a_wrong_code_says_so_and_is_audited(olga):
    assert "not right" in type_code(waiting(olga), "000000").text
    assert AuditEntry.objects.filter(action=Action.CODE_FAILED, subject_id=olga.pk).count() == 1


@pytest.mark.parametrize(("wrong", "goes_on"), [(4, True), (5, False)])
def test_five_wrong_codes_end_it(olga, wrong, goes_on):
    browser = waiting(olga)
    for _ in range(wrong):
        type_code(browser, "000000")
    assert (type_code(browser, code_for()).url != LOGIN) is goes_on
    assert SESSION_KEY not in browser.session


def test_a_used_code_is_refused(olga):
    with time_machine.travel(timezone.now(), tick=False):
        first, second = waiting(olga), waiting(olga)
        assert type_code(first, code_for()).status_code == 302
        assert "used before" in type_code(second, code_for()).text


def test_an_older_code_is_refused_after_a_newer_one(olga):
    with time_machine.travel(timezone.now(), tick=False):
        assert type_code(waiting(olga), code_for(steps=1)).status_code == 302
        assert type_code(waiting(olga), code_for(steps=0)).status_code == 200


@pytest.mark.parametrize(("steps", "status"), [(-2, 200), (-1, 302), (1, 302), (2, 200)])
def test_one_step_either_side_is_accepted(olga, steps, status):
    with time_machine.travel(timezone.now(), tick=False):
        assert type_code(waiting(olga), code_for(steps=steps)).status_code == status


@pytest.mark.parametrize(("seconds", "target"), [(599, "detail"), (601, "login")])
def test_it_waits_ten_minutes(olga, seconds, target):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        browser = waiting(olga)
    with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
        answer = type_code(browser, code_for())
    assert answer.url == {"detail": olga.get_absolute_url(), "login": LOGIN}[target]


def test_a_policy_that_became_disabled_ends_it(olga):
    browser = waiting(olga)
    set_override(olga, Policy.DISABLED, NOBODY)
    assert type_code(browser, code_for()).url == LOGIN


def test_a_reset_ends_a_waiting_sign_in(olga):
    browser = waiting(olga)
    remove(olga, NOBODY)
    assert type_code(browser, code_for()).url == LOGIN


def test_it_does_not_begin_by_itself(db):
    assert Client().get(VERIFY).url == LOGIN


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "１２３４５６", "1" * 10_000, "12\x003456", "12.456"]
)
def test_what_is_no_code_is_an_error_of_the_field_and_no_try(olga, code):
    answer = type_code(waiting(olga), code)
    assert answer.status_code == 200
    assert answer.context["form"].errors["code"]
    assert not AuditEntry.objects.filter(action=Action.CODE_FAILED).exists()


@pytest.mark.parametrize("template", ["{} {}", "{}-{}", " {}{} ", "{} - {}"])
def test_spaces_and_hyphens_are_dropped(olga, template):
    code = code_for()
    assert type_code(waiting(olga), template.format(code[:3], code[3:])).status_code == 302


def test_it_leads_to_where_one_wanted_to_go(olga):
    browser = Client()
    target = reverse("operators:activity", args=[olga.pk])
    browser.post(LOGIN, {"email": olga.email, "password": PASSWORD, "next": target})
    assert type_code(browser, code_for()).url == target
