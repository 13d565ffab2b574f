"""The base of the product's forms: what is said beside a field that is empty, and where typing begins."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

UNSEEN = {"null_characters_not_allowed": _("Remove the characters that cannot be seen.")}
DJANGOS_REQUIRED = forms.Field.default_error_messages["required"]


class BoundedField(forms.CharField):
    """A text whose length is looked at before anything else is done with it.

    Django tells last that a text is too long; by then it was taken apart, normalized and searched, which
    takes seconds for one of a megabyte.
    """

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def clean(self, value: Any) -> Any:
        """Refuse what is too long, then what the kind of text refuses."""
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


def _what_to_do(field: forms.Field) -> Any:
    """Return what to do with a field that must not be empty."""
    if isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
        return _("Choose one of these.")
    return _("Fill in this field.")
