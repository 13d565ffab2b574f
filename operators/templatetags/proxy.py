"""Warns administrators, on every page, of a proxy that the server doesn't know of. Costs no query."""

from typing import Any

from django import template

from accounts.network import is_address_hidden

register = template.Library()


@register.inclusion_tag("operators/_proxy_banner.html", takes_context=True)
def proxy_banner(context: dict[str, Any]) -> dict[str, bool]:
    """Trust only the administrator's own request: a stranger's headers decide nothing."""
    request = context["request"]
    user = request.user
    return {"hidden": is_address_hidden(request) and user.is_authenticated and user.is_administrator}
