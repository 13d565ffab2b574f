"""The form field for email addresses, in the form in which they are stored and looked up."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.addresses import (
    LONGEST_LOCAL,
    NoDomainError,
    address_within,
    domain_in_ascii,
    impossible_letter,
    normalize_email,
)
from accounts.models import TEXT_LENGTH
from accounts.plain_form import BoundedField
from accounts.text import named, unseen

TAKEN = _("An operator of this account has that address already.")


class AddressField(BoundedField, forms.EmailField):
    default_error_messages: ClassVar[dict[str, Any]] = {"required": _("Type an email address.")}

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"autocomplete": "email", "autocapitalize": "off", "spellcheck": "false"}
        defaults = {"label": _("Email"), "max_length": TEXT_LENGTH, "widget": forms.EmailInput(attrs=attrs)}
        super().__init__(**{**defaults, **kwargs})

    def to_python(self, value: object) -> str:
        typed = super().to_python(value) or ""
        # Errors in the text itself come first: the normalized form no longer shows them.
        _refuse_non_address(typed)
        # Before lengths are checked: the stored form may be longer than what was typed.
        return normalize_email(typed)

    def validate(self, value: str) -> None:
        super().validate(value)
        local, _at, domain = value.rpartition("@")
        # Lengths before anything that takes time.
        if len(local) > LONGEST_LOCAL:
            text = _("No email can be sent to that address. Check the part before the @: it is too long.")
            raise ValidationError(text, code="local")
        try:
            domain_in_ascii(domain)
        except NoDomainError as error:
            text = _("No email can be sent to that address. Check the part after the @.")
            raise ValidationError(text, code="domain") from error


def _refuse_non_address(typed: str) -> None:
    """Raise ValidationError for invisible characters, text around the address, and letters no address has."""
    if hidden := next(filter(unseen, typed), ""):
        text = _("Remove an invisible character from the address: %(character)s.")
        raise ValidationError(text, code="control", params={"character": named(hidden)})
    if inner := address_within(typed):
        raise ValidationError(
            _("Type the address alone, with nothing around it: %(email)s"),
            code="around",
            params={"email": inner},
        )
    if letter := impossible_letter(typed):
        text = _("Here is a letter that email addresses cannot have: %(letter)s (%(character)s).")
        raise ValidationError(text, code="letter", params={"letter": letter, "character": named(letter)})
