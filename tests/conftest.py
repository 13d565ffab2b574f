"""Fixtures that most tests use."""

from collections.abc import Iterator
from pathlib import Path
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

NOT_QUICK = {"browser", "breakage", "races"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="as `make test-quick`")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if config.getoption("--quick") and collection_path.name in NOT_QUICK else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --quick, leave out what takes long, and of many cases of one test take the first."""
    if config.getoption("--quick"):
        config.hook.pytest_deselected(items=[item for item in items if not _is_quick(item)])
        items[:] = [item for item in items if _is_quick(item)]


def _is_quick(item: pytest.Item) -> bool:
    if item.get_closest_marker("slow") or item.get_closest_marker("thorough"):
        return False
    cases = getattr(item, "callspec", None)
    # Tables without a database cost next to nothing: all of their cases run.
    return not cases or not _uses_database(item) or not any(cases.indices.values())


def _uses_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "django_db_setup", "django_db_blocker"}
    return bool(item.get_closest_marker("django_db") or fixtures & set(getattr(item, "fixturenames", ())))


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
