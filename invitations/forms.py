"""What a person types to accept an invitation, or to prove the password at the setup link."""

from typing import Any

from django import forms
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.durations import duration
from accounts.forms import NameField, NewPasswordForm, PasswordField, check_new_password
from accounts.person import Person
from accounts.plain_form import PlainForm


class PasswordForm(PlainForm):
    autofocus = "password"

    password = PasswordField(label=_("Password"), autocomplete="current-password")

    def refuse_for(self, seconds: int) -> None:
        text = _("Too many tries. Wait %(wait)s, then type your password.")
        self.add_error("password", ValidationError(text, code="wait", params={"wait": duration(seconds)}))


class AcceptForm(PlainForm):
    autofocus = "name"

    name = NameField(widget=forms.TextInput(attrs={"autocomplete": "name"}))
    new_password = NewPasswordForm.base_fields["new_password"]
    new_password_again = NewPasswordForm.base_fields["new_password_again"]

    def __init__(self, *args: Any, operator: Person, **kwargs: Any) -> None:
        super().__init__(*args, initial={"name": operator.name}, **kwargs)
        self.operator = operator

    def clean(self) -> None:
        check_new_password(self, self.operator)

    def details(self) -> dict[str, str]:
        return {
            "name": self.cleaned_data["name"],
            "password_hash": make_password(self.cleaned_data["new_password"]),
        }
