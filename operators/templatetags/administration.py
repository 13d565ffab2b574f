"""Whether the reader's phone is all that an account has, for every template: {% only_phone as alone %}."""

from typing import Any

from django import template

from operators.administrators import is_sole_way_in

register = template.Library()


@register.simple_tag(takes_context=True)
def only_phone(context: dict[str, Any]) -> bool:
    """Return whether nobody could administer the account without the reader's phone."""
    return is_sole_way_in(context["request"].user)
