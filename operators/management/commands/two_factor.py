"""`manage.py two_factor …`: shows and changes two-factor authentication, for terminals and scripts."""

import json
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from accounts.audit.trail import Origin
from accounts.exports import note
from accounts.models import Account
from accounts.policy import Policy
from accounts.spreadsheet import Column, Row, cells, csv_chunks
from operators import cli
from operators.cli import Answer
from operators.lists.export import TITLE, Line, columns, lines

SAID_EVERY = 5000  # rows


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(_("Write a day as 2026-12-24.")) from error


def _percent(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (share := float(text)) <= 100:  # noqa: PLR2004  per cent
            return share
    raise ArgumentTypeError(_("Write a number from 0 to 100."))


def _json_chunks(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> Iterator[str]:
    keys = [column.key for column in columns]
    before = "["
    for row in cells(columns, rows):
        yield f"{before}\n{json.dumps(dict(zip(keys, row, strict=True)), ensure_ascii=False)}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


class Command(BaseCommand):
    """Exit codes: 0 done, 1 error, 2 wrong arguments, 3 would change something or too few are protected."""

    help = "Show and steer two-factor authentication of an account. Changes are recorded in the audit log."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        status = self._action(actions, "status", "Say how many operators are protected.")
        status.add_argument("--fail-under", type=_percent, metavar="PERCENT", help="End with 3 below that.")
        policy = self._action(actions, "set-policy", "Change the account's setting.")
        policy.add_argument("policy", choices=list(map(str, Policy)))
        policy.add_argument("--from", dest="begins", type=_day, metavar="DAY", help="Required from then on.")
        policy.add_argument("--mail", action="store_true", help="Tell those who must set up by mail.")
        override = self._action(actions, "override", "Set or remove an operator's own setting.")
        override.add_argument("email")
        override.add_argument("policy", choices=[*map(str, Policy), "none"])
        override.add_argument("--reason", default="", metavar="TEXT")
        override.add_argument("--until", default="", metavar="DAY", help="The last day.")
        remind = self._action(actions, "remind", "Mail those who have not set up.")
        remind.add_argument("--optional", action="store_true", help="Also those who need not.")
        export = self._action(actions, "export", "Write the status of every operator as CSV, or JSON.")
        export.add_argument("--output", metavar="FILE", help="Without it, the terminal.")

    def _action(self, actions: Any, name: str, text: str) -> CommandParser:
        parser: CommandParser = actions.add_parser(name, help=text)
        parser.add_argument(
            "--account", default="", metavar="NAME", help="Or its number, if there are several."
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")
        parser.add_argument("--dry-run", action="store_true", help="Say what it would do; end with 3 then.")
        return parser

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        try:
            answer = getattr(self, "_" + action.replace("-", "_"))(options)
        except cli.RefusedError as error:
            raise CommandError(str(error)) from error
        if answer.data:
            self._print(answer, options["format"])
        if answer.code:
            raise SystemExit(answer.code)

    def _print(self, answer: Answer, how: str) -> None:
        as_json = json.dumps(answer.data, indent=2, ensure_ascii=False)
        self.stdout.write(as_json if how == "json" else "\n".join(answer.lines))

    def _status(self, options: dict[str, Any]) -> Answer:
        return cli.status(cli.account_of(options["account"]), options["fail_under"])

    def _set_policy(self, options: dict[str, Any]) -> Answer:
        account = cli.account_of(options["account"])
        how = {"mail_now": options["mail"], "dry_run": options["dry_run"]}
        return cli.set_policy(account, options["policy"], options["begins"], **how)

    def _override(self, options: dict[str, Any]) -> Answer:
        account = cli.account_of(options["account"])
        fields = {name: options[name] for name in ("policy", "reason", "until")}
        return cli.override(account, options["email"], fields, dry_run=options["dry_run"])

    def _remind(self, options: dict[str, Any]) -> Answer:
        account = cli.account_of(options["account"])
        return cli.remind(account, to_optional=options["optional"], dry_run=options["dry_run"])

    def _export(self, options: dict[str, Any]) -> Answer:
        account = cli.account_of(options["account"])
        number = account.operators.count()
        if options["dry_run"]:
            return Answer({"rows": number}, [_("It would write %d rows.") % number], cli.WOULD_CHANGE)
        rows = self._with_progress(account, number)
        chunks = (_json_chunks if options["format"] == "json" else csv_chunks)(columns(), rows)
        if not options["output"]:
            with suppress(BrokenPipeError):  # the reader, such as `head`, has had enough
                for chunk in chunks:
                    self.stdout.write(chunk, ending="")
                self.stdout.flush()
            return Answer({})
        try:
            with Path(options["output"]).open("w", encoding="utf-8", newline="") as file:
                file.writelines(chunks)
        except OSError as error:
            raise CommandError(_("The file cannot be written: %s") % error.strerror) from error
        return Answer({"output": options["output"]}, [_("Written to %s") % options["output"]])

    def _with_progress(self, account: Account, number: int) -> Iterator[Line]:
        """Show progress at a terminal, but not to a script."""
        # Before the first row leaves: even a partial export must be in the audit trail.
        note(str(TITLE), number=number, by=Origin(), account=account)
        for done, line in enumerate(lines(account, account.operators.order_by("pk")), 1):
            yield line
            if done % SAID_EVERY == 0 and self.stderr.isatty():
                words = _("%(done)d of %(all)d rows are in the file.") % {"done": done, "all": number}
                self.stderr.write(words, style_func=str)
