"""How many emails one person can have sent, whatever they change in between."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.mail.notice_mail import plain
from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from invitations import invite, setup_link
from invitations.models import Link, TooSoonError
from operators.models import Operator, new_nonce
from operators.people import profile
from tests.support.factories import NOBODY, forget_tries, make_account, make_operator, signed_in
from tests.support.flows import link_in_mail, log_in
from uptrends_2fa import settings as production

NOW = timezone.now()
STRANGER = "stranger@example.net"


def renew(operator):
    """End every link and its count, as a new password does."""
    Operator.objects.filter(pk=operator.pk).update(session_nonce=new_nonce())


def ask(operator, email, viewer=None):
    """Request a new address in a session that was just opened."""
    page = reverse("operators:email", args=[operator.pk])
    viewer = Operator.objects.get(pk=(viewer or operator).pk)
    return signed_in(viewer).post(page, {"email": email})


def sent_to(email) -> int:
    return sum(one.to == [email] for one in mail.outbox)


def html_of(one: Any) -> str:
    return str(one.alternatives[0].content)


def refused() -> list[str]:
    return list(AuditEntry.objects.filter(action=Action.LIMIT_REACHED).values_list("new", flat=True))


def test_a_new_nonce_does_not_send_more_to_an_address_than_five_an_hour_and_ten_a_day(operator):
    with time_machine.travel(NOW, tick=False) as clock:
        for number in range(8):
            renew(operator)
            assert ("You can send another one in" in ask(operator, STRANGER).text) is (number >= 5)
        assert sent_to(STRANGER) == 5
        assert refused() == ["Emails with a link"]
        for _ in range(3):
            clock.shift(timedelta(hours=1))
            for _ in range(6):
                renew(operator)
                ask(operator, STRANGER)
    assert sent_to(STRANGER) == 10


@pytest.mark.thorough
def test_nor_to_many_addresses_than_ten_an_hour_and_twenty_a_day(operator):
    with time_machine.travel(NOW, tick=False) as clock:
        for hour in range(4):
            for number in range(12):
                renew(operator)
                ask(operator, f"stranger{hour}-{number}@example.net")
            assert len(mail.outbox) == min(10 * (hour + 1), 20)
            clock.shift(timedelta(hours=1))


def test_several_operators_together_send_no_more_to_one_address(account):
    for _ in range(8):
        ask(make_operator(account), STRANGER)
    assert sent_to(STRANGER) == 5


@pytest.mark.thorough
def test_an_administrator_moves_many_people_to_new_addresses(account, admin):
    for number in range(30):
        assert ask(make_operator(account), f"new{number}@example.net", viewer=admin).status_code == 302
    assert len(mail.outbox) == 30


def test_to_invite_and_withdraw_sends_no_more_than_five_an_hour(admin_browser):
    for _ in range(7):
        admin_browser.post(reverse("operators:invite"), {"name": "Ivo", "email": STRANGER})
        ivo = Operator.objects.get(email=STRANGER)
        admin_browser.post(reverse("operators:invitation-withdraw", args=[ivo.pk]))
    assert sent_to(STRANGER) == 5
    # Of each of the two who were added and got none.
    assert refused() == ["Emails with a link"] * 2


def test_one_account_invites_so_many_a_day(settings, account):
    settings.INVITATIONS_A_DAY = 3
    for _ in range(3):
        invite.send(make_operator(account, invited=True), NOBODY)
    with pytest.raises(TooSoonError) as caught:
        invite.send(make_operator(account, invited=True), NOBODY)
    assert caught.value.wait > 23 * 60 * 60
    invite.send(make_operator(make_account(), invited=True), NOBODY)
    assert len(mail.outbox) == 4


def test_ten_thousand_invitations_fit_into_a_day():
    assert production.INVITATIONS_A_DAY >= 10_000


def test_after_a_reset_nobody_waits_for_a_link(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    with time_machine.travel(NOW, tick=False):
        assert setup_link.send(olga, NOBODY) == 0
        assert 0 < setup_link.send(olga, NOBODY) <= 60
        renew(olga)
        olga.refresh_from_db()
        assert setup_link.send(olga, NOBODY) == 0
    assert len(mail.outbox) == 2


def test_but_ten_an_hour_are_the_end(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(12):
            renew(olga)
            forget_tries()
            log_in(Client(), olga)
        assert len(mail.outbox) == 10
        assert refused() == ["Emails with a link"]
        clock.shift(timedelta(hours=1))
        log_in(Client(), olga)
    assert len(mail.outbox) == 11


def test_password_resets_use_up_no_setup_links(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    for _ in range(12):
        renew(olga)
        Client().post(reverse("operators:password-reset"), {"email": olga.email})
    assert len(mail.outbox) == 10
    assert refused() == ["Emails with a link"]
    log_in(Client(), olga)
    assert len(mail.outbox) == 11


def test_what_did_not_go_out_is_not_counted(operator, settings):
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    for _ in range(12):
        ask(operator, STRANGER)
    settings.EMAIL_BACKEND = working
    assert ask(operator, STRANGER).status_code == 302
    assert sent_to(STRANGER) == 1


def test_what_a_minute_refuses_is_not_counted_either(operator):
    for _ in range(12):
        ask(operator, STRANGER)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert ask(operator, STRANGER).status_code == 302


# What they say


def test_an_email_to_an_unconfirmed_address_holds_no_word_that_was_typed(account, admin):
    spam = "Win at http://evil.example now"
    Operator.objects.update(name=spam)
    olga = make_operator(account, name=spam)
    profile.request_email(olga, STRANGER, NOBODY)
    signed_in(admin).post(reverse("operators:invite"), {"name": spam, "email": "ivo@example.com"})
    assert len(mail.outbox) == 2
    for one in mail.outbox:
        text = f"{one.subject} {one.body} {html_of(one)}"
        assert "evil" not in text
        assert "Win" not in text
        assert "Acme Monitoring" in text
    assert "anna@example.com has invited you" in mail.outbox[1].body


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Olga Operator", "Olga Operator"),
        ("J.R.R. Tolkien", "J. R. R. Tolkien"),
        ("Dr. Ana Jr.", "Dr. Ana Jr."),
        ("evil.example/x", "evil. example/x"),
        ("http://evil.example", "http //evil. example"),
        ("tel:0900 1234", "tel 0900 1234"),
        ("bücher。example", "bücher。 example"),
        ("山田 花子", "山田 花子"),
        ("", ""),
    ],
)
def test_a_name_becomes_no_link_in_an_email(name, shown):
    assert plain(name) == shown


def test_nor_a_message(account):
    assert len(plain("word " * 50)) == 64
    olga = make_operator(account, name="Call this number now " * 12, override=Policy.REQUIRED)
    log_in(Client(), olga)
    assert "Hello Call this number now" in mail.outbox[0].body
    assert "…," in mail.outbox[0].body


# An address that somebody has


@pytest.mark.parametrize("whose", ["colleague", "elsewhere", "nobody"])
def test_a_new_address_gets_the_same_answer_whoever_has_it(account, operator, whose):
    email = "zoe@example.org"
    if whose != "nobody":
        make_operator(account if whose == "colleague" else make_account(), email)
    browser = signed_in(operator)
    answer = browser.post(reverse("operators:email", args=[operator.pk]), {"email": email}, follow=True)
    assert answer.redirect_chain == [(operator.get_absolute_url(), 302)]
    assert f"A link is on its way to {email}" in answer.text
    assert f"{email}" in browser.get(operator.get_absolute_url()).text
    [entry] = AuditEntry.objects.filter(action=Action.EMAIL_REQUESTED)
    assert (entry.subject_id, entry.new) == (operator.pk, email)
    [one] = mail.outbox
    assert one.to == [email]
    assert ("in use at Uptrends already" in one.body) is (whose != "nobody")
    assert ("http://testserver/email/" in one.body) is (whose == "nobody")


def test_the_mail_to_somebody_who_has_the_address_changes_nothing_for_them(operator):
    zoe = make_operator(make_account(), "zoe@example.org")
    ask(operator, zoe.email)
    assert Operator.objects.get(pk=zoe.pk).email == "zoe@example.org"
    assert not Link.objects.filter(user=zoe).exists()
    assert "in use at Uptrends already" in html_of(mail.outbox[0])


def test_an_administrator_reads_that_a_colleague_has_it(admin, operator):
    answer = ask(operator, admin.email, viewer=admin)
    assert answer.context["form"].errors["email"] == ["Another operator of this account has this address."]
    assert mail.outbox == []


def test_a_link_that_was_mailed_works_as_before(operator):
    ask(operator, STRANGER)
    browser = Client()
    browser.get(link_in_mail())
    browser.post(reverse("operators:email-confirm"))
    assert Operator.objects.get(pk=operator.pk).email == STRANGER
