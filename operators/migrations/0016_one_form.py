"""Brings names, reasons and addresses that are stored already into the one form of new ones.

Nobody is locked out and nothing is lost by it. Two groups or sub accounts that have one name now stay two, with
their members: the one that has been there longer keeps the name, the other is called "Name (2)", and the trail
says so. Whether they were meant to be one is for the administrators to say. Two operators with one mailbox
stay as they are, each is found by the address as it was, and `manage.py check --database default` names them.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts import search_keys
from accounts.addresses import normalize_email
from accounts.search_keys import NameKey
from accounts.text import one_line, without_misplaced_marks, without_unseen

LENGTH = 254
TEXTS = {
    ("accounts", "Account"): ("name", "policy_changed_by"),
    ("operators", "Operator"): ("name", "override_reason", "override_by"),
}
GROUPED = {"Group": "group_renamed", "SubAccount": "sub_account_renamed"}


def cleaned(text: str) -> str:
    """Return a text as its field would take it today."""
    return one_line(without_misplaced_marks(one_line(without_unseen(text))))[:LENGTH]


def bring(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Bring all of it into the one form."""
    for (app, model), fields in TEXTS.items():
        for row in _not_ascii(apps.get_model(app, model), fields):
            _store(row, {field: cleaned(getattr(row, field)) for field in fields})
    for model, action in GROUPED.items():
        _name_apart(apps.get_model("operators", model), apps.get_model("accounts", "AuditEntry"), action)
    _change_addresses(apps.get_model("operators", "Operator"), apps.get_model("accounts", "AuditEntry"))
    search_keys.fill(apps.get_model("operators", "Operator"), "name_key", schema_editor)


def _not_ascii(model: Any, fields: tuple[str, ...]) -> Iterator[Any]:
    """Return the rows that may have to change, by their keys, with these fields alone."""
    for row in model.objects.order_by("pk").only("pk", *fields).iterator():
        if not all(getattr(row, field).isascii() and getattr(row, field).isprintable() for field in fields):
            yield row


def _store(row: Any, texts: dict[str, str]) -> None:
    """Store what differs; a name of which nothing is left stays empty: the page shows the address then."""
    changed = {field: text for field, text in texts.items() if text != getattr(row, field)}
    if changed:
        type(row).objects.filter(pk=row.pk).update(**changed)


def _name_apart(model: Any, entries: Any, action: str) -> None:
    """Clean the names of groups or sub accounts, and let no two of an account have one."""
    taken: set[tuple[int, str]] = set()
    rows = list(model.objects.order_by("pk"))
    # System groups keep their names in any case.
    rows.sort(key=lambda row: getattr(row, "kind", "own") == "own")
    for row in rows:
        wanted = cleaned(row.name) or "—"
        names = (wanted if number == 1 else f"{wanted[: LENGTH - 8]} ({number})" for number in count(1))
        name, key = next(
            (name, key) for name in names if (row.account_id, key := NameKey.key_of(name)) not in taken
        )
        taken.add((row.account_id, key))
        model.objects.filter(pk=row.pk).update(name=name, name_key=key)
        if name != wanted:
            entries.objects.create(account_id=row.account_id, action=action, old=row.name, new=name)


def _change_addresses(model: Any, entries: Any) -> None:
    """Store addresses as mail servers know them, where nobody has that one already."""
    for row in _not_ascii(model, ("email",)):
        email = normalize_email(row.email)
        if email == row.email or model.objects.filter(email=email).exists():
            continue
        model.objects.filter(pk=row.pk).update(email=email)
        entries.objects.create(
            account_id=model.objects.values_list("account_id", flat=True).get(pk=row.pk),
            action="email_changed",
            subject_id=row.pk,
            subject_name=email,
            old=row.email,
            new=email,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_search_by_key"),
        ("operators", "0015_name_keys"),
    ]

    operations = [migrations.RunPython(bring, migrations.RunPython.noop)]
