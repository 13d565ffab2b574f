"""Fixtures that most tests use."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management.commands import flush
from django.test import Client

from accounts.audit import append_only
from accounts.models import Account
from operators.models import Operator
from tests.support.commits import make_commits_happen
from tests.support.factories import make_account, make_operator, signed_in
from twofactor import key_check


@pytest.fixture(scope="session", autouse=True)
def _a_test_database_can_be_emptied() -> Iterator[None]:
    """Tests with transactions of their own empty every table afterwards; the audit trail refuses that."""
    real = flush.sql_flush

    def sql_flush(style: Any, connection: Any, **options: Any) -> list[str]:
        vendor = connection.vendor
        return [
            *append_only.REMOVE[vendor],
            *real(style, connection, **options),
            *append_only.INSTALL[vendor],
        ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", sql_flush)
        yield


@pytest.fixture(autouse=True)
def _no_keys_are_known() -> None:
    """What a process has learned about its keys from one database says nothing about the next one."""
    key_check.verify_once.cache_clear()


@pytest.fixture(autouse=True)
def _commits_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    make_commits_happen(monkeypatch)


@pytest.fixture
def account(db: None) -> Account:
    """An account whose policy is Optional."""
    return make_account()


@pytest.fixture
def admin(account: Account) -> Operator:
    """An administrator of the account."""
    return make_operator(account, "anna@example.com", name="Anna Admin", administrator=True)


@pytest.fixture
def operator(account: Account) -> Operator:
    """An operator of the account who administers nothing."""
    return make_operator(account, "olga@example.com", name="Olga Operator")


@pytest.fixture
def admin_browser(admin: Operator) -> Client:
    """A browser in which the administrator is signed in."""
    return signed_in(admin)


@pytest.fixture
def operator_browser(operator: Operator) -> Client:
    """A browser in which the operator is signed in."""
    return signed_in(operator)
