"""Is this an email address, and in which form is it looked up?"""

import unicodedata
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.durations import duration
from accounts.forms import NewPasswordForm
from accounts.models import TEXT_LENGTH
from accounts.plain_form import BoundedField, PlainForm
from operators.models import normalize_email
from twofactor.forms import AnyCodeField

# Control, invisible and line-breaking characters; Django allows some of them between quotation marks.
REFUSED_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
# RFC 5321, 4.5.3.1, and RFC 1035, 2.3.4.
LOCAL_LENGTH, DOMAIN_LENGTH, LABEL_LENGTH = 64, 253, 63


class AddressField(BoundedField, forms.EmailField):
    """An email address in the one form in which addresses are stored."""

    default_error_messages: ClassVar[dict[str, Any]] = {"required": _("Type an email address.")}

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"autocomplete": "email", "autocapitalize": "off", "spellcheck": "false"}
        defaults = {"label": _("Email"), "max_length": TEXT_LENGTH, "widget": forms.EmailInput(attrs=attrs)}
        super().__init__(**{**defaults, **kwargs})

    def to_python(self, value: object) -> str:
        """Normalize before anything is checked: small letters may be more characters than capital ones."""
        return normalize_email(super().to_python(value) or "")

    def validate(self, value: str) -> None:
        """Refuse what nobody sees: two addresses that look alike must be alike."""
        super().validate(value)
        if any(unicodedata.category(char) in REFUSED_CATEGORIES for char in value):
            raise ValidationError(_("Remove the invisible characters from the address."), code="control")
        local, _at, domain = value.rpartition("@")
        if len(local) > LOCAL_LENGTH:
            raise ValidationError(
                _("No email can be sent to that address. Check the part before the @: it is too long."),
                code="local",
            )
        if not _is_domain(domain):
            raise ValidationError(
                _("No email can be sent to that address. Check the part after the @."), code="domain"
            )


def _is_domain(name: str) -> bool:
    """Whether a name can be written as mail servers need it, each part within its 63 letters."""
    # First, as the time that IDNA takes grows with the square of a label's length.
    if len(name) > DOMAIN_LENGTH or any(len(label) > LABEL_LENGTH for label in name.split(".")):
        return False
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


class LinkForm(PlainForm):
    """To which address a password reset link is sent."""

    email = AddressField(
        widget=forms.EmailInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "off",
                "spellcheck": "false",
                "autofocus": True,
            }
        )
    )

    def refuse_for(self, seconds: int) -> None:
        """Say how long this network address gets no further email."""
        text = _("Too many links were asked for from your network address. Wait %(wait)s, then try again.")
        self.add_error("email", ValidationError(text, code="wait", params={"wait": duration(seconds)}))


class NewPasswordAndCodeForm(NewPasswordForm):
    """A new password, and a code that proves who chooses it."""

    code = AnyCodeField()
