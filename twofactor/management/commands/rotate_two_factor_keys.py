"""`manage.py rotate_two_factor_keys`: all authenticator secrets under the first of TWO_FACTOR_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from twofactor import key_check, vault
from twofactor.rotation import Progress, count_remaining, rotate


class Command(BaseCommand):
    help = "Re-encrypt all secrets under the first of TWO_FACTOR_KEYS. May be stopped and run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keys-are-lost",
            action="store_true",
            help="The older keys are gone for good: let people set up authenticators with the present ones.",
        )

    def handle(self, *_args: Any, keys_are_lost: bool, **_options: Any) -> None:
        try:
            vault.check_keys()
        except vault.SecretUnreadableError as error:
            raise CommandError(_("TWO_FACTOR_KEYS is empty, or a value in it is no key.")) from error
        if keys_are_lost:
            key_check.accept_keys()
        unreadable = self._rotate()
        for user_id in unreadable:
            self.stderr.write(_("Operator %(number)d: no key opens this secret.") % {"number": user_id})
        # Looked at afresh: servers that still run with the old setting may have added some meanwhile.
        problems = [self._remaining(remaining) for remaining in [count_remaining()] if remaining]
        if not key_check.renew():
            problems.append(
                _(
                    "Nobody can set up an authenticator, since these are not the keys of this installation. "
                    "Put the right ones back; if they are gone for good, run this with --keys-are-lost."
                )
            )
        if problems:
            raise CommandError(" ".join(problems))
        # Until then something may wait in a session: see twofactor.sealed_in_session.
        self.stdout.write(
            _("All secrets are under the newest key: in 15 minutes the older keys may be removed.")
        )

    def _rotate(self) -> list[int]:
        """Return whose secret no key opens."""
        progress = Progress()
        for progress in rotate():
            self.stdout.write(
                _("Secrets looked at: %(seen)d, re-encrypted: %(renewed)d")
                % {"seen": progress.seen, "renewed": progress.renewed}
            )
        return progress.unreadable

    def _remaining(self, number: int) -> str:
        text = ngettext(
            "%d secret is not under the newest key.", "%d secrets are not under the newest key.", number
        )
        what_now = _(
            "Keep the older keys. Make sure that every server has the new TWO_FACTOR_KEYS, reset whoever is "
            "named above (reset_two_factor), and run this again."
        )
        return f"{text % number} {what_now}"
