"""Writes tables as CSV that people open in a spreadsheet, without running what others have typed.

A cell that begins like a formula is run by Excel and LibreOffice, and an audit trail is full of names
that somebody chose (OWASP: CSV injection). Such cells get an apostrophe, which makes them text, and lose it
again where a table is read.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

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
# A cell without any of these is text. Most are, and need no second look.
_SUSPECT = re.compile(rf"[{_SIGNS}\t\r\n]")


def safe(text: str) -> str:
    """Return the text such that no spreadsheet takes it, or a part of it, for a formula."""
    return _CONTROL.sub("'", _FORMULA.sub(r"\1'", text)) if _SUSPECT.search(text) else text


def without_guard(cell: str) -> str:
    """Return the text of which `safe` has made a cell, for what comes back from a spreadsheet."""
    return _GUARDED_FORMULA.sub(r"\1", _GUARDED_CONTROL.sub("", cell)) if _SUSPECT.search(cell) else cell


def in_zone(title: "str | _StrPromise") -> str:
    """Return the title of a column of times, with the time zone that they are in: the reader's."""
    return f"{title} ({timezone.get_current_timezone_name()})"


def csv_chunks(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Return the file in pieces: header and rows, every cell safe and in quotes."""
    buffer = StringIO()
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow([safe(cell) for cell in header])
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
        if buffer.tell() >= CHUNK:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
