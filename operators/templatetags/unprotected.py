"""Offers administrators to end sessions without a second factor: {% unprotected_sessions %}."""

from typing import Any

from django import template

from operators.signin import unprotected_sessions as unprotected

register = template.Library()


@register.inclusion_tag("operators/signin/_unprotected_card.html", takes_context=True)
def unprotected_sessions(context: dict[str, Any]) -> dict[str, Any]:
    request = context["request"]
    return {"counts": unprotected.count(request.user.account, request.session.session_key)}
