"""The base of the product's forms: what is said beside a field that is empty, and where typing begins."""

import logging
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

NULL = "null_characters_not_allowed"
UNSEEN = {NULL: _("Remove the characters that cannot be seen.")}
DJANGOS_REQUIRED = forms.Field.default_error_messages["required"]
# What no page of ours offers, and a browser sends only by somebody's own doing, or from a page of long ago.
NOT_OFFERED = {"invalid_choice", "invalid_list", "invalid_pk_value", "max_length", NULL}

logger = logging.getLogger(__name__)


class BoundedField(forms.CharField):
    """A text whose length is looked at before anything else is done with it.

    Django tells last that a text is too long; by then it was taken apart, normalized and searched, which
    takes seconds for one of a megabyte.
    """

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def clean(self, value: Any) -> Any:
        typed = value or ""
        try:
            MaxLengthValidator(self.max_length)(typed.strip() if self.strip else typed)
        except ValidationError as error:
            raise ValidationError(
                self.error_messages.get("max_length", error.message), code=error.code, params=error.params
            ) from error
        return super().clean(value)


class PlainForm(forms.Form):
    """A form whose messages say what to do, also where its fields have none of their own."""

    # The field in which typing begins on a page that is there for this form.
    autofocus: ClassVar[str] = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if field.error_messages["required"] is DJANGOS_REQUIRED:
                field.error_messages["required"] = _what_to_do(field)
            field.error_messages = {**UNSEEN, **field.error_messages}
        if self.autofocus:
            self.fields[self.autofocus].widget.attrs["autofocus"] = True

    def full_clean(self) -> None:
        """Logs a value that the form does not offer (OWASP ASVS 5.0, 16.3.3)."""
        super().full_clean()
        for name, errors in self.errors.as_data().items():
            if codes := {error.code for error in errors} & NOT_OFFERED:
                # Not what was sent: it may be a password.
                what = (type(self).__name__, name, ", ".join(sorted(map(str, codes))))
                logger.warning("%s was sent what it does not offer: %s, %s", *what)


def _what_to_do(field: forms.Field) -> Any:
    if isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
        return _("Choose one of these.")
    return _("Fill in this field.")
