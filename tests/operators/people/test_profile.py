"""Changing name, address and password: only for the right person, and everybody concerned is told."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from invitations.models import Link
from operators.models import Operator, new_nonce
from operators.people import profile
from tests.support.factories import NOBODY, PASSWORD, make_account, make_operator, signed_in

CONFIRM = reverse("operators:email-confirm")
CHANGE_PASSWORD = reverse("operators:password")
NEW = "seventeen green bottles"
NEW_EMAIL = "olga.new@example.com"
NOW = timezone.now()


def name_page(operator):
    return reverse("operators:name", args=[operator.pk])


def email_page(operator):
    return reverse("operators:email", args=[operator.pk])


def stored(operator) -> Operator:
    return Operator.objects.get(pk=operator.pk)


def link_in(mail):
    return re.findall(r"http://testserver(/email/\S+)", mail.body)[0]


def ask(browser, operator, email=NEW_EMAIL):
    return browser.post(email_page(operator), {"email": email})


def said_after(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def entry_of(action):
    entry = AuditEntry.objects.get(action=action)
    return entry.actor_id, entry.subject_id, entry.old, entry.new


@pytest.fixture
def link(operator, operator_browser, mailoutbox):
    """The address of a link that was mailed to the operator's new address."""
    ask(operator_browser, operator)
    return link_in(mailoutbox.pop())


@pytest.fixture
def opened(link):
    """A browser, not logged in, in which the link was opened."""
    browser = Client()
    browser.get(link)
    return browser


@pytest.fixture
def broken_mail(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1


# Name


def test_operators_change_their_own_name(operator, operator_browser):
    response = operator_browser.post(name_page(operator), {"name": "Olga Nova"})
    assert response.headers["Location"] == operator.get_absolute_url()
    assert stored(operator).name == "Olga Nova"


def test_an_administrator_changes_anybody_s_name(operator, admin, admin_browser):
    admin_browser.post(name_page(operator), {"name": "Olga Nova"})
    assert entry_of(Action.NAME_CHANGED) == (admin.pk, operator.pk, "Olga Operator", "Olga Nova")


@pytest.mark.parametrize("page", [name_page, email_page])
def test_other_operators_do_not_exist_for_an_operator(admin, operator_browser, page):
    assert operator_browser.get(page(admin)).status_code == 404


@pytest.mark.parametrize("page", [name_page, email_page])
def test_operators_of_other_accounts_do_not_exist_for_an_administrator(admin_browser, page):
    assert admin_browser.get(page(make_operator(make_account()))).status_code == 404


@pytest.mark.parametrize("page", [name_page, email_page])
def test_strangers_are_sent_to_the_login_page(client, operator, page):
    assert client.get(page(operator)).headers["Location"].startswith(reverse("operators:login"))


def test_the_form_starts_with_the_present_name(operator, operator_browser):
    assert 'value="Olga Operator"' in operator_browser.get(name_page(operator)).content.decode()


def test_the_same_name_again_is_no_change(operator, operator_browser):
    operator_browser.post(name_page(operator), {"name": "Olga Nova"})
    operator_browser.post(name_page(operator), {"name": "Olga Nova"})
    assert AuditEntry.objects.filter(action=Action.NAME_CHANGED).count() == 1


@pytest.mark.parametrize("name", ["", "   ", "Ol\nga", "Ol\x1bga", "Ol\0ga", "Ol\u202ega"])
def test_a_bad_name_is_refused_beside_its_field(operator, operator_browser, name):
    response = operator_browser.post(name_page(operator), {"name": name})
    assert response.context["form"].errors["name"]
    assert stored(operator).name == "Olga Operator"


@pytest.mark.parametrize(("length", "status"), [(254, 302), (255, 200)])
def test_a_name_has_at_most_254_characters(operator, operator_browser, length, status):
    assert operator_browser.post(name_page(operator), {"name": "ö" * length}).status_code == status


def test_a_refused_name_stays_in_the_field(operator, operator_browser):
    response = operator_browser.post(name_page(operator), {"name": "x" * 255})
    assert "x" * 255 in response.content.decode()


@pytest.mark.parametrize("name", ["Ольга Операторова", "山田 花子", "أولغا", "O'Brien-Łódź", "<b>Olga</b>"])
def test_a_name_may_be_in_any_script(operator, operator_browser, name):
    operator_browser.post(name_page(operator), {"name": name})
    assert stored(operator).name == name


def test_a_name_with_html_is_escaped(operator, operator_browser):
    operator_browser.post(name_page(operator), {"name": "<b>Olga</b>"})
    page = operator_browser.get(name_page(operator)).content.decode()
    assert "&lt;b&gt;Olga" in page
    assert "<b>Olga" not in page


def test_a_name_posted_without_csrf_token_is_not_stored(operator):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    assert browser.post(name_page(operator), {"name": "Olga Nova"}).status_code == 403
    assert stored(operator).name == "Olga Operator"


# Asking for a new address


def test_the_new_address_gets_a_link_and_nothing_changes(operator, operator_browser, mailoutbox):
    response = ask(operator_browser, operator)
    assert response.headers["Location"] == operator.get_absolute_url()
    [mail] = mailoutbox
    assert mail.to == [NEW_EMAIL]
    assert link_in(mail) in mail.alternatives[0].content
    assert stored(operator).email == "olga@example.com"


def test_an_administrator_asks_for_somebody_else(operator, admin, admin_browser):
    ask(admin_browser, operator)
    assert entry_of(Action.EMAIL_REQUESTED) == (admin.pk, operator.pk, "olga@example.com", NEW_EMAIL)


def test_the_form_says_that_nothing_changes_yet(operator, operator_browser):
    page = operator_browser.get(email_page(operator)).content.decode()
    assert "Nothing changes until the link is opened and confirmed" in page


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_invited_operator_s_address_stays(account, admin_browser, mailoutbox, method):
    invited = make_operator(account, invited=True)
    response = getattr(admin_browser, method)(email_page(invited), {"email": NEW_EMAIL})
    assert "withdraw the invitation and invite again" in response.content.decode()
    assert mailoutbox == []


@pytest.mark.parametrize(
    "email",
    [
        "",
        "no address",
        "ольга@example.com",
        "olga\0@example.com",
        "olga@exa\nmple.com",
        '"olga\x01"@example.com',
        '"olga\u200b"@example.com',
        "olga@example.com",
        "OLGA@Example.COM",
    ],
)
def test_a_bad_address_is_refused_beside_its_field(operator, operator_browser, mailoutbox, email):
    response = ask(operator_browser, operator, email)
    assert response.context["form"].errors["email"]
    assert mailoutbox == []


@pytest.mark.parametrize(("length", "status"), [(254, 302), (255, 200)])
def test_a_new_address_has_at_most_254_characters(operator, operator_browser, length, status):
    email = "a@" + 3 * ("b" * 61 + ".") + "c" * (length - 2 - 3 * 62 - 4) + ".com"
    assert ask(operator_browser, operator, email).status_code == status


@pytest.mark.parametrize(("stored", "status"), [(254, 302), (255, 200)])
def test_length_is_counted_in_the_stored_form(operator, operator_browser, stored, status):
    email = "a@ü." + 3 * ("b" * 61 + ".") + "c" * (stored - len("a@xn--tda.") - 3 * 62 - 4) + ".com"
    assert ask(operator_browser, operator, email).status_code == status


def test_a_refused_address_stays_in_the_field_and_is_escaped(operator, operator_browser):
    page = ask(operator_browser, operator, "<b>@example.com").content.decode()
    assert 'value="&lt;b&gt;@example.com"' in page


@pytest.mark.parametrize(
    ("after", "said"), [(18, "42 seconds"), (59, "1 second."), (0, "1 minute."), (60, "on its way")]
)
def test_a_second_link_within_a_minute_says_how_long_to_wait(operator, operator_browser, after, said):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        ask(operator_browser, operator)
        clock.shift(after)
        response = operator_browser.post(email_page(operator), {"email": NEW_EMAIL})
    assert said in response.content.decode() + said_after(response)


def test_a_sixth_link_within_an_hour_says_how_long_to_wait(operator, operator_browser):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(5):
            ask(operator_browser, operator)
            clock.shift(60)
        assert "55 minutes" in ask(operator_browser, operator).content.decode()


def test_a_mail_that_was_not_sent_is_admitted(operator, operator_browser, broken_mail):
    page = ask(operator_browser, operator).content.decode()
    assert f"The email to {NEW_EMAIL} could not be sent" in page
    assert f'value="{NEW_EMAIL}"' in page


def test_a_mail_that_was_not_sent_can_be_tried_again_at_once(
    operator, operator_browser, settings, broken_mail
):
    ask(operator_browser, operator)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert ask(operator_browser, operator).status_code == 302


# Confirming it


def test_opening_the_link_changes_nothing(operator, link):
    before = Link.objects.values().get()
    Client().head(link)
    response = Client().get(link, follow=True)
    assert response.redirect_chain == [(CONFIRM, 302)]
    assert NEW_EMAIL in response.content.decode()
    assert Link.objects.values().get() == before
    assert stored(operator).email == "olga@example.com"


def test_confirming_changes_the_address(operator, opened):
    response = opened.post(CONFIRM)
    assert response.headers["Location"] == reverse("operators:login")
    assert stored(operator).email == NEW_EMAIL


def test_confirming_is_audited(operator, opened):
    opened.post(CONFIRM)
    assert entry_of(Action.EMAIL_CHANGED) == (operator.pk, operator.pk, "olga@example.com", NEW_EMAIL)


def test_the_old_address_is_told(operator, opened, mailoutbox):
    opened.post(CONFIRM)
    [mail] = mailoutbox
    assert mail.to == ["olga@example.com"]
    assert NEW_EMAIL in mail.body


def test_confirming_does_not_sign_in(operator, opened):
    opened.post(CONFIRM)
    assert "_auth_user_id" not in opened.session


def test_one_s_own_session_survives_and_the_others_end(operator, operator_browser, link):
    elsewhere = signed_in(operator)
    operator_browser.get(link)
    response = operator_browser.post(CONFIRM)
    assert response.headers["Location"] == operator.get_absolute_url()
    assert operator_browser.get(name_page(operator)).status_code == 200
    assert elsewhere.get(name_page(operator)).status_code == 302


def test_somebody_else_s_session_stays_theirs(operator, admin, admin_browser, link):
    admin_browser.get(link)
    assert admin_browser.post(CONFIRM).headers["Location"] == reverse("operators:login")
    assert admin_browser.session["_auth_user_id"] == str(admin.pk)


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 410)])
def test_a_link_to_a_new_address_lives_one_day(operator, mailoutbox, seconds, status):
    with time_machine.travel(NOW, tick=False) as clock:
        ask(signed_in(operator), operator)
        clock.shift(timedelta(days=1, seconds=seconds))
        assert Client().get(link_in(mailoutbox[0]), follow=True).status_code == status


def test_one_link_confirms_once(operator, link, opened):
    second = Client()
    second.get(link)
    opened.post(CONFIRM)
    assert second.post(CONFIRM).status_code == 410
    assert opened.post(CONFIRM).status_code == 410
    assert AuditEntry.objects.filter(action=Action.EMAIL_CHANGED).count() == 1


def test_a_newer_link_to_a_new_address_kills_the_older(operator, opened):
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        ask(signed_in(operator), operator, "olga.newer@example.com")
        assert opened.post(CONFIRM).status_code == 410
    assert stored(operator).email == "olga@example.com"


def test_a_new_password_kills_the_link_to_a_new_address(operator, opened):
    profile.change_password(operator, NEW, NOBODY)
    assert opened.post(CONFIRM).status_code == 410
    assert stored(operator).email == "olga@example.com"


def test_a_link_spent_at_the_same_time_confirms_nothing(operator, opened, monkeypatch):
    monkeypatch.setattr(Link, "spend", lambda _link, _now: False)
    assert opened.post(CONFIRM).status_code == 410
    assert stored(operator).email == "olga@example.com"


def test_a_nonce_renewed_at_the_same_time_confirms_nothing(operator, opened, monkeypatch):
    def spend(link: Link, now: object) -> bool:
        return bool(Operator.objects.filter(pk=link.user_id).update(session_nonce=new_nonce()))

    monkeypatch.setattr(Link, "spend", spend)
    assert opened.post(CONFIRM).status_code == 410
    assert stored(operator).email == "olga@example.com"


def test_an_address_taken_in_the_meantime_changes_nothing(account, operator, opened, mailoutbox):
    make_operator(account, NEW_EMAIL)
    response = opened.post(CONFIRM)
    assert response.status_code == 409
    assert "cannot be used any more" in response.content.decode()
    assert stored(operator).email == "olga@example.com"
    assert mailoutbox == []


def test_an_unknown_link_to_a_new_address_says_what_to_do(client, db):
    response = client.get(reverse("operators:email-link", args=["unknown"]), follow=True)
    assert response.status_code == 410
    assert "My settings" in response.content.decode()


def test_confirming_without_csrf_token_changes_nothing(operator, link):
    browser = Client(enforce_csrf_checks=True)
    browser.get(link)
    assert 'method="post"' in browser.post(CONFIRM).text  # the question is there once more
    assert stored(operator).email == "olga@example.com"


# Password


def change(browser, current=PASSWORD, password=NEW, again=None):
    again = password if again is None else again
    data = {"current_password": current, "new_password": password, "new_password_again": again}
    return browser.post(CHANGE_PASSWORD, data)


def test_operators_change_their_own_password(operator, operator_browser):
    assert change(operator_browser).headers["Location"] == operator.get_absolute_url()
    assert stored(operator).check_password(NEW)


def test_this_session_survives_a_new_password_and_the_others_end(operator, operator_browser):
    elsewhere = signed_in(operator)
    change(operator_browser)
    assert operator_browser.get(CHANGE_PASSWORD).status_code == 200
    assert elsewhere.get(CHANGE_PASSWORD).status_code == 302


def test_a_new_password_is_audited_and_mailed(operator, operator_browser, mailoutbox):
    change(operator_browser)
    assert entry_of(Action.PASSWORD_CHANGED) == (operator.pk, operator.pk, "", "")
    assert [mail.to for mail in mailoutbox] == [[operator.email]]


def test_single_sign_on_operators_have_no_password_page(account):
    assert signed_in(make_operator(account, single_sign_on=True)).get(CHANGE_PASSWORD).status_code == 404


def test_strangers_have_no_password_page(client, db):
    assert client.get(CHANGE_PASSWORD).status_code == 302


@pytest.mark.parametrize("current", ["", "wrong", PASSWORD.upper(), f" {PASSWORD}", "nul\0byte", "x" * 4097])
def test_a_wrong_current_password_is_refused(operator, operator_browser, current):
    response = change(operator_browser, current=current)
    assert response.context["form"].errors["current_password"]
    assert stored(operator).check_password(PASSWORD)


def test_wrong_current_passwords_are_counted_and_recorded(operator, operator_browser):
    for _ in range(10):
        change(operator_browser, current="a wrong password")
    assert "Too many wrong passwords" in str(change(operator_browser).context["form"].errors)
    assert stored(operator).check_password(PASSWORD)
    assert AuditEntry.objects.filter(action=Action.PROOF_FAILED, subject_id=operator.pk).count() == 10


@pytest.mark.parametrize("password", ["", "short", "password123", "olga@example", "nul\0byte in it"])
def test_a_bad_new_password_is_refused(operator, operator_browser, password):
    response = change(operator_browser, password=password)
    assert response.context["form"].errors["new_password"]
    assert stored(operator).check_password(PASSWORD)


def test_no_password_is_shown_again(operator, operator_browser):
    page = change(operator_browser, again="another one").content.decode()
    assert "The two passwords differ" in page
    assert PASSWORD not in page
    assert NEW not in page


def test_a_password_form_posted_twice_changes_it_once(operator, operator_browser, mailoutbox):
    change(operator_browser)
    assert change(operator_browser).context["form"].errors["current_password"]
    assert len(mailoutbox) == 1


def test_of_two_changes_at_once_one_wins(operator):
    first, second = stored(operator), stored(operator)
    assert profile.change_password(first, NEW, NOBODY)
    assert not profile.change_password(second, "eighteen green bottles", NOBODY)
    assert stored(operator).check_password(NEW)


def test_the_loser_of_two_changes_at_once_is_told(operator, operator_browser, monkeypatch):
    monkeypatch.setattr(profile, "change_password", lambda *_args: False)
    assert "Nothing changed" in said_after(change(operator_browser))


def test_an_outdated_hash_is_left_alone_until_the_change(operator, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    browser = signed_in(operator)
    change(browser, password="short")
    assert browser.get(CHANGE_PASSWORD).status_code == 200


def test_a_password_posted_without_csrf_token_is_not_stored(operator):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    assert change(browser).status_code == 403
    assert stored(operator).check_password(PASSWORD)
