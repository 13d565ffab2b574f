"""The form for an override: an operator's own policy, why, and until when."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from accounts.days import end_of, server_day
from accounts.forms import LineField, RadioCards
from accounts.models import POLICY_CHOICES
from accounts.plain_form import PlainForm
from accounts.policy import AccountRule, Override, Policy, is_exception

OVERRIDE_SENTENCES: dict[str, Any] = {
    Policy.REQUIRED: _("Must be used. Set-up is triggered at the next login."),
    Policy.OPTIONAL: _("Can be set up by hand on this page."),
    Policy.DISABLED: _("Cannot be used by this operator."),
}
LONGEST = timedelta(days=2 * 365)
WHY = _("Say why this operator is asked for less than the account asks of everybody.")


def _ends_when() -> str:
    text = translate(
        "The override ends by itself when this day is over (%(zone)s). Leave it empty to keep it until "
        "somebody removes it."
    )
    return text % {"zone": settings.TIME_ZONE}


class LastDayField(forms.DateField):
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _("Choose a day, or leave the field empty.")
    }

    def __init__(self, **kwargs: Any) -> None:
        help_text = lazy(_ends_when, str)()
        super().__init__(**{"label": _("Last day"), "required": False, "help_text": help_text, **kwargs})

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {"min": server_day().isoformat(), "max": (server_day() + LONGEST).isoformat()}


def check_last_day(day: date | None) -> None:
    """Raise ValidationError for a past day, and for one so far ahead that nobody will remember."""
    if day and day < server_day():
        raise ValidationError(_("That day is over. Choose today or a later day."), code="over")
    if day and day > server_day() + LONGEST:
        raise ValidationError(_("Choose a day within the next two years."), code="far")


@dataclass(frozen=True, slots=True)
class ChosenOverride:
    """Without the tick nothing is chosen, whatever the other fields hold."""

    policy: str = ""
    reason: str = ""
    # None: it stays until somebody removes it.
    ends_at: datetime | None = None


class OverrideForm(PlainForm):
    override = forms.BooleanField(
        label=_("Override two-factor authentication settings"),
        required=False,
        widget=forms.CheckboxInput(attrs={"data-enables": "#override-options"}),
    )
    policy = forms.ChoiceField(
        label=_("This operator's setting"),
        choices=POLICY_CHOICES,
        required=False,
        widget=RadioCards(OVERRIDE_SENTENCES),
    )
    reason = LineField(
        label=_("Reason"),
        required=False,
        help_text=_("Needed where the operator is asked for less than the account asks of everybody."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    until = LastDayField()

    def __init__(self, *args: Any, rule: AccountRule, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule = rule

    def clean(self) -> None:
        check_override(self, self.rule)


def check_override(form: forms.Form, rule: AccountRule) -> None:
    """A ticked box needs a choice, and an exception a reason; without the tick nothing is checked."""
    typed = form.cleaned_data
    if not typed.get("override"):
        return
    policy = typed.get("policy", "")
    if not policy and "policy" not in form.errors:
        form.add_error("policy", _("Choose one of the three settings."))
    needed = is_exception(rule, Override(policy), timezone.now())
    if needed and not typed.get("reason") and "reason" not in form.errors:
        form.add_error("reason", WHY)
    try:
        check_last_day(typed.get("until"))
    except ValidationError as error:
        form.add_error("until", error)


def chosen_override(typed: dict[str, Any]) -> ChosenOverride:
    if not typed["override"]:
        return ChosenOverride()
    day = typed["until"]
    return ChosenOverride(typed["policy"], typed["reason"], end_of(day) if day else None)
