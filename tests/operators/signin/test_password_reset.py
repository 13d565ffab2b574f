"""A forgotten password leads back in through the mailbox, and through nothing else."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Action, AuditEntry
from invitations.models import Link
from operators.models import Operator
from tests.support.factories import PASSWORD, code_for, make_operator, signed_in

REQUEST = reverse("operators:password-reset")
SENT = reverse("operators:password-reset-sent")
CHOOSE = reverse("operators:password-reset-choose")
NEW = "seventeen green bottles"
NOW = timezone.now()


def ask(client, email):
    return client.post(REQUEST, {"email": email}, follow=True)


def link_in(mail):
    return re.findall(r"http://testserver(/password-reset/\S+)", mail.body)[0]


def choose(client, password=NEW, again=None):
    return client.post(
        CHOOSE, {"new_password": password, "new_password_again": password if again is None else again}
    )


@pytest.fixture
def link(client, operator, mailoutbox):
    """The address of a link that was mailed to the operator."""
    ask(client, operator.email)
    return link_in(mailoutbox.pop())


@pytest.fixture
def opened(link):
    """A browser that has opened the link."""
    browser = Client()
    browser.get(link)
    return browser


def has_password(operator: Operator, password: str) -> bool:
    return Operator.objects.get(pk=operator.pk).check_password(password)


# Asking for a link


def test_an_operator_gets_one_link_by_mail(client, operator, mailoutbox):
    ask(client, operator.email)
    [mail] = mailoutbox
    assert mail.to == [operator.email]
    assert "Uptrends" in mail.subject
    assert link_in(mail) in mail.alternatives[0].content
    assert "3 days" in mail.body


def test_the_link_is_found_whatever_the_letter_case_of_the_address(client, operator, mailoutbox):
    ask(client, "  OLGA@Example.com ")
    assert len(mailoutbox) == 1


def test_a_name_is_plain_in_text_and_escaped_in_html(client, account: Account, mailoutbox):
    ask(client, make_operator(account, name="<b>O'Brien</b>").email)
    [mail] = mailoutbox
    assert "Hello <b>O'Brien</b>," in mail.body
    assert "&lt;b&gt;O&#x27;Brien" in mail.alternatives[0].content
    assert "<b>O" not in mail.alternatives[0].content


@pytest.mark.parametrize(
    "kind",
    [{"invited": True}, {"active": False}, {"single_sign_on": True}],
    ids=lambda kind: next(iter(kind)),
)
def test_who_cannot_use_a_password_gets_no_mail(client, account: Account, mailoutbox, kind):
    operator = make_operator(account, **kind)
    ask(client, operator.email)
    assert mailoutbox == []
    assert not Link.objects.exists()


def answer(client, email):
    """What a stranger sees, without the address that was typed."""
    response = ask(client, email)
    return response.redirect_chain, response.content.decode().replace(email, "…")


def test_the_answer_is_the_same_for_everybody(account: Account, operator):
    emails = [
        operator.email,
        "nobody@example.com",
        make_operator(account, invited=True).email,
        make_operator(account, active=False).email,
        make_operator(account, single_sign_on=True).email,
        operator.email,  # limited, the second time
    ]
    assert len({str(answer(Client(), email)) for email in emails}) == 1


def test_the_answer_is_the_same_when_the_mail_server_refuses(operator, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert answer(Client(), operator.email) == answer(Client(), "nobody@example.com")


def test_a_refused_mail_can_be_tried_again_at_once(client, operator, settings, mailoutbox):
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    ask(client, operator.email)
    settings.EMAIL_BACKEND = working
    ask(client, operator.email)
    assert len(mailoutbox) == 1


@pytest.mark.parametrize(("seconds", "mails"), [(59, 1), (60, 2)])
def test_one_mail_a_minute(client, operator, mailoutbox, seconds, mails):
    with time_machine.travel(NOW, tick=False) as clock:
        ask(client, operator.email)
        clock.shift(seconds)
        ask(client, operator.email)
    assert len(mailoutbox) == mails


@pytest.mark.parametrize(("minutes", "mails"), [(59, 5), (60, 6)])
def test_five_mails_an_hour(client, operator, mailoutbox, minutes, mails):
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(5):
            ask(client, operator.email)
            clock.shift(60)
        clock.move_to(NOW + timedelta(minutes=minutes))
        ask(client, operator.email)
    assert len(mailoutbox) == mails


def test_a_request_is_audited_without_an_actor(client, operator):
    ask(client, operator.email)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_id, entry.subject_id) == (Action.PASSWORD_RESET_SENT, None, operator.pk)


def test_the_page_after_it_needs_an_address(client, db):
    assert client.get(SENT).headers["Location"] == REQUEST


@pytest.mark.parametrize(
    "email",
    [
        "",
        "no address",
        "ольга@example.com",
        "olga\0@example.com",
        '"olga\x01"@example.com',
    ],
)
def test_what_is_no_address_is_refused_beside_the_field(client, db, email):
    response = client.post(REQUEST, {"email": email})
    assert response.status_code == 200
    assert response.context["form"].errors["email"]


@pytest.mark.parametrize(("length", "refused"), [(254, False), (255, True)])
def test_an_address_has_at_most_254_characters(client, db, length, refused):
    email = "a@" + 3 * ("b" * 61 + ".") + "c" * (length - 2 - 3 * 62 - 4) + ".com"
    assert len(email) == length
    response = client.post(REQUEST, {"email": email})
    assert (response.status_code == 200) is refused


def test_a_typed_address_is_escaped(client, db):
    response = client.post(REQUEST, {"email": "<b>@example.com"})
    assert "&lt;b&gt;@example.com" in response.content.decode()
    assert "<b>@" not in response.content.decode()


# Opening the link


def test_opening_takes_the_token_out_of_the_address(client, link):
    response = client.get(link)
    assert response.headers["Location"] == CHOOSE
    assert link.split("/")[-2] not in str(dict(client.session))


def test_opening_changes_nothing(link):
    before = Link.objects.values().get()
    Client().head(link)
    scanner = Client()
    scanner.get(link, follow=True)
    assert Link.objects.values().get() == before


def test_the_page_says_for_whom(opened, operator):
    assert operator.email in opened.get(CHOOSE).content.decode()


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 410)])
def test_a_link_lives_three_days(client, operator, mailoutbox, seconds, status):
    with time_machine.travel(NOW, tick=False) as clock:
        ask(client, operator.email)
        clock.shift(timedelta(days=3, seconds=seconds))
        assert client.get(link_in(mailoutbox[0]), follow=True).status_code == status


def test_a_dead_link_says_what_to_do(client, db):
    response = client.get(reverse("operators:password-reset-link", args=["unknown"]), follow=True)
    assert response.status_code == 410
    assert "This link does not work any more" in response.content.decode()
    assert f'href="{REQUEST}"' in response.content.decode()


def test_every_dead_link_gets_the_same_status(operator, opened, client):
    choose(opened)
    used = opened.get(CHOOSE)
    unknown = Client().get(reverse("operators:password-reset-link", args=["unknown"]), follow=True)
    assert used.status_code == unknown.status_code == 410
    assert "A new password was chosen with it" in used.text
    assert "It was used already, a newer link has taken its place, or it is too old." in unknown.text


def test_a_newer_link_kills_the_older(operator, opened, client, mailoutbox):
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        ask(client, operator.email)
        assert choose(opened).status_code == 410
    assert has_password(operator, PASSWORD)


@pytest.mark.parametrize(
    "change",
    [
        {"is_active": False},
        {"is_active": False, "joined_at": None},
        {"sign_in_method": Operator.SignInMethod.SINGLE_SIGN_ON},
        {"session_nonce": "another"},
    ],
)
def test_a_link_dies_when_the_password_is_no_way_in_any_more(operator, opened, change):
    Operator.objects.filter(pk=operator.pk).update(**change)
    assert choose(opened).status_code == 410
    assert has_password(operator, PASSWORD)
    assert Operator.objects.filter(pk=operator.pk, **change).exists()


# The new password


def test_the_new_password_replaces_the_old(operator, opened):
    response = choose(opened)
    assert response.headers["Location"] == reverse("operators:login")
    assert has_password(operator, NEW)


def test_a_reset_does_not_sign_in(operator, opened):
    choose(opened)
    assert "_auth_user_id" not in opened.session


def test_a_reset_leaves_the_authenticator_alone(account, client, mailoutbox):
    operator = make_operator(account, enrolled=True)
    before = operator.authenticator.sealed_secret
    ask(client, operator.email)
    client.get(link_in(mailoutbox[0]))
    new = {"new_password": NEW, "new_password_again": NEW}
    assert client.post(CHOOSE, {**new, "code": code_for()}).status_code == 302
    assert Operator.objects.get(pk=operator.pk).authenticator.sealed_secret == before


def test_a_reset_ends_every_session(operator, opened):
    browser = signed_in(operator)
    choose(opened)
    response = browser.get(reverse("operators:name", args=[operator.pk]))
    assert response.status_code == 302
    assert "_auth_user_id" not in browser.session


def test_a_reset_is_audited(operator, opened):
    choose(opened)
    entry = AuditEntry.objects.filter(action=Action.PASSWORD_RESET).get()
    assert (entry.actor_id, entry.subject_id) == (operator.pk, operator.pk)
    assert NEW not in str(AuditEntry.objects.values_list())


def test_the_operator_is_told(operator, opened, mailoutbox):
    choose(opened)
    [mail] = mailoutbox
    assert mail.to == [operator.email]
    assert "password" in mail.subject
    assert REQUEST in mail.body


def test_one_link_works_once(operator, opened, link):
    second = Client()
    second.get(link)
    choose(opened)
    assert choose(second, "eighteen green bottles").status_code == 410
    assert has_password(operator, NEW)


def test_a_form_posted_twice_changes_the_password_once(operator, opened, mailoutbox):
    choose(opened)
    assert choose(opened).status_code == 410
    assert len(mailoutbox) == 1


def test_a_link_spent_between_page_and_post_is_dead(operator, opened, monkeypatch):
    monkeypatch.setattr(Link, "spend", lambda _link, _now: False)
    assert choose(opened).status_code == 410
    assert has_password(operator, PASSWORD)


def test_a_deactivation_at_the_last_moment_counts(operator, opened, monkeypatch):
    def spend(link: Link, now: object) -> bool:
        return bool(Operator.objects.filter(pk=link.user_id).update(is_active=False))

    monkeypatch.setattr(Link, "spend", spend)
    assert choose(opened).status_code == 410
    assert has_password(operator, PASSWORD)


def test_whoever_is_signed_in_in_the_same_browser_is_led_to_the_login_page(operator, opened, link):
    opened.post(reverse("operators:login"), {"email": operator.email, "password": PASSWORD})
    opened.get(link)
    answer = choose(opened)
    assert (answer.status_code, answer.url) == (302, reverse("operators:login"))
    assert "Your password is changed" in opened.get(answer.url).text
    assert has_password(operator, NEW)


@pytest.mark.parametrize(
    ("password", "field"),
    [
        ("", "new_password"),
        ("password123", "new_password"),
        ("!!dragon-2026", "new_password"),
        ("Uptrends!2026", "new_password"),
        ("acme monitoring", "new_password"),
        ("Welcome2Acme!", "new_password"),
        ("8401957362", "new_password"),
        ("olga@example", "new_password"),
        ("olga operator", "new_password"),
        ("seventeen\0green bottles", "new_password"),
    ],
    ids=[
        "empty",
        "common",
        "common with digits and signs around it",
        "product",
        "account",
        "account among other words",
        "digits",
        "like the address",
        "like the name",
        "NUL",
    ],
)
def test_a_bad_password_is_refused_beside_its_field(operator, opened, password, field):
    response = choose(opened, password)
    assert response.context["form"].errors[field]
    assert has_password(operator, PASSWORD)


@pytest.mark.parametrize(("password", "status"), [("Xq7!pw-2k", 200), ("Xq7!pw-2kz", 302)])
def test_a_password_has_at_least_ten_characters(operator, opened, password, status):
    assert choose(opened, password).status_code == status


@pytest.mark.parametrize(("length", "status"), [(4096, 302), (4097, 200)])
def test_a_password_has_at_most_4096_characters(operator, opened, length, status):
    assert choose(opened, "Xq7!" * (length // 4) + "x" * (length % 4)).status_code == status


@pytest.mark.parametrize("password", ["  spaces around it  ", "зелёные бутылки", "<b>green bottles</b>"])
def test_a_password_is_taken_as_it_is(operator, opened, password):
    choose(opened, password)
    assert has_password(operator, password)


def test_a_name_that_is_only_a_part_of_it_does_no_harm(operator, opened):
    assert choose(opened, "uptrends has green bottles").status_code == 302


def test_two_different_passwords_are_refused_and_not_shown_again(operator, opened):
    response = choose(opened, NEW, "seventeen green bottle")
    assert list(response.context["form"].errors) == ["new_password_again"]
    assert NEW not in response.content.decode()


def test_a_post_without_csrf_token_changes_nothing(operator, link):
    browser = Client(enforce_csrf_checks=True)
    browser.get(link)
    page = choose(browser)
    assert (page.status_code, page.context["form"].is_bound) == (200, False)  # a fresh form
    assert has_password(operator, PASSWORD)


@pytest.mark.parametrize("url", [SENT, reverse("operators:password-reset-link", args=["token"])])
def test_reading_pages_take_no_post(client, db, url):
    assert client.post(url).status_code == 405


def test_one_network_address_asks_for_thirty_mails_an_hour(db):
    browser = Client()
    with time_machine.travel(NOW, tick=False):
        for number in range(30):
            assert browser.post(REQUEST, {"email": f"nobody{number}@example.com"}).status_code == 302
        assert "Wait 60 minutes" in browser.post(REQUEST, {"email": "last@example.com"}).text
        other = Client(REMOTE_ADDR="203.0.113.6")
        assert other.post(REQUEST, {"email": "last@example.com"}).status_code == 302
