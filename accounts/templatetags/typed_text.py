"""How a name stands beside other text, turning nothing round; every template has these filters.

In sentences of a page that is the element `<bdi>`; these are for where it cannot stand or does not do.
"""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.text import isolated

register = template.Library()
register.filter("isolated", isolated)  # in titles, attributes and plain text


@register.filter
def apart(label: str) -> SafeString:
    """One isolation for "Name (address)" as a whole would take the name's direction."""
    name, opening, address = label.rpartition(" (")
    if opening and "@" in address and address.endswith(")"):
        return format_html("<bdi>{}</bdi> (<bdi>{}</bdi>)", name, address[:-1])
    return format_html("<bdi>{}</bdi>", label)
