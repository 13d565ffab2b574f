"""The form of an override: an operator's own policy, why, and until when."""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from accounts.days import end_of, today
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
    """Return what the last day means."""
    text = translate(
        "The override ends by itself when this day is over (%(zone)s). Leave it empty to keep it until "
        "somebody removes it."
    )
    return text % {"zone": settings.TIME_ZONE}


class LastDayField(forms.DateField):
    """A day from today on, within two years."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _("Choose a day, or leave the field empty.")
    }

    def __init__(self, **kwargs: Any) -> None:
        help_text = lazy(_ends_when, str)()
        super().__init__(**{"label": _("Last day"), "required": False, "help_text": help_text, **kwargs})

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Let the browser's calendar begin and end where the rule does."""
        return {"min": today().isoformat(), "max": (today() + LONGEST).isoformat()}


def check_last_day(day: date | None) -> None:
    """Refuse a day that is over, and one that nobody will remember; raises ValidationError."""
    if day and day < today():
        raise ValidationError(_("That day is over. Choose today or a later day."), code="over")
    if day and day > today() + LONGEST:
        raise ValidationError(_("Choose a day within the next two years."), code="far")


class OverrideForm(PlainForm):
    """An operator's own policy; without the tick the account's holds."""

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

    OVERRIDE_FIELDS = ("override", "policy", "reason", "until")

    def __init__(self, *args: Any, rule: AccountRule, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule = rule

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("override"):
            self._check_policy(cleaned)
            self._check_last_day(cleaned.get("until"))
        return cleaned

    def _check_policy(self, cleaned: dict[str, Any]) -> None:
        """See that something is chosen, and that it says why where it is less than the account asks for."""
        policy = cleaned.get("policy", "")
        if not policy and "policy" not in self.errors:
            self.add_error("policy", _("Choose one of the three settings."))
        needed = is_exception(self.rule, Override(policy), timezone.now())
        if needed and not cleaned.get("reason") and "reason" not in self.errors:
            self.add_error("reason", WHY)

    def _check_last_day(self, day: date | None) -> None:
        """Look at the day only where there is an override: whoever removes an old one need not empty it."""
        try:
            check_last_day(day)
        except ValidationError as error:
            self.add_error("until", error)

    @property
    def value(self) -> str:
        """The override to store; "" for none."""
        return self.cleaned_data["policy"] if self.cleaned_data["override"] else ""

    @property
    def reason_given(self) -> str:
        """Why there is one; "" where nothing was said."""
        return self.cleaned_data["reason"] if self.value else ""

    @property
    def ends_at(self) -> datetime | None:
        """The moment from which it counts no more; None where it stays."""
        day = self.cleaned_data["until"] if self.value else None
        return end_of(day) if day else None
