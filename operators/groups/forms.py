"""The form for the name of a group or a sub account."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import NameField
from accounts.plain_form import PlainForm
from accounts.text import isolated


class GroupNameForm(PlainForm):
    """The name of a group, or of a sub account."""

    name = NameField(widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def refuse_taken(self) -> None:
        name = self.cleaned_data["name"]
        message = _("The name “%(name)s” is taken. Choose another one.")
        self.add_error("name", ValidationError(message, code="taken", params={"name": isolated(name)}))
