"""From when on two-factor authentication is required: {% account_deadline account as deadline %}."""

from django import template
from django.utils import timezone
from django.utils.translation import ngettext

from accounts.days import days_left, in_words
from accounts.models import Account

register = template.Library()


@register.simple_tag
def account_deadline(account: Account) -> str:
    now = timezone.now()
    starts_at = account.rule.as_of(now).required_from
    if starts_at is None:
        return ""
    left = days_left(starts_at, now)
    text = ngettext(
        "Two-factor authentication is required from %(day)s on: %(left)d day left.",
        "Two-factor authentication is required from %(day)s on: %(left)d days left.",
        left,
    )
    return text % {"day": in_words(starts_at), "left": left}
