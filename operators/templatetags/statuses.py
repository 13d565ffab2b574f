"""The two-factor status of an operator, and why.

{% status_badge operator.status %}, {% explained operator as why %} {{ why.sentence }}
"""

from django import template
from django.utils.html import format_html

from operators.models import Operator
from operators.rules.status import Status
from operators.status.explanation import Explanation, explain
from operators.status.labels import STATUS_LABELS, STATUS_TONES

register = template.Library()


@register.simple_tag
def status_badge(status: Status) -> str:
    return format_html('<span class="status is-{}">{}</span>', STATUS_TONES[status], STATUS_LABELS[status])


@register.simple_tag
def explained(operator: Operator) -> Explanation:
    return explain(operator)
