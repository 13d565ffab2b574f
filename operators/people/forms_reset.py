"""The form for resetting the two-factor authentication of another operator."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import LineField
from accounts.plain_form import PlainForm
from operators.models import Operator

IDENTITY_CHECKS = [
    ("in person", _("In person")),
    ("video call", _("In a video call, by their face")),
    ("call back", _("I called them back on a number that we know")),
    ("other", _("In another way, which the reason names")),
]
NOW, LATER = "now", "later"


class ResetForm(PlainForm):
    why = LineField(
        label=_("Reason"),
        error_messages={"required": _("Type a reason.")},
        help_text=_("For example: lost the phone on 3 May. It is kept in the audit log."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    identity_check = forms.ChoiceField(
        label=_("How did you make sure that it is them who ask?"),
        choices=[("", _("Choose one")), *IDENTITY_CHECKS],
        error_messages={"required": _("Choose how you made sure.")},
    )

    setup_link = forms.ChoiceField(
        label=_("Setup link"),
        choices=[(LATER, _("Send it at the next sign-in")), (NOW, _("Send it now; it works for one hour"))],
        initial=LATER,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, operator: Operator, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A setup link is for operators who must set it up again.
        if not operator.effective.required:
            del self.fields["setup_link"]

    @property
    def reason(self) -> str:
        return reason_for_log(self.cleaned_data)

    @property
    def sends_link(self) -> bool:
        return self.cleaned_data.get("setup_link") == NOW


def reason_for_log(typed: dict[str, Any]) -> str:
    return f"{typed['why']} ({typed['identity_check']})"
