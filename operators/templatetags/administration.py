"""Whether the reader's phone is all that an account has, for every template: {% only_phone as alone %}."""

from typing import Any

from django import template

from operators.administrators import hangs_on_one_phone

register = template.Library()


@register.simple_tag(takes_context=True)
def only_phone(context: dict[str, Any]) -> bool:
    """Return whether nobody could administer the account without the reader's phone."""
    return hangs_on_one_phone(context["request"].user)
