"""What an administrator does to act on many operators at once."""

import re

from django.urls import reverse

BULK = reverse("operators:bulk")


def chosen(kind, operators, **more):
    return {"kind": kind, "operator": [operator.pk for operator in operators], **more}


def found_in(page, pattern):
    match = re.search(pattern, page)
    assert match
    return match.group(1)


def fields_of(page):
    """Return what the confirmation of this preview would send."""
    return {name: found_in(page, rf'name="{name}" value="([^"]+)"') for name in ("key", "counted", "shown")}


def confirm(browser, data, **typed):
    page = browser.get(BULK, data).text
    return browser.post(BULK, {**data, **fields_of(page), **typed})
