"""Writes tables as CSV that people open in a spreadsheet, without running what others have typed.

A cell that begins like a formula is run by Excel and LibreOffice, and an audit trail is full of names
that somebody chose (OWASP: CSV injection). Such cells get an apostrophe, which makes them text, and lose it
again where a table is read.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from itertools import chain
from typing import Generic, TypeVar

from django.utils import timezone

BATCH = 500  # rows of a database that are in memory at once
# Excel takes a file for UTF-8 only when it begins like this.
BYTE_ORDER_MARK = "\ufeff"
CHUNK = 16 * 1024  # characters that are sent at once

# With what a formula begins; the full-width forms count too: some spreadsheets turn them into the plain ones.
_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
# A cell may also begin in the middle of the text: where the list separator is a semicolon, a file with commas
# is cut there.
_BEFORE_A_FORMULA = rf"(^|;|\t|\r\n?|\n){{guard}}(?='*(?:[^\S\t\r\n]|\ufeff)*[{_SIGNS}])"
_BEFORE_A_CONTROL = r"^{guard}(?='*[\t\r\n])"
# What looks guarded already gets another apostrophe: so each that is read again has exactly one too many.
_FORMULA, _CONTROL = (re.compile(each.format(guard="")) for each in (_BEFORE_A_FORMULA, _BEFORE_A_CONTROL))
_GUARDED_FORMULA, _GUARDED_CONTROL = (
    re.compile(each.format(guard="'")) for each in (_BEFORE_A_FORMULA, _BEFORE_A_CONTROL)
)
# Cells, each after a NUL, in which this is not found are text. Most are, and need no second look.
_SUSPECT = re.compile(rf"[\0;\t\r\n](?:'|[^\S\t\r\n]|\ufeff)*[{_SIGNS}\t\r\n]")

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column of a file. Its key is for scripts: it stays, in whichever language the title is."""

    key: str
    title: str
    value: Callable[[Row], str | datetime | None]


def _is_suspect(*cells: str) -> bool:
    return bool(_SUSPECT.search("\0".join(("", *cells))))


def safe(text: str) -> str:
    """So that no spreadsheet takes the text, or a part of it, for a formula."""
    return _CONTROL.sub("'", _FORMULA.sub(r"\1'", text)) if _is_suspect(text) else text


def without_guard(cell: str) -> str:
    """Undoes `safe`, for what comes back from a spreadsheet."""
    return _GUARDED_FORMULA.sub(r"\1", _GUARDED_CONTROL.sub("", cell)) if _is_suspect(cell) else cell


def in_zone(title: str) -> str:
    return f"{title} ({timezone.get_current_timezone_name()})"


def cells(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> Iterator[list[str]]:
    zone = timezone.get_current_timezone()
    values = [column.value for column in columns]

    def when(at: datetime | None) -> str:
        return at.astimezone(zone).isoformat(timespec="seconds") if at else ""

    return ([cell if isinstance(cell := value(row), str) else when(cell) for value in values] for row in rows)


def csv_chunks(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> Iterator[str]:
    return _chunks([column.title for column in columns], cells(columns, rows))


def _chunks(titles: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    buffer = StringIO()
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    for row in chain([titles], rows):
        writer.writerow(map(safe, row) if _is_suspect(*row) else row)
        if buffer.tell() >= CHUNK:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
