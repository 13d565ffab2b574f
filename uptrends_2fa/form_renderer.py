"""Forms are drawn by templates/django/forms/, and plain inputs without a template.

Django draws an input by three templates, one inside the other, and its attributes in a loop: more work than
all the rest of a login page.
"""

from typing import Any

from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.html import conditional_escape

KINDS = ("text", "email", "password", "hidden", "number", "date", "checkbox")
INPUTS = {f"django/forms/widgets/{kind}.html" for kind in KINDS}


class FormRenderer(TemplatesSetting):
    """Draws forms as the setting TEMPLATES says."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """Return the HTML."""
        if template_name in INPUTS:
            return _input(context["widget"])
        return super().render(template_name, context, request)


def _input(widget: dict[str, Any]) -> str:
    """Return what Django's own template (django/forms/widgets/input.html) makes of a widget."""
    value = {} if widget["value"] is None else {"value": widget["value"]}
    attributes = {"type": widget["type"], "name": widget["name"], **value, **widget["attrs"]}
    return f"<input{''.join(_attribute(*each) for each in attributes.items() if each[1] is not False)}>"


def _attribute(name: str, value: Any) -> str:
    """Return an attribute; its name is one that stands in the code."""
    return f" {name}" if value is True else f' {name}="{conditional_escape(value)}"'
