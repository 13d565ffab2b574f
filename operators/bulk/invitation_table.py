"""Which people does a pasted or uploaded table name, and which of its rows cannot be invited, and why?"""

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from io import StringIO
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.days import end_of
from accounts.forms import LineField, NameField
from accounts.models import POLICY_LABELS, Account
from accounts.policy import AccountRule, Override, is_exception
from accounts.spreadsheet import without_guard
from accounts.text import isolated, one_line, sorted_alike
from operators.fields import TAKEN, AddressField
from operators.models import Group
from operators.overrides.forms import WHY, LastDayField, check_last_day

QUOTED = re.compile(r'(^|[,;\t\r\n])"(?:[^"]|"")*(?:"|$)')
MOST_ROWS = 10_000
# Room for many groups; a cell that is longer is not taken apart.
LONGEST_CELL = 2_000
SHOWN_OF_A_CELL = 50
LOOKED_UP_AT_ONCE = 500
COLUMNS = ("name", "email", "groups", "override", "reason", "until")
TITLES = {
    "name": "name",
    "email": "email",
    "e-mail": "email",
    "email address": "email",
    "group": "groups",
    "groups": "groups",
    "override": "override",
    "two-factor override": "override",
    "reason": "reason",
    "last day": "until",
    "until": "until",
    # What the file of rows with errors has beside them.
    "line": "-",
    "what is wrong": "-",
}
# With what a file says how it separates its cells; spreadsheets write and read it.
SEPARATOR = re.compile(r'"?sep=([^"\r\n])"?[ \t]*(?:\r\n?|\n|$)', re.IGNORECASE)


class UnreadableTableError(Exception):
    """The text is no table of people; the message says what to do."""


@dataclass(slots=True)
class Row:
    number: int
    cells: dict[str, str]
    name: str = ""
    email: str = ""
    groups: list[int] = field(default_factory=list)
    override: str = ""
    reason: str = ""
    until: datetime | None = None
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    rows: list[Row]
    unread: list[str]


def decoded(content: bytes) -> str:
    """Raise UnreadableTableError where the file is in neither UTF-8 nor UTF-16."""
    # UTF-16 is what spreadsheets call Unicode text; it always begins with its mark.
    encoding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableTableError(
            _("The file is not in UTF-8. Save it as “CSV UTF-8” and choose it again.")
        ) from error


def read(text: str) -> Table:
    """Raise UnreadableTableError where nobody is in it, too many are, or it is no table."""
    found = list(_filled_rows(text.removeprefix("\ufeff")))
    columns = _columns(found[0][1]) if found else None
    people = found[1:] if columns else found
    if not people:
        raise UnreadableTableError(_("There is nobody in it. Type one person on each line."))
    if len(people) > MOST_ROWS:
        raise UnreadableTableError(_("Too many rows: at most 10,000 at once. Split the file."))
    rows = [_row(number, cells, columns or COLUMNS) for number, cells in people]
    titles = zip(found[0][1], columns or [], strict=False)
    return Table(rows, [title for title, column in titles if title and not column])


def _filled_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number the rows as a spreadsheet does: empty ones count, `sep=` and lines within a row do not."""
    said = SEPARATOR.match(text)
    delimiter = said[1] if said else _delimiter(text)
    lines = csv.reader(
        StringIO(text[said.end() :] if said else text, newline=""), delimiter=delimiter, strict=True
    )
    number = 0
    try:
        for number, cells in enumerate(lines, 1):
            if any(_swallowed(cell, delimiter) for cell in cells):
                raise _unreadable(number)
            plain = [without_guard(cell).strip() for cell in cells]
            if any(plain):
                yield number, plain
    except csv.Error as error:
        raise _unreadable(number + 1) from error


def _unreadable(number: int) -> UnreadableTableError:
    # Reading stops at such a row: nobody knows where the next one begins.
    text = _(
        "This is no table that can be read. Look at line %(line)d: a quotation mark is not closed or stands "
        "within a cell, or a cell is too long."
    )
    return UnreadableTableError(text % {"line": number})


def _swallowed(cell: str, delimiter: str) -> bool:
    """Whether a row of people is in a cell: of two quotation marks one each is missing."""
    return any("@" in line and delimiter in line for line in cell.splitlines()[1:])


def _delimiter(text: str) -> str:
    """What there is most of in the first line that is not empty."""
    outside = QUOTED.sub(r"\1", text)
    first = next((line for line in outside.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _columns(cells: list[str]) -> list[str] | None:
    """None where this is no row of titles."""
    columns = [TITLES.get(cell.casefold(), "") for cell in cells]
    if "email" not in columns:
        return None
    for column in COLUMNS:
        titles = [cell for cell, meaning in zip(cells, columns, strict=True) if meaning == column]
        if len(titles) > 1:
            words = _("Several columns mean the same: %(titles)s. Leave one of them.")
            raise UnreadableTableError(words % {"titles": ", ".join(titles)})
    return columns


def _row(number: int, cells: list[str], columns: "list[str] | tuple[str, ...]") -> Row:
    """Cells that are missing are empty; those beyond the columns are an error."""
    named = {column: cell for column, cell in zip(columns, cells, strict=False) if column in COLUMNS}
    row = Row(number, dict.fromkeys(COLUMNS, "") | named)
    beyond = [cell for cell in cells[len(columns) :] if cell]
    if beyond:
        row.errors.append(_("There is no column for “%(text)s”.") % {"text": beyond[0][:SHOWN_OF_A_CELL]})
    return row


def check(rows: list[Row], account: Account) -> None:
    """Note at each row what it means or what is wrong with it, by the rules of the single form."""
    groups = Group.objects.filter(account=account).exclude(kind=Group.Kind.EVERYONE)
    numbers = {sorted_alike(group.label): group.pk for group in groups}
    overrides = {str(label).casefold(): policy for policy, label in POLICY_LABELS.items()}
    name, email = NameField(), AddressField()
    exceptions = _Exceptions(account.rule)
    for row in rows:
        if any(len(cell) > LONGEST_CELL for cell in row.cells.values()):
            row.errors.append(_("A cell of this row is too long: at most 2,000 characters."))
            continue
        row.name = _clean(name, row, "name")
        row.email = _clean(email, row, "email")
        _note_groups(row, numbers)
        _note_override(row, overrides)
        if row.override:
            exceptions.note(row)
        elif not row.cells["override"]:
            _refuse_lonely(row)
    _note_twice(rows)
    _note_taken(rows, account)


def _clean(rule: forms.Field, row: Row, column: str) -> Any:
    try:
        return rule.clean(row.cells[column])
    except ValidationError as error:
        row.errors += error.messages
        return ""


class _Exceptions:
    def __init__(self, rule: AccountRule) -> None:
        self.rule, self.now = rule, timezone.now()
        self.reason = LineField(required=False)
        self.last_day = LastDayField(
            input_formats=["%Y-%m-%d"],
            error_messages={
                "invalid": gettext_lazy("Write the last day like 2027-01-31, or leave it empty.")
            },
            validators=[check_last_day],
        )

    def note(self, row: Row) -> None:
        row.reason = _clean(self.reason, row, "reason")
        day: date | None = _clean(self.last_day, row, "until") or None
        row.until = end_of(day) if day else None
        if not row.cells["reason"] and is_exception(self.rule, Override(row.override), self.now):
            row.errors.append(str(WHY))


def _refuse_lonely(row: Row) -> None:
    # Without an override they would be dropped without a word.
    if row.cells["reason"]:
        row.errors.append(_("There is a reason and no override. Write the override, or leave both empty."))
    if row.cells["until"]:
        row.errors.append(_("There is a last day and no override. Write the override, or leave both empty."))


def _note_groups(row: Row, numbers: dict[str, int]) -> None:
    # A bar separates several groups, and may also stand in the name of one: the longest name wins.
    parts = row.cells["groups"].split("|")
    longest = 1 + max((name.count("|") for name in numbers), default=0)
    while parts:
        names = (one_line("|".join(parts[:size])) for size in range(min(longest, len(parts)), 0, -1))
        known = next((name for name in names if sorted_alike(name) in numbers), None)
        name = one_line(parts[0]) if known is None else known
        parts = parts[1 if known is None else 1 + known.count("|") :]
        if known is not None:
            row.groups.append(numbers[sorted_alike(known)])
        elif name:
            row.errors.append(_("There is no group “%(name)s”.") % {"name": isolated(name)})


def _note_override(row: Row, overrides: dict[str, str]) -> None:
    typed = row.cells["override"]
    row.override = overrides.get(typed.casefold(), "")
    if typed and not row.override:
        row.errors.append(
            _("“%(word)s” is no override. Write Required, Optional or Disabled, or leave it empty.")
            % {"word": typed}
        )


def _note_twice(rows: list[Row]) -> None:
    seen: dict[str, int] = {}
    for row in (row for row in rows if row.email):
        first = seen.setdefault(row.email, row.number)
        if first != row.number:
            row.errors.append(_("That address is in line %(line)d already.") % {"line": first})


def _note_taken(rows: list[Row], account: Account) -> None:
    """Refuse addresses that somebody of this account has; of others nothing is told before the act."""
    with_email = [row for row in rows if row.email]
    for start in range(0, len(with_email), LOOKED_UP_AT_ONCE):
        portion = with_email[start : start + LOOKED_UP_AT_ONCE]
        emails = {row.email for row in portion}
        taken = set(account.operators.filter(email__in=emails).values_list("email", flat=True))
        for row in (row for row in portion if row.email in taken):
            row.errors.append(str(TAKEN))
