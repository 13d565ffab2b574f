"""`manage.py rotate_two_factor_keys`: all authenticator secrets under the first of TWO_FACTOR_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from twofactor import vault
from twofactor.rotation import Progress, count_remaining, rotate


class Command(BaseCommand):
    """Re-encrypts, and says whether the older keys are still needed."""

    help = "Re-encrypt all secrets under the first of TWO_FACTOR_KEYS. May be stopped and run again."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Re-encrypt batch by batch, then look at every row again."""
        try:
            vault.check_keys()
        except vault.SecretUnreadableError as error:
            raise CommandError(_("TWO_FACTOR_KEYS is empty, or a value in it is no key.")) from error
        progress = Progress()
        for progress in rotate():
            self.stdout.write(
                _("Secrets looked at: %(seen)d, re-encrypted: %(renewed)d")
                % {"seen": progress.seen, "renewed": progress.renewed}
            )
        for user_id in progress.unreadable:
            self.stderr.write(_("Operator %(number)d: no key opens this secret.") % {"number": user_id})
        # Looked at afresh: servers that still run with the old setting may have added some meanwhile.
        if remaining := count_remaining():
            raise CommandError(self._remaining(remaining))
        self.stdout.write(_("All secrets are under the newest key: the older keys may be removed now."))

    def _remaining(self, number: int) -> str:
        """Return what to do while some secrets need another key."""
        text = ngettext(
            "%d secret is not under the newest key.", "%d secrets are not under the newest key.", number
        )
        what_now = _(
            "Keep the older keys. Make sure that every server has the new TWO_FACTOR_KEYS, reset whoever is "
            "named above (reset_two_factor), and run this again."
        )
        return f"{text % number} {what_now}"
