"""The forms of the Reminders page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import REMINDER_DAYS
from accounts.plain_form import PlainForm

FEWEST, MOST = REMINDER_DAYS


class ReachForm(PlainForm):
    to_optional = forms.BooleanField(
        label=_("Also those who may set it up and need not"),
        required=False,
    )


class ScheduleForm(PlainForm):
    reminder_days = forms.IntegerField(
        label=_("Days between reminders"),
        required=False,
        min_value=FEWEST,
        max_value=MOST,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"),
            _("Type a whole number from 2 to 90, or leave the field empty."),
        ),
        help_text=_("2 to 90. Leave it empty to send none by itself."),
        widget=forms.NumberInput(attrs={"class": "number-input"}),
    )
    reminders_to_optional = forms.BooleanField(
        label=_("Also those who may set it up and need not"), required=False
    )

    @property
    def given(self) -> tuple[int | None, bool]:
        cleaned: dict[str, Any] = self.cleaned_data
        return cleaned["reminder_days"], cleaned["reminders_to_optional"]
