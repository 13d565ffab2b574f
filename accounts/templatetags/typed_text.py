"""Names in titles, attributes and plain text, where `<bdi>` cannot stand; every template has this filter."""

from django import template

from accounts.text import isolated

register = template.Library()
register.filter("isolated", isolated)
