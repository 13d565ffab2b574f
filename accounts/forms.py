"""Choosing a policy, and fields that every form of the product uses."""

import unicodedata
from datetime import date, timedelta
from typing import Any, ClassVar, NoReturn

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.days import day_of, first_moment
from accounts.models import LONGEST_TRUST_DAYS, POLICY_CHOICES, TEXT_LENGTH
from accounts.passwords import password_rules
from accounts.person import Person
from accounts.plain_form import UNSEEN, BoundedField, PlainForm
from accounts.policy import AccountRule, Policy
from accounts.text import canonical, misplaced_mark, named, one_line, unseen, visible

LONGEST_NOTICE = timedelta(days=365)
# As long as Django's own hashers accept; a longer text is no password but a load on the server.
PASSWORD_LENGTH = 4096
# What ends a line or steers a terminal.
BREAKS = ("Cc", "Zl", "Zp")


class RadioCards(forms.RadioSelect):
    template_name = "django/forms/widgets/radio_cards.html"

    def __init__(self, descriptions: dict[str, Any]) -> None:
        super().__init__()
        self.descriptions = descriptions

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        return {**option, "description": self.descriptions.get(str(value), "")}


class LineField(BoundedField):
    default_error_messages: ClassVar[dict[str, Any]] = {
        "control": _("Remove the control characters: this is one line of text."),
        "unseen": _("Remove a character that cannot be seen: %(character)s."),
        "mark": _("Remove a mark that belongs to no letter, or is one of too many on it: %(character)s."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": TEXT_LENGTH, **kwargs})

    def to_python(self, value: Any) -> str:
        return one_line(super().to_python(value) or "")

    def validate(self, value: str) -> None:
        """Refuse what hides in a line, turns its direction round, or is drawn over its neighbors."""
        super().validate(value)
        if hidden := unseen(value):
            self._refuse("control" if unicodedata.category(hidden) in BREAKS else "unseen", hidden)
        if mark := misplaced_mark(value):
            self._refuse("mark", mark)

    def _refuse(self, code: str, character: str) -> NoReturn:
        # Which one it is, as nobody sees it.
        raise ValidationError(self.error_messages[code], code=code, params={"character": named(character)})


class NameField(LineField):
    default_error_messages: ClassVar[dict[str, Any]] = {
        "required": _("Type a name."),
        "control": _("Remove the control characters: a name is one line of text."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"label": _("Name"), **kwargs})

    def validate(self, value: str) -> None:
        if value and not any(_is_seen(char) for char in visible(value)):
            raise ValidationError(_("Type a name that can be seen."), code="nothing")
        super().validate(value)


def _is_seen(char: str) -> bool:
    """No space, and no mark without a letter."""
    return unicodedata.category(char)[0] in "LNPS"


class PasswordField(BoundedField):
    """A password: a new one in its one form, any other as it was typed; never shown again."""

    default_error_messages: ClassVar[dict[str, Any]] = {"required": _("Type a password."), **UNSEEN}

    def __init__(self, *, autocomplete: str, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        self.is_new = autocomplete == "new-password"
        if not self.is_new:
            kwargs.setdefault("error_messages", {"required": _("Type your password.")})
        super().__init__(**{"strip": False, "max_length": PASSWORD_LENGTH, "widget": widget, **kwargs})

    def to_python(self, value: Any) -> str:
        """What is compared with a hash may be an old password's: see accounts.passwords."""
        typed = super().to_python(value) or ""
        return canonical(typed) if self.is_new else typed


class NewPasswordForm(PlainForm):
    autofocus = "new_password"

    new_password = PasswordField(
        label=_("New password"), autocomplete="new-password", help_text=password_rules()
    )
    new_password_again = PasswordField(
        label=_("New password again"),
        autocomplete="new-password",
        error_messages={"required": _("Type the same password again.")},
    )

    def __init__(self, *args: Any, operator: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.operator = operator

    def clean(self) -> None:
        check_new_password(self, self.operator)


def check_new_password(form: forms.Form, operator: Person) -> None:
    """Judges by the name and email as they were just typed."""
    typed = form.cleaned_data
    for field in {"name", "email"} & typed.keys():
        setattr(operator, field, typed[field])
    if "new_password" not in typed:
        return
    if typed.get("new_password_again", typed["new_password"]) != typed["new_password"]:
        text = _("The two passwords differ. Type the same one twice.")
        form.add_error("new_password_again", ValidationError(text, code="differ"))
    try:
        validate_password(typed["new_password"], operator)  # type: ignore[arg-type]  # as Person
    except ValidationError as error:
        form.add_error("new_password", error)


class AccountSettingsForm(PlainForm):
    two_factor_policy = forms.ChoiceField(
        label=_("Two-factor authentication setting"),
        choices=POLICY_CHOICES,
        widget=RadioCards(
            {
                Policy.REQUIRED: _(
                    "Operators must use a code from an authenticator app. Those without one get a setup link "
                    "at their next sign-in, or, where you set a day below, at the first one from that day on."
                ),
                Policy.OPTIONAL: _("Operators may set it up on their own page."),
                Policy.DISABLED: _(
                    "Nobody is asked for a code. Authenticators already set up are kept for later."
                ),
            }
        ),
    )
    required_from = forms.DateField(
        label=_("Required from"),
        required=False,
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Type a day like 2027-01-31, or leave the field empty.")},
        widget=forms.DateInput(attrs={"type": "date", "class": "date-input"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["required_from"].help_text = _(
            "Empty: at once. A day within a year, beginning at 00:00 %(zone)s: until then "
            "operators without an authenticator are asked at each sign-in to set it up, and may put it off."
        ) % {"zone": settings.TIME_ZONE}

    def clean_required_from(self) -> date | None:
        day: date | None = self.cleaned_data["required_from"]
        today = day_of(timezone.now())
        if day and not today < day <= today + LONGEST_NOTICE:
            raise ValidationError(_("Choose a day after today, within a year."), code="day")
        return day

    def clean(self) -> None:
        """Beside another policy the day means nothing, and is not shown: whatever stands there is ignored."""
        if self.cleaned_data.get("two_factor_policy") != Policy.REQUIRED:
            self.errors.pop("required_from", None)
            self.cleaned_data["required_from"] = None

    @property
    def rule(self) -> AccountRule:
        day = self.cleaned_data["required_from"]
        return AccountRule(self.cleaned_data["two_factor_policy"], first_moment(day) if day else None)

    @classmethod
    def of(cls, rule: AccountRule) -> "AccountSettingsForm":
        day = rule.as_of(timezone.now()).required_from
        return cls(initial={"two_factor_policy": rule.policy, "required_from": day and day_of(day)})

    @property
    def query(self) -> str:
        day = self.cleaned_data["required_from"]
        chosen = {"two_factor_policy": self.cleaned_data["two_factor_policy"]}
        return urlencode({**chosen, **({"required_from": day.isoformat()} if day else {})})


class TrustedBrowserForm(forms.Form):
    trusted_browser_days = forms.IntegerField(
        label=_("Days without a code"),
        required=False,
        min_value=1,
        max_value=LONGEST_TRUST_DAYS,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"),
            _("Type a whole number from 1 to 90, or leave the field empty."),
        ),
        help_text=_("1 to 90. Leave it empty to ask for a code at every sign-in."),
        widget=forms.NumberInput(attrs={"class": "number-input"}),
    )
