"""A table of people to invite: pasted, or read from a file."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.plain_form import BoundedField, PlainForm
from operators.bulk.invitation_table import Row, UnreadableTableError, check, decoded, read
from operators.rules.fingerprint import fingerprint

MOST_BYTES = 2 * 1024 * 1024


class InviteManyForm(PlainForm):
    """Text or a file; the rows are checked with it. The text stays in the form, also that of the file."""

    file = forms.FileField(
        label=_("CSV file"),
        required=False,
        allow_empty_file=True,
        help_text=_("UTF-8 or UTF-16, up to 2 MB and 10,000 rows."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv,text/plain"}),
    )
    text = BoundedField(
        label=_("Or paste the rows"),
        required=False,
        strip=False,
        max_length=MOST_BYTES,
        help_text=_(
            "One person on each line: name, email, groups, override, reason, last day. All after the email "
            "may be empty; write a bar | between several groups. An override that asks for less than the "
            "account needs a reason; after its last day, written like 2027-01-31, it ends by itself. A first "
            "line with the names of the columns may change their order."
        ),
        widget=forms.Textarea(
            attrs={"rows": 10, "class": "table-input", "spellcheck": "false", "autocapitalize": "off"}
        ),
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        self.rows: list[Row] = []
        self.unread: list[str] = []
        self.table = ""

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if not file:
            return ""
        if file.size > MOST_BYTES:
            raise ValidationError(_("The file is too large: at most 2 MB. Split it."), code="large")
        try:
            return decoded(file.read())
        except UnreadableTableError as error:
            raise ValidationError(str(error), code="encoding") from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        self.table = cleaned["file"] or cleaned["text"]
        try:
            found = read(self.table)
        except UnreadableTableError as error:
            self.add_error("file" if cleaned["file"] else "text", str(error))
            return cleaned
        self.rows, self.unread = found.rows, found.unread
        check(self.rows, self.account)
        return cleaned

    @property
    def good(self) -> list[Row]:
        return [row for row in self.rows if not row.errors]

    @property
    def word(self) -> str:
        return fingerprint((), self.good)

    @property
    def bad(self) -> list[Row]:
        return [row for row in self.rows if row.errors]
