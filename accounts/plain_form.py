"""The base of the product's forms: what is said beside a field that is empty, and where typing begins."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

UNSEEN = {"null_characters_not_allowed": _("Remove the characters that cannot be seen.")}
DJANGOS_REQUIRED = forms.Field.default_error_messages["required"]


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
