"""Files of people's data that leave the product: each leaves an entry with who took what, and how much.

There is no file without one: `csv_response` takes the entry, the command line writes its own by `note`.
"""

from collections.abc import Iterable, Sequence

from django import forms
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action, AuditEntry
from accounts.spreadsheet import Column, Row, csv_chunks
from accounts.text import one_line, without_unseen

NAME_LENGTH = 60
ROW_COUNT = "X-Row-Count"


def note(
    *what: str, number: int, by: Origin, account: Account, action: Action = Action.EVIDENCE_EXPORTED
) -> AuditEntry:
    rows = ngettext("%(number)d row", "%(number)d rows", number) % {"number": number}
    return record(action, by=by, account=account, new="; ".join([*what, rows]))


def chosen_by(form: forms.Form) -> list[str]:
    return [f"{field.label}: {_shown(field)}" for field in form if field.name in form.changed_data]


def _shown(field: forms.BoundField) -> str:
    value = field.form.cleaned_data[field.name]
    if isinstance(field.field, forms.ChoiceField):
        return str(dict(field.field.choices)[value])  # type: ignore[arg-type]  # pairs, no groups of them
    # What somebody has searched for stands in the trail: one line of it, with nothing hidden.
    return without_unseen(one_line(str(_("yes") if value is True else value)))


def csv_response(
    entry: AuditEntry, what: str, columns: Sequence[Column[Row]], rows: Iterable[Row], *, number: int
) -> StreamingHttpResponse:
    """Return a download that is made while it is sent, named for what it holds, whose it is, and the day.

    `entry` is the one that tells of it. `number` is how many rows there will be: a script says with it how
    far the file is (ROW_COUNT). The rows are read after the view and its middleware have ended: they must
    not ask for the time zone or the language of the moment.
    """
    whose = slugify(entry.account.name)[:NAME_LENGTH].strip("-")
    parts = [what, whose, f"{timezone.localdate():%Y-%m-%d}"]
    return StreamingHttpResponse(
        csv_chunks(columns, rows),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{"-".join(filter(None, parts))}.csv"',
            ROW_COUNT: str(number),
            # It holds people's data: also where the middleware that says so for every page is not in use.
            "Cache-Control": "no-store",
        },
    )
