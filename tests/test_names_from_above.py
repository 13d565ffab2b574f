"""What the lower apps name of `operators`, by a string that no contract of imports sees: fewer are better."""

import re
from pathlib import Path

from django.conf import settings

LOWER = ("accounts", "invitations", "twofactor")
NAME = re.compile(r"\boperators:[\w-]+|\boperators/[\w/]+\.html")
LOADED = re.compile(r"{% load ([\w ]+) %}")
# Of what Django has a setting for, that is used: LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL.
LOG_OUT = "Django has no setting for the address that logs out."
NEW_PASSWORD = "Whoever has forgotten the password asks for a link where passwords are changed."
EXPECTED = {
    "accounts/mail/not_me.py": {"operators:not-me": "The link in all notices; what it freezes is a login."},
    "accounts/views.py": {"operators:policy-preview": "Only there it is known whom a policy affects."},
    "invitations/dead_link.py": {"operators:password-reset": NEW_PASSWORD},
    "invitations/link_mail.py": {
        "operators:password-reset-link": "A link of this purpose leads there; all links are made here.",
        "operators:email-link": "The same.",
    },
    "templates/accounts/settings.html": {
        "unprotected": "The page of the account has a card about its sessions,",
        "operators/people/_only_phone_card.html": "and one about its only administrator.",
    },
    "templates/invitations/check_email.html": {"operators:logout": LOG_OUT},
    "templates/invitations/setup.html": {"operators:logout": LOG_OUT},
    "templates/invitations/setup_password.html": {"operators:password-reset": NEW_PASSWORD},
    "templates/twofactor/late_code.html": {"operators:logout": LOG_OUT},
    "templates/twofactor/recovery_reminder.html": {"administration": "Says who is the only administrator."},
    "templates/twofactor/verify.html": {"operators:logout": LOG_OUT},
}


def names_in(path: Path) -> set[str]:
    text = path.read_text()
    tags = {tag.stem for tag in (settings.BASE_DIR / "operators" / "templatetags").glob("*.py")}
    loaded = {library for found in LOADED.findall(text) for library in found.split()}
    return {*NAME.findall(text), *(loaded & tags)}


def test_the_lower_apps_name_nothing_else_of_operators():
    folders = [settings.BASE_DIR / place / app for app in LOWER for place in ("", "templates")]
    files = [
        path for folder in folders for path in folder.rglob("*.*") if path.suffix in {".py", ".html", ".txt"}
    ]
    named = {str(path.relative_to(settings.BASE_DIR)): names_in(path) for path in files}
    expected = {path: set(reasons) for path, reasons in EXPECTED.items()}
    assert {path: names for path, names in named.items() if names} == expected
