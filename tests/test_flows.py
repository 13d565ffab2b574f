"""The journeys, end to end over HTTP, with real codes computed from what the pages show."""

from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from accounts.policy import Policy
from operators.models import Operator
from tests.support.factories import PASSWORD, RESET, SECRET, code_for, enroll, make_operator, signed_in
from tests.support.flows import key_on, link_in_mail, log_in


def test_an_operator_sets_up_two_factor_authentication_and_signs_in_with_a_code(operator: Operator):
    browser = signed_in(operator)
    page = browser.get(reverse("operators:scan", args=[operator.pk]))
    secret = key_on(page.text)
    scan = reverse("operators:scan", args=[operator.pk])
    answer = browser.post(scan, {"code": code_for(secret)}, follow=True)
    assert answer.status_code == 200
    assert "is set up" in answer.text
    assert (
        browser.post(reverse("twofactor:recovery-codes"), {"saved": "on"}).url == operator.get_absolute_url()
    )
    other = Client()
    assert log_in(other, operator).url == reverse("twofactor:verify")
    assert other.get(operator.get_absolute_url()).status_code == 302
    answer = other.post(reverse("twofactor:verify"), {"code": code_for(secret, 1)})
    assert answer.url == operator.get_absolute_url()
    assert other.get(operator.get_absolute_url()).status_code == 200


def test_a_required_operator_sets_up_through_the_mailed_link(account: Account, operator: Operator):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    browser = Client()
    answer = browser.post(
        reverse("operators:login"),
        {"email": operator.email, "password": PASSWORD, "next": operator.get_absolute_url() + "activity/"},
        follow=True,
    )
    assert "We have sent a link" in answer.text
    answer = browser.get(link_in_mail(), follow=True)
    answer = browser.post(reverse("invitations:setup"), {"code": code_for(key_on(answer.text))})
    assert answer.url == reverse("twofactor:recovery-codes")
    answer = browser.post(answer.url, {"saved": "on"})
    assert answer.url == operator.get_absolute_url() + "activity/"
    assert browser.get(answer.url).status_code == 200


def test_a_setup_link_on_another_device_asks_for_the_password(account: Account, operator: Operator):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    log_in(Client(), operator)
    phone = Client()
    answer = phone.get(link_in_mail(), follow=True)
    assert "Type your password" in answer.text
    answer = phone.post(reverse("invitations:setup-password"), {"password": PASSWORD}, follow=True)
    answer = phone.post(reverse("invitations:setup"), {"code": code_for(key_on(answer.text))}, follow=True)
    assert "is set up" in answer.text


def test_an_invited_operator_who_must_use_it_enrolls_while_accepting(account: Account, admin: Operator):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    enroll(admin)
    browser = signed_in(admin)
    answer = browser.post(
        reverse("operators:invite"), {"name": "Ivo Invited", "email": "ivo@example.com"}, follow=True
    )
    assert "on its way" in answer.text, answer.text
    guest = Client()
    answer = guest.get(link_in_mail(), follow=True)
    assert answer.status_code == 200
    new = "a fine long password"
    answer = guest.post(
        reverse("invitations:accept"),
        {"name": "Ivo", "new_password": new, "new_password_again": new},
        follow=True,
    )
    answer = guest.post(
        reverse("invitations:accept-two-factor"), {"code": code_for(key_on(answer.text))}, follow=True
    )
    assert "Welcome" in answer.text
    ivo = Operator.objects.get(email="ivo@example.com")
    assert ivo.is_active
    assert ivo.is_enrolled


def test_an_administrator_resets_an_operator(admin_browser: Client, account: Account):
    olga = make_operator(account, "olga@example.com", enrolled=True)
    olgas = signed_in(olga)
    answer = admin_browser.post(reverse("operators:reset", args=[olga.pk]), RESET, follow=True)
    assert "is reset" in answer.text
    assert olgas.get(olga.get_absolute_url()).status_code == 302
    assert "reset" in mail.outbox[-1].subject


def test_an_operator_resets_the_own_authenticator_with_a_code(account: Account):
    olga = make_operator(account, "olga@example.com", enrolled=True)
    browser = signed_in(olga)
    url = reverse("operators:reset", args=[olga.pk])
    answer = browser.post(url, {"proof_password": PASSWORD, "proof_code": "000000"})
    assert "not right" in answer.text
    answer = browser.post(url, {"proof_password": PASSWORD, "proof_code": code_for(SECRET)}, follow=True)
    assert "Scan QR code" in answer.text
