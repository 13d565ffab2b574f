"""The field for a 6-digit code."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from twofactor import totp
from twofactor.enrollment import WrongCodeError
from twofactor.models import Authenticator

# Room for the spaces and hyphens that people type; anything longer is no code.
TYPED_LENGTH = 32


class CodeField(forms.CharField):
    """Six ASCII digits; spaces and hyphens are dropped."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(
            attrs={
                "class": "code-input",
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "autocapitalize": "off",
                "spellcheck": "false",
            }
        )
        super().__init__(
            **{"label": _("6-digit code"), "max_length": TYPED_LENGTH, "widget": widget, **kwargs}
        )

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Leave out maxlength: browsers would cut a pasted code without a word."""
        return {key: value for key, value in super().widget_attrs(widget).items() if key != "maxlength"}

    def to_python(self, value: Any) -> str:
        """Return the digits."""
        return re.sub(r"[\s-]", "", super().to_python(value) or "")

    def validate(self, value: str) -> None:
        """Refuse whatever is not six ASCII digits, and say what was expected."""
        super().validate(value)
        if not re.fullmatch(rf"[0-9]{{{totp.DIGITS}}}", value):
            raise ValidationError(
                _("Type the 6 digits that the app shows now, for example 123456."), code="format"
            )


class CodeForm(forms.Form):
    """One code."""

    code = CodeField()


class EnrollmentForm(CodeForm):
    """The code that confirms an offered secret."""

    code = CodeField(help_text=_("It changes every 30 seconds."))

    def refuse(self, error: WrongCodeError) -> None:
        """Say what is wrong: the phone's clock where the code gives that away, else the code."""
        self.add_error(
            "code", ValidationError(_clock_text(error.drift) if error.drift else _wrong_text(), code="wrong")
        )


def _wrong_text() -> str:
    """Return what to do after a code that fits no time."""
    return gettext("That code is not right. Wait for the next one and type it; the QR code stays the same.")


def _clock_text(drift: int) -> str:
    """Return how far the phone's clock is off (in seconds, negative: slow), and what to do."""
    amount = _duration(abs(drift))
    if drift < 0:
        text = gettext(
            "The clock of that phone is about %(amount)s slow. "
            "Set its date and time to automatic, then type a new code."
        )
    else:
        text = gettext(
            "The clock of that phone is about %(amount)s fast. "
            "Set its date and time to automatic, then type a new code."
        )
    return text % {"amount": amount}


def refuse_code(form: CodeForm, authenticator: Authenticator, now: datetime) -> bool:
    """Spend the form's code; where it is not accepted, say beside the field what to do and return True."""
    if not authenticator.wait_seconds(now) and authenticator.verify(form.cleaned_data["code"], now):
        return False
    if wait := authenticator.wait_seconds(now):
        text = gettext("Too many wrong codes. Try again in %(wait)s.") % {"wait": _duration(wait)}
        form.add_error("code", ValidationError(text, code="wait"))
    else:
        text = gettext("That code is not right, or it was used before. Wait for the next one and type it.")
        form.add_error("code", ValidationError(text, code="wrong"))
    return True


def _duration(seconds: int) -> str:
    """Return a number of seconds in words, minutes from one and a half up."""
    if seconds < 90:  # noqa: PLR2004  "1 minute" would be too rough below that
        return ngettext("%d second", "%d seconds", seconds) % seconds
    minutes = round(seconds / 60)
    return ngettext("%d minute", "%d minutes", minutes) % minutes
