"""How many days the reader has left, for every page: {% deadline_banner %}. Costs no query."""

from typing import Any

from django import template
from django.utils import timezone

from accounts.deadline import days_left, in_words

register = template.Library()


@register.inclusion_tag("operators/_deadline_banner.html", takes_context=True)
def deadline_banner(context: dict[str, Any]) -> dict[str, Any]:
    """Return the day and the days left, nothing for whoever has set it up or need not."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated or user.is_enrolled:
        return {}
    starts_at = user.effective.starts_at
    if starts_at is None:
        return {}
    return {"user": user, "day": in_words(starts_at), "days": days_left(starts_at, timezone.now())}
