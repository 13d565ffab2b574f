"""An account that allows trusted browsers, and an operator who may have one."""

import pytest

from accounts.models import Account
from operators.models import Operator
from tests.support.factories import make_account, make_operator
from tests.support.trust import DAYS, allow


@pytest.fixture
def account(db) -> Account:
    account = make_account()
    allow(account, DAYS)
    return account


@pytest.fixture
def operator(account) -> Operator:
    return make_operator(account, "olga@example.com", name="Olga Operator", enrolled=True)
