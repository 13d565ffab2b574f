"""The two-factor status of an operator as a badge, for every template: {% status_badge operator.status %}."""

from django import template
from django.utils.html import format_html

from operators.badges import STATUS_LABELS, STATUS_TONES
from operators.status import Status

register = template.Library()


@register.simple_tag
def status_badge(status: Status) -> str:
    """Return the badge of a status."""
    return format_html('<span class="status is-{}">{}</span>', STATUS_TONES[status], STATUS_LABELS[status])
