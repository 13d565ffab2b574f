"""What an administrator does to invite many people from a table."""

import re

from django.urls import reverse

CHECK = reverse("operators:invite-many")
CONFIRM = reverse("operators:invite-many-confirm")


def confirm(browser, text):
    page = browser.post(CHECK, {"text": text}).text
    found = {name: re.search(rf'name="{name}" value="([^"]+)"', page) for name in ("key", "counted", "shown")}
    fields = {name: match.group(1) for name, match in found.items() if match}
    return browser.post(CONFIRM, {"text": text, **fields})
