"""Inviting somebody, and accepting: with two-factor authentication, with the choice, and without."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.policy import Policy
from invitations.models import Link
from operators.models import Operator
from tests.support.factories import make_account, make_operator, new_email
from tests.support.mailbox import link_in

NEW = "a fine long password"


@pytest.fixture
def ivo() -> str:
    return new_email("ivo")


def invite(at_admin, email):
    """Send an invitation as an administrator does."""
    at_admin.go("/operators/")
    at_admin.follow("Add operator")
    at_admin.follow("Send an invitation")
    at_admin.fill("Name", "Ivo Invited")
    at_admin.fill("Email", email)
    at_admin.press("Send invitation")
    at_admin.sees(f"The invitation is on its way to {email}.")


def give_details(person):
    person.fill("New password", NEW)
    person.fill("New password again", NEW)


@pytest.fixture
def required(account):
    account.two_factor_policy = Policy.REQUIRED
    account.save()


@pytest.mark.usefixtures("required")
def test_an_invited_operator_who_must_use_it_enrolls_on_the_way(at_admin, person, phone, mail, ivo):
    invite(at_admin, ivo)
    at_admin.looks_well("invited")
    at_admin.go("/operators/")
    expect(at_admin.page.get_by_role("row", name="Ivo Invited").get_by_text("Invited").last).to_be_visible()
    person.go(link_in(mail.newest_to(ivo)))
    person.heading("Accept the invitation")
    person.looks_well("accept")
    give_details(person)
    person.press("Go on")
    person.looks_well("accept-two-factor")
    person.set_up(phone)
    person.sees("Welcome. You are signed in to")
    person.save_recovery_codes()
    person.log_out()
    person.log_in(ivo, NEW)
    person.type_code(phone.next_code(), "Verify")
    person.heading("My settings")


def test_who_may_use_it_has_the_choice(at_admin, person, mail, ivo):
    invite(at_admin, ivo)
    person.go(link_in(mail.newest_to(ivo)))
    give_details(person)
    person.press("Go on")
    person.looks_well("accept-choice")
    expect(person.page.get_by_role("link", name="Set up now")).to_be_visible()
    person.press("Not now")
    person.sees("Welcome.")


def test_who_chooses_to_set_it_up_now_is_enrolled(at_admin, person, mail, phone, ivo):
    invite(at_admin, ivo)
    person.go(link_in(mail.newest_to(ivo)))
    give_details(person)
    person.press("Go on")
    person.follow("Set up now")
    person.set_up(phone)
    person.sees("Welcome.")
    person.save_recovery_codes()
    person.sees("Protected")


def test_who_cannot_use_it_chooses_a_password_only(at_admin, person, account, mail, ivo):
    account.two_factor_policy = Policy.DISABLED
    account.save()
    invite(at_admin, ivo)
    person.go(link_in(mail.newest_to(ivo)))
    give_details(person)
    person.press("Join")
    person.sees("Welcome.")


@pytest.mark.usefixtures("required")
def test_half_finished_it_goes_on_on_another_device_and_works_once(at_admin, new_person, mail, phone, ivo):
    invite(at_admin, ivo)
    link = link_in(mail.newest_to(ivo))
    first, second = new_person(), new_person()
    for somebody in (first, second):
        somebody.go(link)
        give_details(somebody)
        somebody.press("Go on")
    second.set_up(phone)
    second.sees("Welcome.")
    first.expected_statuses.add(410)
    first.type_code("123456", "Finish")
    first.heading("This link does not work any more")
    first.looks_well("dead-invitation")


def test_somebody_who_is_signed_in_is_named_and_may_log_out(at_admin, mail, ivo):
    invite(at_admin, ivo)
    at_admin.go(link_in(mail.newest_to(ivo)))
    at_admin.heading("Somebody is signed in")
    at_admin.sees("Anna Admin")
    at_admin.looks_well("accept-other")
    at_admin.press("Log out and go on")
    at_admin.heading("Accept the invitation")


def test_resending_and_copying_kill_the_older_link(at_admin, person, mail, ivo):
    invite(at_admin, ivo)
    first = link_in(mail.newest_to(ivo))
    at_admin.press("Resend invitation")
    at_admin.sees("Send it again in")
    Link.objects.filter(user__email=ivo).update(sent_at=timezone.now() - timedelta(minutes=2))
    at_admin.press("Resend invitation")
    second = link_in(mail.newest_to(ivo, 2))
    at_admin.press("Copy invitation link")
    at_admin.looks_well("invitation-link")
    third = at_admin.page.get_by_label("Link", exact=True).input_value()
    person.expected_statuses.add(410)
    for dead in (first, second):
        person.go(dead)
        person.heading("This link does not work any more")
    person.go(third)
    person.heading("Accept the invitation")


def test_a_withdrawn_invitation_leaves_the_list_and_opens_nothing(at_admin, person, mail, ivo):
    invite(at_admin, ivo)
    at_admin.follow("Withdraw invitation")
    at_admin.dialog.get_by_role("button", name="Withdraw invitation").click()
    at_admin.sees(f"The invitation to {ivo} is withdrawn.")
    person.expected_statuses.add(410)
    person.go(link_in(mail.newest_to(ivo)))
    person.heading("This link does not work any more")


def test_an_invitation_expires_after_21_days_and_the_list_says_so(at_admin, person, mail, ivo):
    invite(at_admin, ivo)
    Link.objects.filter(user__email=ivo).update(expires_at=timezone.now())
    at_admin.go("/operators/")
    expect(at_admin.page.get_by_role("row", name="Ivo Invited")).to_contain_text("Invitation expired")
    person.expected_statuses.add(410)
    person.go(link_in(mail.newest_to(ivo)))
    person.heading("This link does not work any more")


def test_an_address_that_somebody_has_is_refused_and_what_was_typed_is_kept(at_admin, olga):
    stranger = make_operator(make_account(name="Other"), new_email("else"))
    at_admin.go("/operators/add/invite/")
    for email, words in [
        (olga.email.upper(), "An operator of this account has that address already."),
        (stranger.email, "That address cannot be invited."),
    ]:
        at_admin.fill("Name", "Ivo Invited")
        at_admin.fill("Email", email)
        at_admin.press("Send invitation")
        at_admin.sees(words)
        expect(at_admin.page.get_by_label("Name", exact=True)).to_have_value("Ivo Invited")
    at_admin.looks_well("invite-refused")


def test_a_mail_server_that_refuses_leaves_the_link_to_be_copied(at_admin, mail, ivo):
    mail.mode = "refuse"
    at_admin.go("/operators/add/invite/")
    at_admin.fill("Name", "Ivo Invited")
    at_admin.fill("Email", ivo)
    at_admin.press("Send invitation")
    at_admin.sees(f"The invitation to {ivo} could not be sent")
    expect(at_admin.page.get_by_role("button", name="Copy invitation link")).to_be_visible()


def test_an_operator_set_up_by_hand_signs_in_at_once(at_admin, person, mail, ivo):
    at_admin.go("/operators/add/")
    at_admin.follow("Set up manually")
    at_admin.looks_well("create")
    at_admin.fill("Name", "Ivo Manual")
    at_admin.fill("Email", ivo)
    give_details(at_admin)
    at_admin.press("Add operator")
    at_admin.sees("No email was sent")
    person.log_in(ivo, NEW)
    person.heading("My settings")
    assert not mail.to(ivo)
    assert Operator.objects.get(email=ivo).joined_at
