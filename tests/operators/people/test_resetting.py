"""Resetting another operator: why, after which check, what comes next, and who is told."""

from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from tests.support.factories import RESET, enroll, make_operator

# A line break, marks that turn the direction of text, a character that cannot be seen.
HIDDEN = ["\n", "\r", "\t", "\u202e", "\u2067", "\u200e", "\u200b"]


@pytest.fixture
def olga(account):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    return make_operator(account, "olga@example.com", name="Olga Operator", enrolled=True)


def reset(browser, operator, **data):
    url = reverse("operators:reset", args=[operator.pk])
    return browser.post(url, {**RESET, **data}, follow=True).text


@pytest.mark.parametrize("field", ["why", "identity_check"])
def test_there_is_no_reset_without_reason_and_check(olga, admin_browser, field):
    assert "has-error" in reset(admin_browser, olga, **{field: ""})
    assert Operator.objects.complete().get(pk=olga.pk).is_enrolled


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_reason_is_one_line_of_which_everything_can_be_seen(olga, admin_browser, hidden):
    answer = admin_browser.post(
        reverse("operators:reset", args=[olga.pk]), {**RESET, "why": f"Lost{hidden}her phone"}
    )
    assert "Remove " in answer.context["form"].errors["why"][0]
    assert Operator.objects.complete().get(pk=olga.pk).is_enrolled


@pytest.mark.parametrize("command", ["reset_two_factor", "free_sign_in"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_so_it_is_at_the_command_line(olga, command, hidden):
    Operator.objects.filter(pk=olga.pk).update(frozen_at="2026-11-24T12:00:00Z")
    with pytest.raises(CommandError, match="Remove "):
        call_command(command, olga.email, "--reason", f"Lost{hidden}her phone")
    with pytest.raises(CommandError, match="Say why"):
        call_command(command, olga.email, "--reason", " ")
    assert not AuditEntry.objects.exists()
    call_command(command, olga.email, "--reason", "  Lost her\u00a0phone ", verbosity=0, stdout=StringIO())
    assert AuditEntry.objects.latest("pk").new == "Lost her phone"


def test_reason_and_check_are_kept_in_the_audit_log(olga, admin_browser):
    reset(admin_browser, olga, why="Lost the phone", identity_check="video call")
    assert AuditEntry.objects.get(action=Action.TWO_FACTOR_RESET).new == "Lost the phone (video call)"


def test_the_setup_link_goes_out_at_once_where_that_is_chosen(olga, admin_browser):
    assert "A setup link is on its way to olga@example.com" in reset(admin_browser, olga, setup_link="now")
    assert "/setup/" in mail.outbox[-1].body


def test_a_setup_link_that_cannot_be_sent_is_said_so(olga, admin_browser, settings):
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    page = reset(admin_browser, olga, setup_link="now")
    assert "No setup link could be sent" in page
    assert "The email about it to olga@example.com could not be sent" in page


def test_without_a_rule_no_link_is_offered(account, admin_browser):
    otto = make_operator(account, enrolled=True)
    page = admin_browser.get(reverse("operators:reset", args=[otto.pk])).text
    assert "Setup link" not in page


def test_the_other_administrators_hear_of_the_reset_of_an_administrator(account, admin, admin_browser):
    second = make_operator(account, "ada@example.com", administrator=True, enrolled=True)
    third = make_operator(account, "abe@example.com", administrator=True)
    reset(admin_browser, second)
    recipients = {
        message.to[0] for message in mail.outbox if "of an administrator was reset" in message.subject
    }
    assert recipients == {admin.email, third.email}


def test_the_command_line_tells_them_too_and_works_without_mail(account, admin, settings):
    second = make_operator(account, "ada@example.com", administrator=True, enrolled=True)
    call_command("reset_two_factor", second.email, "--reason", "lost phone", verbosity=0)
    assert sorted(message.to[0] for message in mail.outbox) == sorted([admin.email, second.email])
    assert "The command line reset" in mail.outbox[0].body
    enroll(second)
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    call_command("reset_two_factor", second.email, "--reason", "lost phone", verbosity=0)
    assert not Operator.objects.complete().get(pk=second.pk).is_enrolled
