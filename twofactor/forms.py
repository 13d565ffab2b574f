"""The fields for codes, and what is said beside them."""

import re
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.durations import duration
from accounts.plain_form import UNSEEN, BoundedField, PlainForm
from accounts.text import code_within
from twofactor import recovery, totp
from twofactor.codes import Refusal
from twofactor.enrollment import WrongCodeError

# Room for what people type and paste around the characters, seen or not; anything longer is no code.
TYPED_LENGTH = 64
CODE_WANTED = _("Type the 6 digits that the app shows now, for example 123456.")
EITHER_WANTED = _(
    "Type the 6 digits that the app shows now, for example 123456, or one of your recovery codes: "
    "16 letters and digits, with or without hyphens."
)
RECOVERY_CODE_WANTED = _("Type one of your recovery codes: 16 letters and digits, with or without hyphens.")


class UncutField(BoundedField):
    """A text that browsers must not cut without a word when it is pasted."""

    default_error_messages: ClassVar[dict[str, Any]] = UNSEEN

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {key: value for key, value in super().widget_attrs(widget).items() if key != "maxlength"}


class CodeField(UncutField):
    default_error_messages: ClassVar[dict[str, Any]] = {"max_length": CODE_WANTED}

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

    def to_python(self, value: Any) -> str:
        return code_within(super().to_python(value) or "")

    def validate(self, value: str) -> None:
        if not re.fullmatch(rf"[0-9]{{{totp.DIGITS}}}", value):
            raise ValidationError(self.error_messages["max_length"], code="format")


class RecoveryCodeField(UncutField):
    default_error_messages: ClassVar[dict[str, Any]] = {"max_length": RECOVERY_CODE_WANTED}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"label": _("Recovery code"), "max_length": TYPED_LENGTH, **kwargs})
        self.widget.attrs |= {"class": "recovery-input", "autocomplete": "off", "spellcheck": "false"}

    def to_python(self, value: Any) -> str:
        return recovery.normalize(super().to_python(value) or "")

    def validate(self, value: str) -> None:
        if not recovery.is_code(value):
            raise ValidationError(RECOVERY_CODE_WANTED, code="format")


class AnyCodeField(CodeField):
    default_error_messages: ClassVar[dict[str, Any]] = {"max_length": EITHER_WANTED}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"help_text": _("Or one of your recovery codes."), **kwargs})
        del self.widget.attrs["inputmode"]  # recovery codes have letters
        self.widget.attrs["class"] = "recovery-input"

    def validate(self, value: str) -> None:
        if not recovery.is_code(recovery.normalize(value)):
            super().validate(value)


class CodeForm(PlainForm):
    code = CodeField()


class RecoveryCodeForm(PlainForm):
    code = RecoveryCodeField()


class SavedForm(PlainForm):
    saved = forms.BooleanField(
        label=_("I have saved these codes"),
        error_messages={"required": _("Save the codes first, then tick the box.")},
    )


class EnrollmentForm(PlainForm):
    autofocus = "code"

    code = CodeField(help_text=_("It changes every 30 seconds."))

    def refuse(self, error: WrongCodeError) -> None:
        if error.wait:
            text = _wait_text(error.wait)
        elif error.unseen:
            text = gettext(
                "This QR code is a new one. If you have scanned another one before, remove it from the app. "
                "Scan this one, then type the code it makes."
            )
        elif error.late:
            text = gettext("That code was right, but it has expired. Type the one that the app shows now.")
        elif error.drift:
            text = _clock_text(error.drift)
        else:
            text = gettext(
                "That code is not right. Wait for the next one and type it; the QR code stays the same."
            )
        self.add_error("code", ValidationError(text, code="wrong"))


def _clock_text(drift: int) -> str:
    """`drift` is in seconds, negative where the clock is slow."""
    amount = duration(abs(drift))
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


def refuse(form: forms.Form, refusal: Refusal, field: str = "code") -> None:
    text = _refusal_text(refusal, form.cleaned_data[field])
    form.add_error(field, ValidationError(text, code="refused"))


def _refusal_text(refusal: Refusal, code: str) -> str:
    if refusal.locked:
        return gettext(
            "There were too many wrong codes, so none is accepted any more. "
            "Ask an administrator of your account to reset your two-factor authentication."
        )
    if refusal.wait:
        return _wait_text(refusal.wait)
    if refusal.ahead:
        return gettext(
            "The server's clock was fast and is set back: codes from the app count again in %(wait)s. "
            "Until then use a recovery code, or ask an administrator of your account to reset your "
            "two-factor authentication."
        ) % {"wait": duration(refusal.ahead)}
    if refusal.spent:
        return gettext("That code was used already. Wait for the next one.")
    if len(code) > totp.DIGITS:
        return gettext("That recovery code is not right, or it was used before. Try another one.")
    return gettext("That code is not right, or it was used before. Wait for the next one and type it.")


def _wait_text(seconds: int) -> str:
    return gettext("Too many wrong codes. Try again in %(wait)s.") % {"wait": duration(seconds)}
