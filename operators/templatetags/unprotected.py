"""The offer to end sessions without a second factor, for administrators: {% unprotected_sessions %}."""

from typing import Any

from django import template

from operators.signin import unprotected_sessions as unprotected

register = template.Library()


@register.inclusion_tag("operators/signin/_unprotected_card.html", takes_context=True)
def unprotected_sessions(context: dict[str, Any]) -> dict[str, Any]:
    """Return how many there are, the reader's own session left out."""
    request = context["request"]
    return {"found": unprotected.count(request.user.account, request.session.session_key)}
