"""A database of its own for each test process, and a way to do things at the same moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import Account
from operators.models import Operator
from tests.support.database import fresh_database, models_use
from tests.support.factories import make_account, make_operator
from tests.support.rivals import AtOnce


@pytest.fixture(scope="session")
def shared_database(tmp_path_factory: pytest.TempPathFactory, django_db_blocker) -> Iterator[str]:
    with fresh_database(tmp_path_factory.mktemp("races")) as url:
        with django_db_blocker.unblock(), models_use(url):
            call_command("migrate", verbosity=0)
        yield url


@pytest.fixture(autouse=True)
def _data_of_all(shared_database: str, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), models_use(shared_database):
        yield


@pytest.fixture
def at_once(shared_database: str) -> AtOnce:
    """Calls functions at the same moment, each over a connection of its own; what they returned, in order."""

    def run(functions: list[Callable[[], Any]]) -> list[Any]:
        start = Barrier(len(functions), timeout=30)

        def one(function: Callable[[], Any]) -> Any:
            with models_use(shared_database):
                start.wait()
                return function()

        with ThreadPoolExecutor(len(functions)) as pool:
            return [future.result() for future in [pool.submit(one, function) for function in functions]]

    return run


# The data stays: people get addresses of their own.


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def operator(account: Account) -> Operator:
    return make_operator(account, name="Olga Operator")
