"""Nobody acts upon another account: every page is sent the numbers of its things, in address and form.

OWASP ASVS 5.0, 8.4.1.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.utils import timezone

from accounts.models import Account
from operators.models import Group, SubAccount
from operators.models.bulk import BulkAction
from operators.models.reminder_run import ReminderRun
from tests.support.address_table import TABLE, WRITING, number_in, url_of
from tests.support.factories import RESET, enroll, make_account, make_operator

NEW = "a fine long password"
FORMS = {
    "name": "Eve Elsewhere",
    "email": "eve@example.com",
    "new_password": NEW,
    "new_password_again": NEW,
    "override": "on",
    "policy": "required",
    "sign_in_method": "single_sign_on",
    "key": str(uuid.UUID(int=4711)),
    "counted": "1",
    **RESET,
}
# What is not of one account: the tries of names and addresses, and what is due.
OF_NOBODY = {"contenttype", "dbtaskresult", "group", "keycheck", "periodictask", "permission", "tally"}


def rows_of(account: Account) -> dict[tuple[str, int], dict[str, Any]]:
    """Return every row that belongs to the account in any way, whatever the table."""
    found = {}
    for model in apps.get_models():
        for way in ways_to_account(model):
            for row in model._default_manager.filter(**{way: account.pk}).values():
                found[model.__name__, row[model._meta.pk.attname]] = row
    return found


def ways_to_account(model: type[Model]) -> list[str]:
    """Return over which fields a row of the model leads to accounts."""
    if model is Account:
        return ["pk"]
    found = []
    for field in model._meta.concrete_fields:
        target = field.related_model
        if isinstance(target, type) and target is not model:
            found += [f"{field.name}__{way}" for way in ways_to_account(target)]
    return found


@pytest.fixture
def other(db: None) -> dict[str, Any]:
    """Another account with one of everything that has a number."""
    account = make_account(name="Umbrella")
    now = timezone.now()
    olga = make_operator(account, "olga@umbrella.example", administrator=True)
    enroll(olga)
    action = BulkAction.objects.create(
        account=account, key=uuid.uuid4(), kind=BulkAction.Kind.RESET, created_at=now, alive_at=now
    )
    return {
        "account": account,
        "operator": olga.pk,
        "invited": make_operator(account, invited=True).pk,
        "group": Group.objects.create(account=account, name="Night shift").pk,
        "sub_account": SubAccount.objects.create(account=account, name="Berlin").pk,
        "bulk": action.pk,
        "reminders": ReminderRun.objects.create(account=account, to_optional=False, total=1).pk,
    }


def test_every_table_leads_to_its_account_or_is_of_nobody():
    lost = {model._meta.model_name for model in apps.get_models() if not ways_to_account(model)}
    assert lost <= OF_NOBODY


@pytest.mark.parametrize("name", WRITING)
def test_no_number_of_another_account_is_acted_upon(account, admin_browser, other, name):
    before = rows_of(other["account"])
    own = number_in(name, account) if "pk" in TABLE[name] else 1
    for data in forms(other, name):
        admin_browser.post(url_of(name, own), data)
    if "pk" in TABLE[name]:
        for number in {number for number in other.values() if isinstance(number, int)}:
            admin_browser.post(url_of(name, number), FORMS)
    assert rows_of(other["account"]) == before


def forms(other: dict[str, Any], page: str) -> Iterator[dict[str, Any]]:
    """Return forms that are right but for one number, which is another account's."""
    for name, number in (
        ("add", other["operator"]),
        ("remove", other["operator"]),
        ("groups", other["group"]),
        ("sub_account", other["sub_account"]),
    ):
        yield FORMS | {name: number}
    for kind in BulkAction.Kind.values if page == "operators:bulk" else ["reset"]:
        for operator in (other["operator"], other["invited"]):
            yield FORMS | {"kind": kind, "operator": operator, "group": other["group"]}
