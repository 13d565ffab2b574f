"""Forms for logging in and for resetting a forgotten password."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.durations import duration
from accounts.forms import NewPasswordForm, PasswordField
from accounts.models import TEXT_LENGTH
from accounts.plain_form import BoundedField, PlainForm
from operators.fields import AddressField
from twofactor.forms import AnyCodeField

LOGIN_NAME = {
    "autocomplete": "username",
    "autocapitalize": "off",
    "spellcheck": "false",
    "autofocus": True,
}


class LoginForm(PlainForm):
    email = BoundedField(
        label=_("Email"),
        max_length=TEXT_LENGTH,
        error_messages={"required": _("Type your email address.")},
        widget=forms.EmailInput(attrs=LOGIN_NAME),
    )
    password = PasswordField(label=_("Password"), autocomplete="current-password")

    def refuse(self) -> None:
        self.add_error(
            None,
            ValidationError(
                _("That email and password do not match. Check both, or use “Forgot password?”."),
                code="refused",
            ),
        )

    def refuse_for(self, seconds: int) -> None:
        text = _("Too many tries. Wait %(wait)s, then log in, or use “Forgot password?” now.")
        self.add_error(None, ValidationError(text, code="wait", params={"wait": duration(seconds)}))


class LinkForm(PlainForm):
    email = AddressField(widget=forms.EmailInput(attrs=LOGIN_NAME))

    def refuse_for(self, seconds: int) -> None:
        text = _("Too many links were asked for from your network address. Wait %(wait)s, then try again.")
        self.add_error("email", ValidationError(text, code="wait", params={"wait": duration(seconds)}))


class NewPasswordAndCodeForm(NewPasswordForm):
    """For enrolled operators, who must prove themselves by a code as well."""

    code = AnyCodeField()
