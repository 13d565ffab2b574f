"""No log line shows the token of an emailed link."""

import logging

import pytest
from django.test import Client

from uptrends_2fa.logs import TokenFilter, without_token


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


def test_an_answer_that_django_logs_does_not_show_the_token(db, caplog):
    caplog.handler.addFilter(TokenFilter())
    with caplog.at_level(logging.WARNING):
        assert Client().post("/setup/secret-token/").status_code == 405
    assert "/setup/..." in caplog.text
    assert "secret-token" not in caplog.text
