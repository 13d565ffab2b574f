"""Draws the fields, inputs and lists of choices of forms; templates/django/forms/ draw everything else.

Django draws a field by six templates, one inside the other: more work than all the rest of a login page.
Whatever is returned here, Django takes for HTML: each value is escaped where it is put in.
"""

from collections.abc import Callable
from typing import Any

from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

Context = dict[str, Any]

HIDDEN = SafeString(' class="visually-hidden"')


class DrawnField(BoundField):
    """A field that can be drawn with a label for screen readers alone, and in the line over a list."""

    def with_hidden_label(self) -> SafeString:
        """For screen readers only, because a heading above says the same."""
        return self.render(context={"field": self, "label_class": "visually-hidden"})

    def as_filter(self) -> SafeString:
        kind = self.field.widget.input_type
        own_class = "" if kind == "select" else f" filter-{kind}"
        hidden = "" if kind in ("date", "checkbox") else HIDDEN
        label = format_html('<label{} for="{}">{}</label>', hidden, self.id_for_label, self.label)
        first, second = (self, label) if kind == "checkbox" else (label, self)
        return format_html('<span class="filter{}">\n{}\n{}\n</span>\n', own_class, first, second)


class FormRenderer(TemplatesSetting):
    """Draws what is written below, and everything else by the setting TEMPLATES."""

    bound_field_class = DrawnField

    def render(self, template_name: str, context: Context, request: HttpRequest | None = None) -> str:
        draw = DRAWN.get(template_name)
        drawn = draw(context) if draw else None
        return super().render(template_name, context, request) if drawn is None else drawn


def _form(context: Context) -> str:
    parts = [context["errors"] or "", *(field.as_field_group() for field, _errors in context["fields"])]
    return "".join(map(str, [*parts, *context["hidden_fields"]]))


def _field(context: Context) -> str:
    """The ids are those to which Django points aria-describedby."""
    field: BoundField = context["field"]
    kind = getattr(field.field.widget, "input_type", "")
    has_error = " has-error" if field.errors else ""
    label_class = context.get("label_class")
    if field.use_fieldset:
        # A group of choices has its help and errors before the options, where they are read first.
        listed = " check-list" if kind in ("checkbox", "radio") else ""
        described = _given("aria-describedby", field.aria_describedby)
        legend = _label(field, "legend", _given("class", label_class))
        inside = f"{legend}{_help(field)}{_errors(field)}{field}\n"
        return f'<fieldset class="field{listed}{has_error}"{described}>\n{inside}</fieldset>'
    label = _label(field, "label", _given("for", field.id_for_label) + _given("class", label_class))
    if kind == "checkbox":
        inside = f"{field}\n{label}{_help(field)}{_errors(field)}"
        return f'<div class="field choice{has_error}">\n{inside}</div>'
    return f'<div class="field{has_error}">\n{label}{field}\n{_help(field)}{_errors(field)}</div>'


def _label(field: BoundField, tag: str, attributes: str) -> str:
    return f"<{tag}{attributes}>{conditional_escape(field.label)}</{tag}>\n" if field.label else ""


def _help(field: BoundField) -> str:
    if not field.help_text:
        return ""
    return f'<div class="field-help"{_id(field, "helptext")}>{conditional_escape(field.help_text)}</div>\n'


def _errors(field: BoundField) -> str:
    if not field.errors:
        return ""
    lines = (
        f"<div><strong>{_('Error:')}</strong> {conditional_escape(str(each))}</div>" for each in field.errors
    )
    return f'<div class="field-error"{_id(field, "error")}>{"".join(lines)}</div>\n'


def _id(field: BoundField, part: str) -> str:
    return _given("id", field.auto_id and f"{field.auto_id}_{part}")


def _input(context: Context) -> str:
    """As Django's own template, django/forms/widgets/input.html."""
    widget = context["widget"]
    value = {} if widget["value"] is None else {"value": widget["value"]}
    attributes = {"type": widget["type"], "name": widget["name"], **value, **widget["attrs"]}
    return f"<input{_attributes(attributes)}>"


def _select(context: Context) -> str | None:
    """As django/forms/widgets/select.html; None if the choices are in groups."""
    widget = context["widget"]
    if any(name for name, _options, _index in widget["optgroups"]):
        return None
    options = "".join(
        f'\n  <option value="{conditional_escape(str(option["value"]))}"{_attributes(option["attrs"])}>'
        f"{conditional_escape(option['label'])}</option>\n"
        for _name, group, _index in widget["optgroups"]
        for option in group
    )
    return f"<select{_attributes({'name': widget['name'], **widget['attrs']})}>{options}\n</select>"


def _given(name: str, value: str | None) -> str:
    return _attributes({name: value}) if value else ""


def _attributes(attributes: Context) -> str:
    """Names of attributes come from the code, and are not escaped."""
    return "".join(
        f" {name}" if value is True else f' {name}="{conditional_escape(value)}"'
        for name, value in attributes.items()
        if value is not False
    )


KINDS = ("text", "email", "password", "hidden", "number", "date", "checkbox")
INPUTS = {f"django/forms/widgets/{kind}.html" for kind in KINDS}
DRAWN: dict[str, Callable[[Context], str | None]] = {
    **dict.fromkeys(INPUTS, _input),
    "django/forms/widgets/select.html": _select,
    TemplatesSetting.field_template_name: _field,
    TemplatesSetting.form_template_name: _form,
}
