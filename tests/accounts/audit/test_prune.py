"""Pruning the audit trail: what goes, what stays, who is told, and that nothing else gets through the gap."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.audit.append_only import entries_may_go
from accounts.audit.prune import prune
from accounts.models import Account, Action, AuditEntry
from tests.support.factories import make_account


def entry_of(account: Account, **age) -> AuditEntry:
    return AuditEntry.objects.create(
        account=account, action=Action.SIGNED_IN, at=timezone.now() - timedelta(**age)
    )


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("prune_audit", *arguments, stdout=out)
    return out.getvalue()


def signed_in(account: Account) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(account=account, action=Action.SIGNED_IN).order_by("pk"))


def pruned(account: Account) -> list[str]:
    found = AuditEntry.objects.filter(account=account, action=Action.AUDIT_PRUNED)
    return list(found.values_list("new", flat=True))


def delete_all() -> None:
    QuerySet(model=AuditEntry).delete()


def fail_after_deleting() -> None:
    delete_all()
    raise ZeroDivisionError


@time_machine.travel(datetime.fromisoformat("2026-11-24T12:00:00+00:00"), tick=False)
def test_what_is_older_goes_and_an_entry_says_how_much_it_was(account):
    entry_of(account, days=400)
    entry_of(account, days=30, seconds=1)
    young = entry_of(account, days=30)
    out = run("--older-than", "30")
    assert signed_in(account) == [young]
    assert pruned(account) == ["2 entries from before 2026-10-25 12:00:00 UTC"]
    assert "2 entries were removed." in out
    assert f"Acme Monitoring ({account.pk}): 2" in out


def test_each_account_has_an_entry_of_its_own_and_one_without_old_entries_has_none(account):
    other, quiet = make_account(name="Other"), make_account(name="Quiet")
    entry_of(account, days=31)
    entry_of(other, days=31)
    entry_of(other, days=31)
    entry_of(quiet, days=29)
    run("--older-than", "30")
    assert [pruned(each)[0].split(" from")[0] for each in (account, other)] == ["1 entry", "2 entries"]
    assert pruned(quiet) == []
    assert len(signed_in(quiet)) == 1


def test_a_dry_run_counts_and_removes_nothing(account):
    entry = entry_of(account, days=31)
    out = run("--older-than", "30", "--dry-run")
    assert f"Acme Monitoring ({account.pk}): 1" in out
    assert "1 entry would be removed." in out
    assert list(AuditEntry.objects.all()) == [entry]


def test_the_setting_is_the_default(account, settings):
    settings.AUDIT_RETENTION_DAYS = "30"
    entry_of(account, days=31)
    run()
    assert signed_in(account) == []


def test_without_setting_and_option_nothing_goes_and_the_command_says_so(account, settings):
    settings.AUDIT_RETENTION_DAYS = ""
    entry_of(account, days=30_000)
    assert "kept for ever" in run()
    assert len(signed_in(account)) == 1


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "month", "²", "36501", "9" * 5000])
def test_what_is_no_number_of_days_removes_nothing(account, settings, text):
    entry_of(account, days=30_000)
    with pytest.raises(CommandError, match="days"):
        run("--older-than", text)
    settings.AUDIT_RETENTION_DAYS = text
    with pytest.raises(CommandError, match="AUDIT_RETENTION_DAYS"):
        run()
    assert len(signed_in(account)) == 1


def test_whoever_comes_second_leaves_no_entry(account):
    entry_of(account, days=31)
    before = timezone.now()
    assert [prune(account, before) for _time in range(2)] == [1, 0]
    assert len(pruned(account)) == 1


def test_after_pruning_the_database_refuses_again(account):
    entry_of(account, days=31)
    run("--older-than", "30")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        delete_all()


def test_after_a_failure_in_the_middle_everything_is_there_and_the_database_refuses_again(account):
    entry = entry_of(account, days=31)
    with pytest.raises(ZeroDivisionError), entries_may_go(timezone.now()):
        fail_after_deleting()
    assert AuditEntry.objects.get() == entry
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        delete_all()


def test_while_pruning_no_entry_can_be_changed(account):
    entry_of(account, days=31)
    around: QuerySet[AuditEntry] = QuerySet(model=AuditEntry)
    with pytest.raises(IntegrityError, match="append-only"), entries_may_go(timezone.now()):
        around.update(new="else")


@pytest.mark.django_db(transaction=True)
def test_while_pruning_no_other_connection_can_delete():
    entry_of(make_account(), days=31)
    other = connection.copy()
    try:
        with entries_may_go(timezone.now()), pytest.raises(DatabaseError), other.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_auditentry")
    finally:
        other.close()
    assert AuditEntry.objects.count() == 1
