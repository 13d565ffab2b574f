"""How forms are drawn: their fields and plain inputs here, everything else by templates/django/forms/.

Django draws a field by six templates, one inside the other: more work than all the rest of a login page.
"""

from typing import Any

from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

KINDS = ("text", "email", "password", "hidden", "number", "date", "checkbox")
NOTHING = SafeString("")
INPUTS = {f"django/forms/widgets/{kind}.html" for kind in KINDS}
SELECT = "django/forms/widgets/select.html"


class DrawnField(BoundField):
    """One field: label, control, help, errors. The ids are those to which Django points aria-describedby."""

    def as_field_group(self) -> SafeString:
        return self._group("")

    def with_hidden_label(self) -> SafeString:
        """Return it with a label for screen readers only, because a heading above says the same."""
        return self._group("visually-hidden")

    def _group(self, label_class: str) -> SafeString:
        kind = getattr(self.field.widget, "input_type", "")
        has_error = " has-error" if self.errors else ""
        notes = self._help() + self._errors()
        if self.use_fieldset:
            # A group of choices has its help and errors before the options, where they are read first.
            listed = " check-list" if kind in ("checkbox", "radio") else ""
            described = _given(**{"aria-describedby": self.aria_describedby})
            begin = format_html('<fieldset class="field{}{}"{}>', listed, has_error, described)
            legend = self._label("legend", **{"class": label_class})
            return format_html("{}\n{}{}{}\n</fieldset>", begin, legend, notes, self)
        label = self._label("label", **{"for": self.id_for_label, "class": label_class})
        if kind == "checkbox":
            return format_html('<div class="field choice{}">\n{}\n{}{}</div>', has_error, self, label, notes)
        return format_html('<div class="field{}">\n{}{}\n{}</div>', has_error, label, self, notes)

    def _label(self, tag: str, **attributes: str) -> SafeString:
        if not self.label:
            return NOTHING
        return format_html("<{0}{1}>{2}</{0}>\n", tag, _given(**attributes), self.label)

    def _help(self) -> SafeString:
        if not self.help_text:
            return NOTHING
        return format_html('<div class="field-help"{}>{}</div>\n', self._id("helptext"), self.help_text)

    def _errors(self) -> SafeString:
        if not self.errors:
            return NOTHING
        lines = format_html_join(
            "", "<div><strong>{}</strong> {}</div>", ((_("Error:"), error) for error in self.errors)
        )
        return format_html('<div class="field-error"{}>{}</div>\n', self._id("error"), lines)

    def _id(self, part: str) -> SafeString:
        return _given(id=self.auto_id and f"{self.auto_id}_{part}")


class FormRenderer(TemplatesSetting):
    """Draws forms as the setting TEMPLATES says, but for fields, inputs and lists of choices."""

    bound_field_class = DrawnField

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        if template_name in INPUTS:
            return _input(context["widget"])
        if template_name == SELECT and not any(
            name for name, _options, _index in context["widget"]["optgroups"]
        ):
            return _select(context["widget"])
        return super().render(template_name, context, request)


def _input(widget: dict[str, Any]) -> str:
    """Return what Django's own template (django/forms/widgets/input.html) makes of a widget."""
    value = {} if widget["value"] is None else {"value": widget["value"]}
    attributes = {"type": widget["type"], "name": widget["name"], **value, **widget["attrs"]}
    return f"<input{_attributes(attributes)}>"


def _select(widget: dict[str, Any]) -> str:
    """Return the same of a list of choices that are in no groups (django/forms/widgets/select.html)."""
    options = "".join(
        f"\n  <option{_attributes({'value': str(option['value']), **option['attrs']})}>"
        f"{conditional_escape(option['label'])}</option>\n"
        for _name, group, _index in widget["optgroups"]
        for option in group
    )
    return f"<select{_attributes({'name': widget['name'], **widget['attrs']})}>{options}\n</select>"


def _given(**attributes: str | None) -> SafeString:
    return format_html_join("", ' {}="{}"', ((name, value) for name, value in attributes.items() if value))


def _attributes(attributes: dict[str, Any]) -> str:
    """Return attributes; their names are ones that stand in the code."""
    return "".join(
        f" {name}" if value is True else f' {name}="{conditional_escape(value)}"'
        for name, value in attributes.items()
        if value is not False
    )
