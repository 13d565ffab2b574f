"""Tells a template whether the account depends on the reader's phone alone: {% only_phone as alone %}."""

from typing import Any

from django import template

from operators.administrators import is_sole_way_in

register = template.Library()


@register.simple_tag(takes_context=True)
def only_phone(context: dict[str, Any]) -> bool:
    return is_sole_way_in(context["request"].user)
