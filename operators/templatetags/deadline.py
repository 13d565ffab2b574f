"""The days left to set it up, on every page: {% deadline_banner %}. Costs no query."""

from typing import Any

from django import template
from django.utils import timezone

from accounts.days import days_left, in_words

register = template.Library()


@register.inclusion_tag("operators/reminders/_deadline_banner.html", takes_context=True)
def deadline_banner(context: dict[str, Any]) -> dict[str, Any]:
    """Empty for operators who have set it up or need not."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated or user.is_enrolled:
        return {}
    starts_at = user.effective.starts_at
    if starts_at is None:
        return {}
    return {"user": user, "day": in_words(starts_at), "days": days_left(starts_at, timezone.now())}
