"""Which fields of an operator does which page change, and which does it show? Each is sent all of them.

OWASP ASVS 5.0, 8.2.3: the rules are the table of fields in docs/security.md.
"""

from typing import Any

import pytest
from django.test import Client

from operators.models import Group, Operator, SubAccount
from tests.support.address_table import (
    ADMINISTRATORS_ONLY,
    OPEN_TO_STRANGERS,
    READ_ONLY,
    TABLE,
    WRITING,
    url_of,
)
from tests.support.factories import PASSWORD, make_account, make_operator, signed_in

NEW = "a fine long password"
# What the forms of the pages ask for, all at once, so that each of them finds its own and is valid.
TYPED = {
    "name": "Olga Orlova",
    "email": "orlova@example.com",
    "current_password": PASSWORD,
    "new_password": NEW,
    "new_password_again": NEW,
    "override": "on",
    "policy": "required",
    "reason": "a guest",
    "sign_in_method": "single_sign_on",
    "code": "000000",
}
# What the row holds beside that, under the names of the model and the database.
FORGED = {
    "account": 4711,
    "account_id": 4711,
    "code_failures": 99,
    "frozen_at": "2020-01-01",
    "freed_at": "2020-01-01",
    "id": 4711,
    "is_active": "",
    "is_administrator": "on",
    "is_superuser": "on",
    "joined_at": "2020-01-01",
    "last_code_step": 0,
    "last_login": "2020-01-01",
    "name_key": "forged",
    "override_by": "somebody",
    "override_reason": "none",
    "override_until": "2030-01-01",
    "password": "a stolen password",
    "pk": 4711,
    "session_nonce": "0" * 32,
    "trust_epoch": 4711,
    "two_factor_override": "disabled",
}
OWN = {
    "operators:name": {"name", "name_key"},
    "operators:password": {"password", "session_nonce"},
    "operators:trusted-remove-all": {"trust_epoch"},
}
OVERRIDE = {"two_factor_override", "override_reason", "override_by", "override_at"}
OTHERS = {
    "operators:name": {"name", "name_key"},
    "operators:override": OVERRIDE,
    "operators:member-of": {"groups", "sub_account_id"},
    "operators:sign-in-method": {"sign_in_method", "session_nonce"},
    "operators:deactivate": {"is_active", "session_nonce"},
    "operators:end-sessions": {"session_nonce"},
}
# A try at a code counts, wherever it is typed.
COUNTED = {"operators:scan": {"code_failures"}}


def changed(browser: Client, name: str, operator: Operator) -> set[str]:
    """Return the fields of the operator that differ after a post of everything to a page."""
    browser.get(url_of(name, operator.pk))  # only a code for a QR code that was shown is looked at
    before = everything(operator)
    groups = operator.account.groups.filter(kind=Group.Kind.ADMINISTRATORS)
    sub_account = SubAccount.objects.create(account=operator.account, name="Berlin")
    chosen = {"groups": [group.pk for group in groups], "sub_account": sub_account.pk}
    browser.post(url_of(name, operator.pk), FORGED | TYPED | chosen)
    after = everything(operator)
    return {field for field in before if after[field] != before[field]}


def everything(operator: Operator) -> dict[str, Any]:
    """Return what an operator's row holds, and the groups."""
    row: dict[str, Any] = Operator.objects.values().get(pk=operator.pk)
    return {**row, "groups": list(operator.groups.order_by("pk").values_list("pk", flat=True))}


@pytest.mark.parametrize("name", WRITING)
def test_an_operator_changes_these_of_the_own_fields_and_no_other(operator, operator_browser, name):
    assert changed(operator_browser, name, operator) == (OWN | COUNTED).get(name, set())


@pytest.mark.parametrize("name", WRITING)
def test_an_administrator_changes_these_fields_of_others_and_no_other(operator, admin_browser, name):
    assert changed(admin_browser, name, operator) == (OTHERS | COUNTED).get(name, set())


def test_every_field_that_the_row_has_was_sent():
    computed = {"codes_blocked_until", "guessing_told", "last_code_at", "override_at", "override_told_for"}
    sent = FORGED.keys() | TYPED.keys() | {"sub_account", *computed, "reminded_at"}
    assert {field.name for field in Operator._meta.concrete_fields} <= sent


# Reading

PAGES = sorted(set(TABLE) - OPEN_TO_STRANGERS - ADMINISTRATORS_ONLY)


@pytest.mark.parametrize("name", PAGES)
def test_an_operator_reads_nothing_of_others_and_no_administrator_s_notes(account, name):
    make_operator(account, "otto@example.com", name="Otto Other")
    Group.objects.create(account=account, name="Night shift")
    SubAccount.objects.create(account=account, name="Berlin")
    make_operator(make_account(name="Umbrella"), "eve@example.com")
    olga = make_operator(
        account, "olga@example.com", override="required", override_reason="on probation", override_by="Anna"
    )
    answer = signed_in(olga).get(url_of(name, olga.pk), follow=name in READ_ONLY)
    for word in ("Otto", "otto@", "Night shift", "Berlin", "Umbrella", "eve@", "probation", "Anna"):
        assert word not in answer.text, word
