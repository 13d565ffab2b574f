"""What happens when something changes between a look and an act: each case as if a rival had just won."""

import subprocess

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.policy import Policy
from invitations.models import Link
from operators.models import Group, Membership, Operator, SubAccount
from operators.people import adding, removal
from operators.people.forms import NewOperatorForm
from operators.signin import journey
from operators.signin.session_store import SessionStore
from operators.status import next_sign_in
from operators.status.labels import initials
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RESET,
    code_for,
    enroll,
    make_account,
    make_operator,
    signed_in,
)
from tests.support.flows import key_on, link_in_mail
from tests.support.invitations import give_details, invited, opened
from twofactor.models import Authenticator


@pytest.mark.parametrize("other", [False, True])
def test_an_address_that_was_taken_meanwhile_is_an_error_beside_the_field(account, other):
    form = NewOperatorForm(
        {"name": "Ivo", "email": "ivo@example.com"}, account_id=account.pk, rule=account.rule
    )
    assert form.is_valid()
    make_operator(make_account(name="Other") if other else account, "ivo@example.com")
    assert adding.add(form, account, NOBODY) is None
    assert ("cannot be invited" in str(form.errors["email"])) is other


def test_a_setup_link_that_was_spent_meanwhile_enrolls_nobody(db, monkeypatch):
    olga = make_operator(make_account(Policy.REQUIRED))
    browser = Client()
    browser.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    secret = key_on(browser.get(link_in_mail(), follow=True).text)
    monkeypatch.setattr(Link, "spend", lambda _link, _now: False)
    assert browser.post(reverse("invitations:setup"), {"code": code_for(secret)}).status_code == 410
    assert not Authenticator.objects.exists()


def test_an_invitation_that_was_spent_meanwhile_is_not_accepted_again(db, monkeypatch):
    invited(Policy.DISABLED)
    browser = opened()
    monkeypatch.setattr(Link, "spend", lambda _link, _now: False)
    assert give_details(browser).status_code == 410
    assert not Operator.objects.get().is_active


def test_an_enrollment_that_lost_leads_back_with_a_word(operator_browser, operator, monkeypatch):
    url = reverse("operators:scan", args=[operator.pk])
    secret = key_on(operator_browser.get(url).text)
    enroll(operator)
    monkeypatch.setattr(Operator, "is_enrolled", False)
    page = operator_browser.post(url, {"code": code_for(secret)}, follow=True).text
    assert "already, so nothing was changed" in page


def test_a_reset_that_lost_says_so(admin_browser, operator, monkeypatch):
    monkeypatch.setattr(Operator, "is_enrolled", True)
    monkeypatch.setattr("operators.people.views.resetting.redirect", lambda _to: signin_page(admin_browser))
    admin_browser.post(reverse("operators:reset", args=[operator.pk]), RESET)
    monkeypatch.undo()
    assert "Somebody else has reset it already" in admin_browser.get(operator.get_absolute_url()).text


def signin_page(_browser):
    """Return any answer at all: what counts is the message that the next page shows."""
    return Client().get("/login/")


def test_an_invitation_that_was_accepted_meanwhile_is_not_withdrawn(admin_browser, account, monkeypatch):
    ivo = make_operator(account, name="Ivo", invited=True)
    monkeypatch.setattr(removal, "withdraw", lambda _operator, _by: False)
    page = admin_browser.post(reverse("operators:invitation-withdraw", args=[ivo.pk]), follow=True).text
    assert "Ivo has accepted in the meantime" in page


def test_whoever_has_joined_is_not_withdrawn(operator):
    assert removal.withdraw(operator, NOBODY) is False


def test_a_session_that_was_ended_meanwhile_is_not_revived(db):
    session = SessionStore()
    session["a"] = 1
    session.save()
    session.cycle_key()
    SessionStore().model.objects.all().delete()
    with pytest.raises(UpdateError):
        session.save()


def test_there_is_no_way_in_by_password_for_single_sign_on(account):
    sam = make_operator(account, single_sign_on=True)
    assert journey.after_password(RequestFactory().post("/login/"), sam, "") is None


def test_whoever_is_signed_in_goes_on_from_the_login_page(operator_browser, operator):
    assert operator_browser.get("/").url == operator.get_absolute_url()
    assert operator_browser.get("/login/").url == operator.get_absolute_url()
    assert operator_browser.get("/login/?next=/groups/").url == "/groups/"
    assert operator_browser.get("/login/?next=//evil.example.com").url == operator.get_absolute_url()


def test_an_invited_operator_of_a_disabled_account_just_joins(db):
    ivo = make_operator(make_account(Policy.DISABLED), name="Ivo", invited=True)
    Link.issue(ivo, Link.Purpose.INVITATION, ivo.email)
    assert next_sign_in.next_sign_in(ivo) == "Ivo accepts the invitation with a name and a password."


def test_everything_has_a_name_to_be_shown_by(account, operator):
    group = Group.objects.get(account=account, kind=Group.Kind.EVERYONE)
    assert str(group) == "Everyone"
    assert str(SubAccount(name="North")) == "North"
    assert str(Membership(operator=operator, group=group)) == f"{operator.pk} in {group.pk}"
    assert str(enroll(operator)) == f"authenticator of user {operator.pk}"
    assert Operator.objects.get_by_natural_key(" OLGA@example.com ") == operator


def test_the_demo_prints_how_to_sign_in_and_becomes_the_server(db, settings, monkeypatch, tmp_path, capsys):
    settings.ROOT_URLCONF, settings.STATIC_ROOT = "uptrends_2fa.demo_urls", tmp_path
    started: list[list[str]] = []

    def serve(command, **_options):
        started.append(command)
        return subprocess.CompletedProcess([], 0)

    monkeypatch.setattr(subprocess, "run", serve)
    with pytest.raises(SystemExit):
        call_command("demo", "--port", "8001")
    out = capsys.readouterr().out
    assert "anna@example.com" in out
    assert "http://127.0.0.1:8001/mails/" in out
    assert "gunicorn" in started[0]


def test_the_demos_mails_can_be_read_in_the_browser(operator, settings, tmp_path):
    settings.ROOT_URLCONF = "uptrends_2fa.demo_urls"
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    assert "No email was sent yet" in Client().get("/mails/").text
    Client().post(reverse("operators:password-reset"), {"email": operator.email})
    assert "olga@example.com" in Client().get("/mails/").text
    name = next(tmp_path.glob("*.log")).stem
    assert "http://testserver/password-reset/" in Client().get(f"/mails/{name}/").text
    assert Client().get("/mails/unknown/").status_code == 404
    assert signed_in(operator).get("/mails/").status_code == 200


def test_a_sub_account_that_was_deleted_meanwhile_is_not_renamed(admin_browser, account, monkeypatch):
    north = SubAccount.objects.create(account=account, name="North")

    def vanish(*_arguments):
        raise SubAccount.DoesNotExist

    monkeypatch.setattr("operators.groups.views.sub_accounts.rename_sub_account", vanish)
    url = reverse("operators:sub-account", args=[north.pk])
    assert admin_browser.post(url, {"name": "South"}).status_code == 404


@pytest.mark.parametrize(
    "data", [{}, {"email": "", "password": ""}, {"email": "a\0b", "password": "x"}, {"email": "x" * 300}]
)
def test_what_cannot_be_a_sign_in_gets_a_message(db, data):
    answer = Client().post("/login/", data)
    assert answer.status_code == 200
    assert "has-error" in answer.text


def test_logging_out_ends_the_session(operator_browser, operator):
    assert "You are logged out" in operator_browser.post("/logout/", follow=True).text
    assert operator_browser.get(operator.get_absolute_url()).status_code == 302


def test_avatars_and_addresses_stand_in_for_a_missing_name(account):
    operator = make_operator(account, "ivo@example.com", name="Ivo Maria Invited")
    assert initials(operator) == "II"
    operator.name = ""
    assert initials(operator) == "I"
    assert str(operator) == "ivo@example.com"


def test_an_address_that_is_saved_by_hand_takes_its_one_form(account):
    operator = make_operator(account)
    operator.email = " IVO@Example.com "
    operator.clean()
    assert operator.email == "ivo@example.com"


@pytest.mark.parametrize("gone", ["set_groups", "assign"])
def test_a_group_or_sub_account_that_was_deleted_meanwhile_is_said_so(
    admin_browser, operator, monkeypatch, gone
):
    def vanish(*_arguments):
        raise {"set_groups": Group, "assign": SubAccount}[gone].DoesNotExist

    monkeypatch.setattr(f"operators.people.views.detail.{gone}", vanish)
    page = admin_browser.post(reverse("operators:member-of", args=[operator.pk]), {}, follow=True).text
    assert "was deleted in the meantime" in page
