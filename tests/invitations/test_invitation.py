"""Accepting an invitation: what each policy asks for, and when the link is dead."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from invitations import invite
from invitations.models import Link
from invitations.setup_link import DeadLinkError
from operators.models import Operator
from operators.overrides.override import set_override
from tests.support.factories import NOBODY, code_for, make_account, make_operator, signed_in
from tests.support.flows import key_on, link_in_mail
from tests.support.invitations import ACCEPT, NEW, give_details, invited, opened

TWO_FACTOR = "/invitation/two-factor/"


def joined() -> bool:
    return Operator.objects.get(email="ivo@example.com").is_active


def test_disabled_asks_for_name_and_password_only(db):
    invited(Policy.DISABLED)
    assert "Welcome" in give_details(opened()).text
    assert Operator.objects.get(email="ivo@example.com").name == "Ivo New"


def test_optional_leaves_the_choice_and_not_now_joins(db):
    invited()
    client = opened()
    assert "Set up now" in give_details(client).text
    assert "Welcome" in client.post(TWO_FACTOR, {"not_now": "1"}, follow=True).text
    assert joined()


def test_optional_with_set_up_now_enrolls(db):
    invited()
    client = opened()
    give_details(client)
    secret = key_on(client.get(TWO_FACTOR + "?now").text)
    assert "Welcome" in client.post(TWO_FACTOR + "?now", {"code": code_for(secret)}, follow=True).text
    ivo = Operator.objects.get(email="ivo@example.com")
    assert ivo.is_enrolled
    assert ivo.authenticator.recovery_codes_left == 10


def test_required_leaves_no_choice(db):
    invited(Policy.REQUIRED)
    client = opened()
    give_details(client)
    assert "has-error" in client.post(TWO_FACTOR, {"not_now": "1"}).text
    assert "has-error" in client.post(TWO_FACTOR, {"code": "000000"}).text
    assert not joined()


def test_the_policy_is_read_when_accepting_not_when_inviting(db):
    operator = invited(Policy.OPTIONAL)
    client = opened()
    give_details(client)
    operator.account.two_factor_policy = Policy.REQUIRED
    operator.account.save()
    client.post(TWO_FACTOR, {"not_now": "1"})
    assert not joined()
    operator.account.two_factor_policy = Policy.DISABLED
    operator.account.save()
    assert "there is nothing to set up" in client.get(TWO_FACTOR).text
    client.post(TWO_FACTOR, {"not_now": "1"})
    assert joined()


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (1, 410)])
def test_the_link_lives_21_days(db, seconds, status):
    invited()
    with time_machine.travel(timezone.now() + timedelta(days=21, seconds=seconds)):
        assert Client().get(link_in_mail(), follow=True).status_code == status


def test_leaving_halfway_leaves_the_invitation_usable_on_another_device(db):
    invited(Policy.REQUIRED)
    give_details(opened())
    phone = opened()
    page = give_details(phone).text
    assert "Welcome" in phone.post(TWO_FACTOR, {"code": code_for(key_on(page))}, follow=True).text


def test_the_second_step_without_the_first_leads_back(db):
    invited(Policy.REQUIRED)
    assert opened().get(TWO_FACTOR).url == ACCEPT


def test_an_accepted_invitation_is_dead_in_the_other_browser(db):
    invited(Policy.DISABLED)
    first, second = opened(), opened()
    give_details(first)
    assert give_details(second).status_code == 410
    assert second.get(TWO_FACTOR).status_code == 410


def test_a_copied_link_kills_the_mailed_one(db):
    operator = invited()
    invite.make_link(operator, Origin(operator))
    assert Client().get(link_in_mail(), follow=True).status_code == 410


def test_somebody_who_is_signed_in_is_asked_to_log_out_first(db):
    invited()
    browser = signed_in(make_operator(make_account(), name="Otto Optional"))
    page = browser.get(link_in_mail(), follow=True).text
    assert "Otto Optional" in page
    assert "Log out and go on" in page
    assert browser.get(TWO_FACTOR).url == ACCEPT
    page = browser.post(reverse("invitations:accept-log-out"), follow=True).text
    assert "You join" in page


def test_logging_out_without_an_invitation_shows_the_dead_link_page(db):
    assert Client().post(reverse("invitations:accept-log-out"), follow=True).status_code == 410


@pytest.mark.parametrize(
    ("name", "password", "again"),
    [
        ("", NEW, NEW),
        ("a\0b", NEW, NEW),
        ("x" * 255, NEW, NEW),
        ("Ivo", "short", "short"),
        ("Ivo", "password1234", "password1234"),
        ("Ivo", "ivo@example.com", "ivo@example.com"),
        ("Ivo", NEW, "another password"),
    ],
)
def test_bad_details_are_refused_and_the_name_is_kept(db, name, password, again):
    invited(Policy.DISABLED)
    answer = give_details(opened(), name, password, again)
    assert "has-error" in answer.text
    assert f'value="{name}"' in answer.text or not name or "\0" in name
    assert NEW not in answer.text
    assert not joined()


def test_an_invited_operator_cannot_sign_in(db):
    invited()
    answer = Client().post(reverse("operators:login"), {"email": "ivo@example.com", "password": NEW})
    assert "do not match" in answer.text


def test_an_invitation_says_who_sent_it(admin_browser):
    admin_browser.post(reverse("operators:invite"), {"name": "Ivo", "email": "ivo@example.com"})
    assert "anna@example.com has invited you to join Acme Monitoring" in mail.outbox[0].body


# Who hears of it


@pytest.fixture
def ivo(account):
    account.two_factor_policy = Policy.DISABLED
    account.save()
    return make_operator(account, "ivo@example.com", name="Ivo Invited", invited=True)


def told_after_accepting() -> list[str]:
    """Accept the newest invitation; return who gets an email about it."""
    client = opened()
    mail.outbox.clear()
    give_details(client)
    return [message.to[0] for message in mail.outbox]


def test_whoever_invited_hears_that_it_was_accepted(account, admin, ivo):
    invite.send(ivo, Origin(admin))
    assert told_after_accepting() == [admin.email]
    [message] = mail.outbox
    assert message.subject == "Your invitation was accepted"
    body = " ".join(message.body.split())
    assert "Ivo New (ivo@example.com) has accepted your invitation to Acme Monitoring." in body
    assert "From the network address: 127.0.0.1." in body
    assert "If you did not invite anybody, tell the other administrators" in body
    assert "/not-me/" not in body
    entry = AuditEntry.objects.get(action=Action.INVITATION_ACCEPTED)
    assert (entry.subject_id, entry.actor_id) == (ivo.pk, ivo.pk)


def test_it_is_who_made_the_newest_link_whatever_happened_since(account, admin, ivo):
    invite.make_link(ivo, Origin(make_operator(account, administrator=True)))
    Link.objects.update(hour_started_at=timezone.now() - timedelta(hours=1))
    invite.send(ivo, Origin(admin))
    other = make_operator(account, administrator=True)
    set_override(ivo, Policy.DISABLED, Origin(other))
    invite.make_link(make_operator(account, invited=True), Origin(other))
    assert told_after_accepting() == [admin.email]


@pytest.mark.parametrize("gone", ["deactivated", "deleted", "nobody"])
def test_nobody_hears_of_it_where_the_inviter_is_gone(account, admin, ivo, gone):
    invite.send(ivo, NOBODY if gone == "nobody" else Origin(admin))
    if gone == "deactivated":
        Operator.objects.filter(pk=admin.pk).update(is_active=False)
    else:
        admin.delete()
    assert told_after_accepting() == []
    assert joined()


def test_sending_says_whether_the_email_may_arrive(ivo, settings):
    assert not invite.send(ivo, NOBODY).has_failed
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    Link.objects.update(sent_at=None)
    assert invite.send(ivo, NOBODY).has_failed


def test_sending_at_once_returns_the_link_that_was_mailed(ivo):
    mail, url = invite.send_now(ivo, NOBODY)
    assert mail.is_sent
    assert url.endswith(link_in_mail())


def test_a_link_that_was_spent_meanwhile_lets_nobody_join(ivo):
    invite.send(ivo, NOBODY)
    link = Link.objects.select_related("user").get()
    Link.objects.update(spent_at=timezone.now())
    with pytest.raises(DeadLinkError):
        invite.accept(Client().session, link, name="Ivo", password_hash="x", code=None, by=NOBODY)
    assert not joined()
