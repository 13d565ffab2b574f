"""Removing audit entries that are older than the retention period: the only way an entry goes."""

from datetime import UTC, datetime

from django.db.models import Count, Q, QuerySet
from django.utils.translation import ngettext

from accounts.audit.append_only import entries_may_go
from accounts.audit.trail import Origin, record
from accounts.models import Account, Action, AuditEntry


def old_entries(before: datetime) -> list[tuple[Account, int]]:
    accounts = Account.objects.annotate(old=Count("audit_entries", filter=Q(audit_entries__at__lt=before)))
    return [(account, account.old) for account in accounts.filter(old__gt=0).order_by("pk")]


def prune(account: Account, before: datetime) -> int:
    """The entries go and one that says so stays, or neither; two at the same time remove nothing twice."""
    with entries_may_go(before):
        # Not AuditEntry.objects: that refuses, like the database outside this block.
        old: QuerySet[AuditEntry] = QuerySet(model=AuditEntry).filter(account=account, at__lt=before)
        number, _models = old.delete()
        if number:
            record(Action.AUDIT_PRUNED, by=Origin(), account=account, new=_sentence(number, before))
    return number


def _sentence(number: int, before: datetime) -> str:
    """In UTC, as everybody reads the same text."""
    text = ngettext(
        "%(number)d entry from before %(moment)s UTC", "%(number)d entries from before %(moment)s UTC", number
    )
    return text % {"number": number, "moment": f"{before.astimezone(UTC):%Y-%m-%d %H:%M:%S}"}
