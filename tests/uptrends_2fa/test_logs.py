"""No log line shows the token of an emailed link or an email address; each says when, who and where."""

import logging
import re
from logging.config import DictConfigurator
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from accounts.audit.trail import Origin, record
from accounts.mail.delivery import send
from accounts.mail.notice_mail import words_about
from accounts.models import Action
from accounts.models.outgoing_mail import OutgoingMail
from tests.support.factories import make_operator
from uptrends_2fa.logs import CleanFormatter, without_token

CLEAN = CleanFormatter("{levelname} {message}", style="{")


@pytest.mark.parametrize(
    ("address", "logged"),
    [
        ("/setup/secret/", "/setup/..."),
        ("/invitation/secret/", "/invitation/..."),
        ("/email/secret/", "/email/..."),
        ("/password-reset/secret/", "/password-reset/..."),
        ("/not-me/secret/", "/not-me/..."),
        ("/%73etup/secret/", "/setup/..."),
        ("/operators/?search=olga", "/operators/"),
    ],
)
def test_an_address_is_logged_without_token_and_query(address, logged):
    assert without_token(address) == logged


def line_of(message: str, *args: object, error: BaseException | None = None) -> str:
    """What is logged of a message."""
    exc_info = (type(error), error, error.__traceback__) if error else None
    return CLEAN.format(logging.LogRecord("any", logging.ERROR, "", 0, message, args, exc_info))


def test_an_answer_that_django_logs_does_not_show_the_token(db, caplog):
    caplog.handler.setFormatter(CLEAN)
    with caplog.at_level(logging.WARNING):
        assert Client().post("/setup/secret-token/").status_code == 405
    assert "/setup/..." in caplog.text
    assert "secret-token" not in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        "/setup/secret-token/",
        "https://example.com/%73etup/secret-token/?next=/",
        "http://[::1]:8000/setup/secret-token",
    ],
)
def test_no_token_is_written_wherever_it_stands(address):
    for line in (
        line_of("Not Found: %s", address),
        line_of(f"({address})"),
        line_of("%(url)s", {"url": address}),
        line_of("Failed", error=RuntimeError(f"cannot open '{address}'")),
    ):
        assert "setup/..." in line
        assert "secret-token" not in line


@pytest.mark.parametrize(
    "text",
    [
        "invitations/email/setup_link",
        "operators/email/two_factor_reset",
        "/app/templates/operators/email/reminder.txt",
        "Periodic task invitations.ledger.forget_old failed",
        "GET /operators/3/ 200",
    ],
)
def test_what_is_no_address_of_a_link_is_written_whole(text):
    assert line_of("Could not send %s", text) == f"ERROR Could not send {text}"


@pytest.mark.parametrize(
    "quoted",
    [
        "{'olga@example.com': (550, b'5.1.1 <olga@example.com>: rejected')}",
        "Key (lower(email::text))=(olga@example.com) already exists.",
        'Invalid address: "Olga <olga@example.com>"',
    ],
)
def test_no_traceback_names_a_person(quoted):
    line = line_of("Failed for %s", "olga@example.com", error=ValueError(quoted))
    assert "ValueError" in line
    assert "olga" not in line.replace("Olga", "")
    assert "example.com" not in line


def product_s_formatter() -> logging.Formatter:
    logging_settings: dict[str, Any] = settings.LOGGING
    assert logging_settings["root"]["handlers"] == list(logging_settings["handlers"]) == ["console"]
    line = logging_settings["formatters"][logging_settings["handlers"]["console"]["formatter"]]
    formatter: logging.Formatter = DictConfigurator(logging_settings).configure_formatter(dict(line))
    return formatter


def test_the_product_writes_its_lines_in_this_way():
    formatter = product_s_formatter()
    assert isinstance(formatter, CleanFormatter)
    record = logging.LogRecord("any", logging.ERROR, "", 0, "olga@example.com", (), None)
    assert formatter.format(record).endswith(" ERROR any [address]")


def test_an_entry_begins_with_its_time_in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    record = logging.LogRecord("any", logging.ERROR, "", 0, "text", (), None)
    record.created, record.msecs = 1_800_000_000.25, 250
    assert product_s_formatter().format(record) == "2027-01-15T08:00:00.250Z ERROR any text"


@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\x1b[2K", "\x85", "\u2028", "\u202e", "\udc80"])
def test_nobody_writes_an_entry_of_their_own(break_):
    forged = f"Not Found: x{break_} /setup/secret-token/ INFO all is well"
    line = line_of("%s", forged)
    assert len(line.splitlines()) == 1
    assert "secret-token" not in line
    assert break_ not in line
    line.encode()
    head, *rest = line_of("Failed", error=ValueError(forged)).splitlines()
    assert head == "ERROR Failed"
    assert rest
    assert all(re.match(r"    \S| {5,}", part) for part in rest)


# Who, what and where


@pytest.fixture
def written(caplog):
    """What the logger of this name writes."""
    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(CleanFormatter("{name} {message}", style="{"))

    def lines(name: str) -> list[str]:
        return [line.removeprefix(f"{name} ") for line in caplog.text.splitlines() if line.startswith(name)]

    return lines


@pytest.mark.parametrize(
    ("status", "path"),
    [
        (403, "/operators/"),
        (404, "/operators/987654321/"),
        (405, "/logout/"),
        (410, "/setup/"),
        (400, "/operators/?page=%00"),
    ],
)
def test_a_refusal_says_what_to_whom_and_from_where(operator, operator_browser, written, status, path):
    assert operator_browser.get(path).status_code == status
    who = None if status == 400 else operator.pk  # refused before anybody is looked up
    (line,) = written("uptrends_2fa.middleware")
    assert line == f"Refused with {status}: GET {without_token(path)} (operator {who}, from 127.0.0.1)"
    assert not written("django.request")


def test_a_form_from_elsewhere_and_a_stranger_s_guess_are_written_down(db, written):
    Client(enforce_csrf_checks=True).post("/login/")
    Client().get("/not-me/secret-token/")
    who = "(operator None, from 127.0.0.1)"
    assert written("django.security.csrf") == [f"Forbidden (CSRF cookie not set.): /login/ {who}"]
    assert written("uptrends_2fa.middleware") == [f"Refused with 410: GET /not-me/... {who}"]


def test_what_is_answered_as_asked_is_no_refusal(operator, operator_browser, written):
    assert operator_browser.get(operator.get_absolute_url()).status_code == 200
    assert not written("uptrends_2fa.middleware")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({"two_factor_policy": "none"}, "two_factor_policy, invalid_choice"),
        ({"two_factor_policy": ["required"] * 2 + ["\0"]}, "two_factor_policy, invalid_choice"),
    ],
)
def test_what_a_form_does_not_offer_is_written_down_without_it(admin, admin_browser, written, data, what):
    admin_browser.post("/account/settings/", data)
    assert written("accounts.plain_form") == [
        f"AccountSettingsForm was sent what it does not offer: {what} (operator {admin.pk}, from 127.0.0.1)"
    ]


def test_a_typing_error_is_not_written_down(admin_browser, written):
    admin_browser.post("/account/settings/", {"two_factor_policy": "required", "required_from": "tomorrow"})
    assert not written("accounts.plain_form")


def test_an_error_says_whose_request_it_was(admin, admin_browser, written, monkeypatch):
    monkeypatch.setattr("accounts.views.settings_page", lambda *_args: 1 / 0)
    admin_browser.raise_request_exception = False
    assert admin_browser.get("/account/settings/").status_code == 500
    (line,) = written("django.request")
    who = f"(operator {admin.pk}, from 127.0.0.1)"
    assert line == f"Internal Server Error: /account/settings/ {who}"


def test_after_the_request_nobody_asks(admin_browser):
    admin_browser.get("/nowhere/")
    assert line_of("A task of the worker failed") == "ERROR A task of the worker failed"


def test_each_entry_of_the_trail_is_in_the_log_in_numbers(operator, written):
    by = Origin(operator, "192.0.2.1")
    entry = record(Action.NAME_CHANGED, by=by, subject=operator, old="Olga", new="Olya")
    numbers = f"account {operator.account_id}, actor {operator.pk}, subject {operator.pk}"
    assert written("accounts.audit.trail") == [f"Entry {entry.pk}: name_changed, {numbers}, from 192.0.2.1"]


def test_an_entry_that_is_undone_is_not_in_the_log(operator, written):
    with transaction.atomic():
        record(Action.SIGNED_OUT, by=Origin(operator), subject=operator)
        assert not written("accounts.audit.trail")
        transaction.set_rollback(True)
    assert not written("accounts.audit.trail")


def test_a_try_with_an_address_of_nobody_is_written_down_without_it(db, written, caplog):
    Client().post("/login/", {"email": "nobody@example.com", "password": "a wrong password"})
    who = "(operator None, from 127.0.0.1)"
    assert written("operators.signin.journey") == [f"Log-in failed: nobody has that address {who}"]
    assert "nobody@" not in caplog.text


def test_a_try_with_somebodys_address_is_in_the_trail(operator, written):
    Client().post("/login/", {"email": operator.email, "password": "a wrong password"})
    assert not written("operators.signin.journey")
    (line,) = written("accounts.audit.trail")
    assert "sign_in_failed" in line


# Emails that do not leave


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SMTPRecipientsRefused({"olga@example.com": (550, b"<olga@example.com>")}), "refused the recipient"),
        (SMTPDataError(554, b"olga@example.com is spam"), "SMTPDataError 554"),
        (SMTPServerDisconnected("olga@example.com"), "SMTPServerDisconnected"),
        (ConnectionRefusedError(111, "olga@example.com"), "ConnectionRefusedError 111"),
        (UnicodeEncodeError("ascii", "olga@example.com", 0, 1, "no"), "UnicodeEncodeError"),
    ],
)
def test_an_email_that_does_not_leave_is_named_by_number_and_kind(account, monkeypatch, caplog, error, said):
    def fail(_message):
        raise error

    monkeypatch.setattr("accounts.mail.delivery.EmailMultiAlternatives.send", fail)
    words = {"operator": words_about(make_operator(account, "olga@example.com")), "url": ""}
    send(OutgoingMail(pk=4711, template="invitations/email/invitation", to="olga@example.com"), words)
    # As the record is, before any formatter has cleaned it.
    assert "email 4711, invitations/email/invitation" in caplog.text
    assert said in caplog.text
    assert "example.com" not in caplog.text
    assert "Traceback" not in caplog.text
