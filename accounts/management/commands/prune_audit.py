"""`manage.py prune_audit [--older-than DAYS] [--dry-run]`: old audit entries go, one that says so stays."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit.prune import old_entries, prune

# A day at least: nobody means to remove what has just happened. A century at most: dates end somewhere.
FEWEST, MOST = 1, 36_500


def days(text: str) -> int:
    """Raise ArgumentTypeError where it is no number of days."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST))):
        raise ArgumentTypeError(_("“%(text)s” is no number of days.") % {"text": text})
    if not FEWEST <= int(text) <= MOST:
        raise ArgumentTypeError(
            _("Keep entries for %(fewest)d to %(most)d days.") % {"fewest": FEWEST, "most": MOST}
        )
    return int(text)


class Command(BaseCommand):
    help = "Remove old entries of the audit trail; each account keeps an entry that says how many went."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=days, metavar="DAYS", help="Default: the setting AUDIT_RETENTION_DAYS."
        )
        parser.add_argument("--dry-run", action="store_true", help="Remove nothing, show what would go.")

    def handle(self, *_args: Any, older_than: int | None, dry_run: bool, **_options: Any) -> None:
        kept = older_than or self._from_settings()
        if kept is None:
            self.stdout.write(
                _(
                    "Nothing was removed: entries are kept for ever. "
                    "Set AUDIT_RETENTION_DAYS or give --older-than."
                )
            )
            return
        before = timezone.now() - timedelta(days=kept)
        self.stdout.write(
            _("Entries from before %(moment)s:") % {"moment": f"{before:%Y-%m-%d %H:%M:%S} UTC"}
        )
        total = 0
        for account, number in old_entries(before):
            removed = number if dry_run else prune(account, before)
            total += removed
            self.stdout.write(f"  {account.name} ({account.pk}): {removed}")
        self.stdout.write(self._result(total, dry_run=dry_run))

    def _from_settings(self) -> int | None:
        """None where entries are kept for ever."""
        try:
            return days(settings.AUDIT_RETENTION_DAYS) if settings.AUDIT_RETENTION_DAYS else None
        except ArgumentTypeError as error:
            raise CommandError(f"AUDIT_RETENTION_DAYS: {error}") from error

    def _result(self, total: int, *, dry_run: bool) -> str:
        if dry_run:
            text = ngettext("%d entry would be removed.", "%d entries would be removed.", total)
        else:
            text = ngettext("%d entry was removed.", "%d entries were removed.", total)
        return text % total
