"""“This was not me” locks the login at once, and there is always a way to unlock it."""

import re
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.mail import not_me
from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from operators.people.reset import reset
from operators.signin import frozen
from tests.support.factories import NOBODY, PASSWORD, SECRET, code_for, make_operator, signed_in
from tests.support.flows import link_in_mail, log_in

NEW = "a fine long password"


@pytest.fixture
def olga(account, admin):
    return make_operator(account, "olga@example.com", name="Olga Operator", enrolled=True)


def notice(olga) -> str:
    """The address in a notice that the operator gets."""
    browser = signed_in(olga)
    browser.post(
        reverse("operators:password"),
        {"current_password": PASSWORD, "new_password": NEW, "new_password_again": NEW},
    )
    match = re.search(r"http://testserver(/not-me/\S+/)", str(mail.outbox[-1].body))
    assert match
    return match[1]


def frozen_by_mail(olga) -> Client:
    stranger = Client()
    assert stranger.post(notice(olga)).status_code == 200
    return stranger


def test_opening_the_link_changes_nothing(olga):
    url = notice(olga)
    for method in ("get", "head"):
        assert getattr(Client(), method)(url).status_code == 200
    assert Operator.objects.get(pk=olga.pk).frozen_at is None


def test_confirming_ends_all_sessions_and_tells_the_administrators(olga, admin):
    browser = signed_in(olga)
    url = notice(olga)
    page = Client().post(url)
    assert "The sign-in is frozen" in page.text
    assert browser.get(olga.get_absolute_url()).status_code == 302
    assert mail.outbox[-1].to == [admin.email]
    assert "This was not me" in mail.outbox[-1].body
    assert "/not-me/" not in mail.outbox[-1].body
    assert AuditEntry.objects.filter(action=Action.FROZEN, subject_id=olga.pk).count() == 1


def test_a_link_that_has_frozen_says_so_when_it_is_opened_again(admin, olga):
    url = notice(olga)
    done = Client().post(url).text
    again = Client().get(url).text
    assert "The sign-in is frozen" in again
    assert "Freeze the sign-in" not in again
    assert "nothing has changed" not in again
    assert again == done


@pytest.mark.parametrize("enrolled", [True, False])
@pytest.mark.parametrize("helped", [True, False])
def test_the_pages_name_those_ways_back_that_there_are(account, enrolled, helped):
    olga = make_operator(account, "olga@example.com", administrator=True, enrolled=enrolled)
    if helped:
        make_operator(account, administrator=True)
    url = notice(olga)
    for page in (Client().get(url), Client().post(url)):
        assert ("type a code from your" in page.text) is enrolled
        assert ("Your administrators" in page.text) is helped
        assert ("the people who run this server" in page.text) is not (enrolled or helped)


def test_a_frozen_sign_in_looks_like_a_wrong_password(olga):
    frozen_by_mail(olga)
    wrong = log_in(Client(), olga, password="a wrong password").text
    right = log_in(Client(), olga, password=NEW).text
    assert "do not match" in right
    assert re.sub(r'value="[^"]*"', "", right) == re.sub(r'value="[^"]*"', "", wrong)


def test_a_waiting_sign_in_ends_too(olga):
    waiting = Client()
    log_in(waiting, olga)
    frozen.freeze(olga, timezone.now(), NOBODY)
    assert waiting.post(reverse("twofactor:verify"), {"code": code_for()}).url == reverse("operators:login")


def test_an_administrator_frees_it(olga, admin_browser):
    frozen_by_mail(olga)
    page = admin_browser.get(olga.get_absolute_url()).text
    assert "The sign-in is frozen" in page
    assert "nobody can use it until it is freed" in page
    answer = admin_browser.post(reverse("operators:free", args=[olga.pk]), follow=True)
    assert "Olga Operator can sign in again" in answer.text
    assert log_in(Client(), olga, password=NEW).url == reverse("twofactor:verify")
    answer = admin_browser.post(reverse("operators:free", args=[olga.pk]), follow=True)
    assert "is no longer frozen" in answer.text


def test_a_notice_from_before_freezes_no_more_once_it_was_freed(olga):
    url = notice(olga)
    Client().post(url)
    frozen.free(olga, NOBODY)
    for method in ("get", "post"):
        assert getattr(Client(), method)(url).status_code == 410
    assert Operator.objects.get(pk=olga.pk).frozen_at is None


def test_confirming_twice_freezes_once(olga):
    url = notice(olga)
    assert [Client().post(url).status_code for _ in range(2)] == [200, 200]
    assert AuditEntry.objects.filter(action=Action.FROZEN).count() == 1


def reset_with(olga, **data):
    Client().post(reverse("operators:password-reset"), {"email": olga.email})
    browser = Client()
    browser.get(link_in_mail())
    url = reverse("operators:password-reset-choose")
    return browser.post(url, {"new_password": NEW, "new_password_again": NEW, **data}, follow=True)


def test_a_new_password_with_a_code_frees_it(olga):
    frozen_by_mail(olga)
    assert "not right" in reset_with(olga, code="000000").text
    assert Operator.objects.get(pk=olga.pk).frozen_at
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert "Log in with the new one" in reset_with(olga, code=code_for(SECRET)).text
    assert Operator.objects.get(pk=olga.pk).frozen_at is None


def test_a_new_password_without_an_authenticator_does_not(account, admin):
    otto = make_operator(account)
    frozen.freeze(otto, timezone.now(), NOBODY)
    assert "still frozen: ask an administrator" in reset_with(otto).text
    assert "do not match" in log_in(Client(), otto, password=NEW).text


@pytest.mark.parametrize(("days", "status"), [(6, 200), (8, 410)])
def test_the_link_lives_a_week(olga, days, status):
    url = notice(olga)
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        assert Client().get(url).status_code == status


@pytest.mark.parametrize("token", ["forged", "WzEsMV0:1wM:forged"])
def test_a_link_of_ones_own_making_is_dead(db, token):
    assert Client().post(reverse("operators:not-me", args=[token])).status_code == 410


def test_a_link_about_somebody_who_was_deleted_is_dead(olga):
    url = notice(olga)
    olga.delete()
    assert Client().get(url).status_code == 410


def test_a_sign_in_that_was_freed_between_page_and_button_is_not_frozen(olga, monkeypatch):
    url = notice(olga)
    monkeypatch.setattr(frozen, "freeze", lambda *_arguments: False)
    assert Client().post(url).status_code == 410


def test_an_address_that_tries_links_waits(olga):
    url = notice(olga)
    for _ in range(60):
        Client().get("/not-me/forged/")
    assert Client().get(url).status_code == 429


def test_the_stored_notice_holds_no_link(olga):
    notice(olga)
    stored = str(list(Operator.objects.get(pk=olga.pk).account.outgoing_mails.values()))
    assert "/not-me/" not in stored


def test_the_command_line_frees_it_without_mail(olga):
    frozen.freeze(olga, timezone.now(), NOBODY)
    call_command("free_sign_in", olga.email, "--reason", "spoke to her", stdout=StringIO())
    assert Operator.objects.get(pk=olga.pk).frozen_at is None
    assert AuditEntry.objects.get(action=Action.FREED).new == "spoke to her"
    with pytest.raises(CommandError):
        call_command("free_sign_in", olga.email, "--reason", "again")


def test_a_frozen_administrator_is_no_way_in(account, admin):
    make_operator(account, administrator=True)
    frozen.freeze(admin, timezone.now(), NOBODY)
    assert admin not in Operator.objects.administrators().with_a_way_in()


def test_every_notice_to_oneself_brings_the_link_and_says_from_where_one_did_it(account, admin, mailoutbox):
    account.two_factor_policy = Policy.OPTIONAL
    olga, paul = make_operator(account, enrolled=True), make_operator(account, enrolled=True)
    reset(olga, Origin(olga, "192.0.2.7"))
    assert "192.0.2.7" in mailoutbox[-1].body
    assert "/not-me/" in mailoutbox[-1].body
    # An administrator's network address is not the operator's business.
    reset(paul, Origin(admin, "192.0.2.7"))
    assert "192.0.2.7" not in mailoutbox[-1].body
    assert "/not-me/" in mailoutbox[-1].body
    assert not_me.read("x") is None
