"""The audit trail in the database itself: entries are added, never changed, and go only by the command."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.audit import append_only
from accounts.audit.trail import Origin, record
from accounts.models import Account, Action, AuditEntry
from tests.support.factories import make_account

STATEMENTS = {
    "update": "UPDATE accounts_auditentry SET new = 'else'",
    "update of nothing but the time": "UPDATE accounts_auditentry SET at = '2000-01-01 00:00:00+00:00'",
    "delete": "DELETE FROM accounts_auditentry",
    "upsert": (
        "INSERT INTO accounts_auditentry (id, account_id, at, action, actor_name, subject_name, old, new) "
        "SELECT id, account_id, at, action, '', '', '', 'else' FROM accounts_auditentry WHERE true "
        "ON CONFLICT (id) DO UPDATE SET new = 'else'"
    ),
}
ONLY_HERE = {
    "sqlite": [
        "INSERT OR REPLACE INTO accounts_auditentry SELECT * FROM accounts_auditentry",
        "UPDATE OR REPLACE accounts_auditentry SET new = 'else'",
    ],
    "postgresql": ["TRUNCATE accounts_auditentry", "TRUNCATE accounts_account CASCADE"],
}


def entry_of(account: Account, *, days: int = 0, **values) -> AuditEntry:
    at = timezone.now() - timedelta(days=days)
    return AuditEntry.objects.create(account=account, action=Action.SIGNED_IN, at=at, **values)


def refused(act: Callable[[], object]) -> None:
    connection.check_constraints()  # PostgreSQL empties no table that still waits for such a check
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        act()


def run_sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("kind", STATEMENTS)
def test_the_database_refuses_to_change_or_remove_an_entry(account, kind):
    entry = entry_of(account, new="as it was")
    refused(lambda: run_sql(STATEMENTS[kind]))
    assert list(AuditEntry.objects.values_list("pk", "new")) == [(entry.pk, "as it was")]


@pytest.mark.parametrize("number", [0, 1])
def test_neither_do_the_ways_that_only_this_database_has(account, number):
    entry = entry_of(account)
    refused(lambda: run_sql(ONLY_HERE[connection.vendor][number]))
    assert AuditEntry.objects.get() == entry


def test_a_query_that_passes_the_model_by_is_refused(account):
    entry = entry_of(account)
    around: QuerySet[AuditEntry] = QuerySet(model=AuditEntry)
    refused(around.delete)
    refused(lambda: around.update(new="else"))
    refused(lambda: entry.save_base(force_update=True))


def test_an_operator_is_deleted_and_the_entries_stay(admin, operator):
    record(Action.SIGNED_IN, by=Origin(operator), subject=operator)
    operator.delete()
    assert AuditEntry.objects.get().subject_name == "Olga Operator (olga@example.com)"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "second"])
def test_a_test_database_is_emptied_and_refuses_again(time):
    assert not AuditEntry.objects.exists()
    entry_of(make_account())
    refused(lambda: run_sql(STATEMENTS["delete"]))


@pytest.mark.django_db(transaction=True)
def test_the_triggers_can_be_removed_and_made_again_by_migrations():
    entry_of(make_account(), new="as it was")
    with connection.schema_editor() as editor:
        append_only.remove(apps, editor)
    run_sql(STATEMENTS["update"])
    for _ in range(2):
        with connection.schema_editor() as editor:
            append_only.install(apps, editor)
    assert AuditEntry.objects.get().new == "else"
    refused(lambda: run_sql(STATEMENTS["update"]))
