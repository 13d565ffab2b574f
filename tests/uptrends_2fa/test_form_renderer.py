"""Are forms drawn as they should be, and inputs as Django's own templates draw them?"""

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from accounts.plain_form import BoundedField
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


CHOICES = [("", gettext_lazy("Log in")), ("a", """<b>"&'"""), (7, mark_safe("&lt;b&gt;")), (None, "None")]


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
@pytest.mark.parametrize("value", [None, "", "a", 7, "7", "b"])
@pytest.mark.parametrize("choices", [[], CHOICES, [("Group", CHOICES), ("c", "C")]])
def test_a_list_of_choices_is_as_django_draws_it(choices, value, attributes):
    of_django, ours = (
        forms.Select(choices=choices, attrs=attributes).render("field", value, renderer=renderer)
        for renderer in (TemplatesSetting(), FormRenderer())
    )
    assert ours == of_django


def test_whatever_else_there_is_has_a_template():
    drawn = forms.Textarea().render("field", "two\nlines", renderer=FormRenderer())
    assert drawn.startswith("<textarea")


class Sample(forms.Form):
    """A field of each kind."""

    line = BoundedField(max_length=9, label="Line & more", help_text=mark_safe("Some <b>help</b>."))
    one = forms.ChoiceField(choices=[("x", "X")], widget=forms.RadioSelect, help_text="Choose <one>.")
    several = forms.MultipleChoiceField(choices=[("x", "X")], widget=forms.CheckboxSelectMultiple)
    moments = forms.SplitDateTimeField(required=False)
    tick = forms.BooleanField()
    nameless = BoundedField(max_length=9, label="", required=False)


def drawn(name, data=None, **options):
    field = Sample(data, **options)[name]
    return field.as_field_group().replace(str(field), "[control]")


def test_a_line_has_its_label_control_help_and_errors():
    assert drawn("line") == (
        '<div class="field">\n<label for="id_line">Line &amp; more</label>\n[control]\n'
        '<div class="field-help" id="id_line_helptext">Some <b>help</b>.</div>\n</div>'
    )
    assert drawn("line", {}) == (
        '<div class="field has-error">\n<label for="id_line">Line &amp; more</label>\n[control]\n'
        '<div class="field-help" id="id_line_helptext">Some <b>help</b>.</div>\n'
        '<div class="field-error" id="id_line_error">'
        "<div><strong>Error:</strong> This field is required.</div></div>\n</div>"
    )


def test_choices_have_help_and_errors_before_them():
    assert drawn("one", {}) == (
        '<fieldset class="field check-list has-error" aria-describedby="id_one_helptext id_one_error">\n'
        '<legend>One</legend>\n<div class="field-help" id="id_one_helptext">Choose &lt;one&gt;.</div>\n'
        '<div class="field-error" id="id_one_error">'
        "<div><strong>Error:</strong> This field is required.</div></div>\n[control]\n</fieldset>"
    )
    assert drawn("several").startswith('<fieldset class="field check-list">\n<legend>Several</legend>')
    assert drawn("moments").startswith('<fieldset class="field">\n<legend>Moments</legend>')


def test_the_label_of_a_tick_comes_behind_it():
    label = '<label for="id_tick">Tick</label>'
    assert drawn("tick") == f'<div class="field choice">\n[control]\n{label}\n</div>'


def test_what_has_no_label_or_no_id_says_so_nowhere():
    assert drawn("nameless") == '<div class="field">\n[control]\n</div>'
    assert drawn("line", {}, auto_id=False).count("id=") == 0


def test_a_label_may_be_for_screen_readers_alone():
    label = '<label for="id_line" class="visually-hidden">Line &amp; more</label>'
    assert label in Sample()["line"].with_hidden_label()


def test_over_a_list_are_labels_and_controls_alone():
    def filters(name):
        field = Sample()[name]
        return field.as_filter().replace(str(field), "[control]")

    hidden = '<label class="visually-hidden" for="id_line">Line &amp; more</label>'
    assert filters("line") == f'<span class="filter filter-text">\n{hidden}\n[control]\n</span>\n'
    label = '<label for="id_tick">Tick</label>'
    assert filters("tick") == f'<span class="filter filter-checkbox">\n[control]\n{label}\n</span>\n'


def test_what_somebody_types_is_escaped_in_the_error():
    class Refusing(forms.Form):
        line = BoundedField(max_length=9)

        def clean_line(self):
            raise ValidationError(self.cleaned_data["line"])

    form = Refusing({"line": "<script>"})
    assert "<div><strong>Error:</strong> &lt;script&gt;</div>" in form["line"].as_field_group()


def test_a_form_is_its_errors_its_fields_and_what_is_hidden():
    class Small(forms.Form):
        line = BoundedField(max_length=9)
        number = forms.IntegerField(widget=forms.HiddenInput)

        def clean(self):
            raise ValidationError("Not so.")

    form = Small({"line": "a", "number": 1})
    hidden = '<input type="hidden" name="number" value="1" id="id_number">'
    assert str(form) == f"{form.non_field_errors()}{form['line'].as_field_group()}{hidden}"
    assert "Not so." in form.non_field_errors()
    assert str(Small()) == str(Small()["line"].as_field_group()) + hidden.replace(' value="1"', "")
