"""What a correct password leads to: every row of the table, as a decision and over HTTP."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.policy import Effective, Policy, Source
from operators.rules.next_step import NextStep, next_step
from tests.support.factories import PASSWORD, make_operator

TABLE = [
    (Policy.REQUIRED, True, NextStep.CODE),
    (Policy.REQUIRED, False, NextStep.SETUP_LINK),
    (Policy.OPTIONAL, True, NextStep.CODE),
    (Policy.OPTIONAL, False, NextStep.SIGNED_IN),
    (Policy.DISABLED, True, NextStep.SIGNED_IN),
    (Policy.DISABLED, False, NextStep.SIGNED_IN),
    (None, True, NextStep.REFUSED),
    (None, False, NextStep.REFUSED),
]
PAGES = {NextStep.CODE: reverse("twofactor:verify"), NextStep.SETUP_LINK: reverse("invitations:check-email")}


@pytest.mark.parametrize(("policy", "enrolled", "step"), TABLE)
def test_policy_and_enrollment_decide(policy, enrolled, step):
    assert next_step(Effective(policy, Source.ACCOUNT), enrolled=enrolled) is step


@pytest.mark.parametrize(("policy", "enrolled", "step"), TABLE)
def test_a_trusted_browser_stands_in_for_the_code_and_for_nothing_else(policy, enrolled, step):
    when_trusted = next_step(Effective(policy, Source.ACCOUNT), enrolled=enrolled, trusted=True)
    assert when_trusted is (NextStep.TRUSTED if step is NextStep.CODE else step)


@pytest.mark.parametrize(("enrolled", "step"), [(True, NextStep.CODE), (False, NextStep.OFFER)])
def test_a_required_that_is_announced_is_offered(enrolled, step):
    announced = Effective(Policy.REQUIRED, Source.ACCOUNT, starts_at=timezone.now())
    assert next_step(announced, enrolled=enrolled) is step


@pytest.mark.parametrize(("policy", "enrolled", "step"), TABLE[:6])
def test_a_right_password_leads_there(account, policy, enrolled, step):
    account.two_factor_policy = policy
    account.save()
    operator = make_operator(account, enrolled=enrolled)
    answer = Client().post(reverse("operators:login"), {"email": operator.email, "password": PASSWORD})
    assert answer.url == PAGES.get(step, operator.get_absolute_url())


def test_a_single_sign_on_operator_gets_the_words_for_everybody(account):
    operator = make_operator(account, single_sign_on=True)
    answer = Client().post(reverse("operators:login"), {"email": operator.email, "password": PASSWORD})
    assert "do not match" in answer.text
