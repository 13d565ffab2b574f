"""Signing in with a code."""

import pytest
from playwright.sync_api import expect

from accounts.policy import Policy
from tests.support.factories import SECRET, enroll, make_account, make_operator, new_email
from tests.support.phone import Phone, wrong_code


@pytest.fixture
def phone(tmp_path, olga):
    """The phone with which Olga is enrolled."""
    enroll(olga)
    return Phone(tmp_path, SECRET)


@pytest.mark.parametrize("policy", [Policy.REQUIRED, Policy.OPTIONAL])
def test_a_code_is_asked_for_after_the_password(person, tmp_path, policy):
    olga = make_operator(make_account(policy), new_email(), enrolled=True)
    person.go("/login/")
    person.looks_well("login")
    person.log_in(olga.email)
    person.heading("Type your code")
    expect(person.page.get_by_label("6-digit code", exact=True)).to_be_focused()
    person.looks_well("code")
    person.go(olga.get_absolute_url())
    person.heading("Log in")
    person.log_in(olga.email)
    person.type_code(Phone(tmp_path, SECRET).next_code(), "Verify")
    person.is_at(olga.get_absolute_url())
    person.heading("My settings")


def test_a_code_works_once(new_person, olga, phone):
    code = phone.next_code()
    first, second = new_person(), new_person()
    for person in (first, second):
        person.log_in(olga.email)
        person.type_code(code, "Verify")
    first.heading("My settings")
    second.sees("That code was used already. Wait for the next one.")
    second.looks_well("code-wrong")
    second.type_code(phone.next_code(), "Verify")
    second.heading("My settings")


def test_a_wrong_code_is_refused_and_too_many_lead_back_to_the_login_page(person, olga, phone):
    person.log_in(olga.email)
    for _ in range(4):
        person.type_code(wrong_code(phone), "Verify")
        person.sees("That code is not right")
        person.fill("6-digit code", "")
    person.type_code(wrong_code(phone), "Verify")
    person.heading("Log in")
    person.sees("Those were too many wrong codes. Log in again.")


def test_nothing_is_asked_for_while_disabled_and_the_same_phone_works_later(person, account, olga, phone):
    account.two_factor_policy = Policy.DISABLED
    account.save()
    person.log_in(olga.email)
    person.heading("My settings")
    person.sees("The authenticator that was set up is kept")
    person.looks_well("operator-disabled")
    person.log_out()
    account.two_factor_policy = Policy.OPTIONAL
    account.save()
    person.log_in(olga.email)
    person.type_code(phone.next_code(), "Verify")
    person.heading("My settings")


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(person, olga):
    for email in (olga.email, new_email("nobody")):
        person.log_in(email, "wrong password")
        person.sees("That email and password do not match.")
        expect(person.page.get_by_label("Email")).to_have_value(email)
    person.looks_well("login-refused")


def test_signing_in_leads_back_to_where_one_wanted_to_go(person, olga, phone):
    person.go(f"{olga.get_absolute_url()}activity/")
    person.log_in(olga.email, path=person.page.url)
    person.type_code(phone.next_code(), "Verify")
    person.is_at(f"{olga.get_absolute_url()}activity/")
    person.sees("Signed in")
    person.looks_well("activity")
