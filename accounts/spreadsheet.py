"""Writes tables as CSV that people open in a spreadsheet, without running what others have typed.

A cell that begins like a formula is run by Excel and LibreOffice, and an audit trail is full of names
that somebody chose (OWASP: CSV injection). Such cells get an apostrophe, which makes them text.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.text import slugify

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Excel takes a file for UTF-8 only when it begins like this.
BYTE_ORDER_MARK = "\ufeff"
CHUNK = 16 * 1024  # characters that are sent at once
NAME_LENGTH = 60

# The full-width forms count too: some spreadsheets turn them into the plain ones. A cell may also begin in
# the middle of the text: where the list separator is a semicolon, a file with commas is cut there.
_FORMULA = re.compile(r"(^|;|\t|\r\n?|\n)(?=(?:[^\S\t\r\n]|\ufeff)*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_CONTROL = re.compile(r"^(?=[\t\r\n])")


def safe(text: str) -> str:
    """Return the text such that no spreadsheet takes it, or a part of it, for a formula."""
    return _CONTROL.sub("'", _FORMULA.sub(r"\1'", text))


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


def csv_response(
    what: str, whose: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, total: int | None = None
) -> StreamingHttpResponse:
    """Return a download that is made while it is sent, named for what it holds, whose it is, and the day.

    With `total`, how many rows there will be, a script can say how far it is. The rows are read after the
    view and its middleware have ended: they must not ask for the time zone or the language of the moment.
    """
    parts = [what, slugify(whose)[:NAME_LENGTH].strip("-"), f"{timezone.localdate():%Y-%m-%d}"]
    counted = {} if total is None else {"Row-Count": str(total)}
    return StreamingHttpResponse(
        csv_chunks(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{"-".join(filter(None, parts))}.csv"',
            # It holds people's data: also where the middleware that says so for every page is not in use.
            "Cache-Control": "no-store",
            **counted,
        },
    )
