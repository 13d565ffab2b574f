"""The audit log as a table: what the page shows, in words that stand on their own."""

from collections.abc import Iterator
from datetime import tzinfo

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Action, AuditEntry

# Which entries are changes of the policy: what is asked of everybody, of somebody, and of whom nothing is.
POLICY_CHANGES = (Action.ACCOUNT_POLICY, Action.TRUSTED_BROWSERS, Action.OVERRIDE, Action.SIGN_IN_METHOD)
BATCH = 500  # entries that are in memory at once


def header() -> list[str]:
    return [_("When"), _("Who"), _("Whom"), _("What"), _("Old value"), _("New value"), _("Address")]


def rows(entries: QuerySet[AuditEntry]) -> Iterator[list[str]]:
    """Return one row for each entry, read from the database as they are asked for.

    Time zone and words are those of the moment of this call, not of the reading.
    """
    zone = timezone.get_current_timezone()
    labels = {action: str(label) for action, label in Action.choices}
    nobody = {True: _("Not signed in"), False: _("The server")}
    return (_row(entry, zone, labels, nobody) for entry in entries.iterator(chunk_size=BATCH))


def _row(entry: AuditEntry, zone: tzinfo, labels: dict[str, str], nobody: dict[bool, str]) -> list[str]:
    return [
        entry.at.astimezone(zone).isoformat(timespec="seconds"),
        entry.actor_name or nobody[bool(entry.address)],
        entry.subject_name,
        labels.get(entry.action, entry.action),
        entry.old,
        entry.new,
        entry.address or "",
    ]
