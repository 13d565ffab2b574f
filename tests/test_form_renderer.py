"""Is an input that is drawn without a template the one that Django's templates draw?"""

import pytest
from django import forms
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from uptrends_2fa.form_renderer import INPUTS, FormRenderer

WIDGETS = [
    forms.TextInput,
    forms.EmailInput,
    forms.PasswordInput,
    forms.HiddenInput,
    forms.NumberInput,
    forms.DateInput,
    forms.CheckboxInput,
]
ATTRIBUTES = {
    "nothing": {},
    "switches": {"required": True, "disabled": False, "autofocus": True},
    "numbers": {"maxlength": 10_000, "data-part": 0.5},
    "a lazy text": {"title": gettext_lazy("Log in")},
    "what must be escaped": {"title": """<b>"&'"""},
    "what is escaped already": {"title": mark_safe("&lt;b&gt;")},
    "none": {"data-none": None},
}


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
@pytest.mark.parametrize("value", [None, "", "olga@example.com", """<script>"'&""", 1234567, True, False])
@pytest.mark.parametrize("widget", WIDGETS)
def test_an_input_is_as_django_draws_it(widget, value, attributes):
    of_django, ours = (
        widget(attrs={"id": "id_field", **attributes}).render("field", value, renderer=renderer)
        for renderer in (TemplatesSetting(), FormRenderer())
    )
    assert ours == of_django


def test_all_kinds_that_are_drawn_so_are_compared():
    assert {widget.template_name for widget in WIDGETS} == INPUTS


def test_whatever_else_there_is_has_a_template():
    drawn = forms.Textarea().render("field", "two\nlines", renderer=FormRenderer())
    assert drawn.startswith("<textarea")
