"""No log line shows the token of an emailed link, or the address of a person."""

import logging
from logging.config import DictConfigurator
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.delivery import send
from accounts.mail import words_about
from accounts.outgoing import OutgoingMail
from tests.factories import make_operator
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
    """Return what is written of a message."""
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


def test_the_product_writes_its_lines_in_this_way():
    logging_settings: dict[str, Any] = settings.LOGGING
    assert logging_settings["root"]["handlers"] == list(logging_settings["handlers"]) == ["console"]
    line = logging_settings["formatters"][logging_settings["handlers"]["console"]["formatter"]]
    formatter = DictConfigurator(logging_settings).configure_formatter(line)
    assert isinstance(formatter, CleanFormatter)
    record = logging.LogRecord("any", logging.ERROR, "", 0, "olga@example.com", (), None)
    assert formatter.format(record).endswith(" ERROR any [address]")


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

    monkeypatch.setattr("accounts.delivery.EmailMultiAlternatives.send", fail)
    words = {"operator": words_about(make_operator(account, "olga@example.com")), "url": ""}
    send(OutgoingMail(pk=4711, template="invitations/email/invitation", to="olga@example.com"), words)
    # As the record is, before any formatter has cleaned it.
    assert "email 4711, invitations/email/invitation" in caplog.text
    assert said in caplog.text
    assert "example.com" not in caplog.text
    assert "Traceback" not in caplog.text
