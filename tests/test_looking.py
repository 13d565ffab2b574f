"""Looking changes nothing: no GET and no HEAD of any page writes more than who looked, and how often."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.mail import not_me
from accounts.models import AuditEntry
from accounts.policy import Policy
from invitations.models import Link
from tests.support.address_table import LOGIN, POST_ONLY, TABLE, number_in, url_of
from tests.support.factories import PASSWORD, make_operator, signed_in
from twofactor import key_check

WRITES = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO) "?(\w+)', re.IGNORECASE)
# A session notes when it was used and which link was opened in it, a limit counts, and the ledger of links
# notes that one was opened.
NOTES = {"operators_session", "accounts_tally", "invitations_linkrecord"}
LOOKED_AT = sorted(set(TABLE) - POST_ONLY)
METHODS = ("get", "head")


def written(browser: Client, url: str) -> set[str]:
    """Return the tables that a look at a page, and at where it led to, has written to, beside the notes."""
    with CaptureQueriesContext(connection) as queries:
        for method in METHODS:
            getattr(browser, method)(url, follow=True)
    found = (WRITES.match(query["sql"]) for query in queries)
    return {match[1] for match in found if match} - NOTES


@pytest.mark.parametrize("name", LOOKED_AT)
def test_looking_changes_nothing(account, admin, operator, name):
    key_check.verify()  # asked once in an installation, and kept
    about = number_in(name, account) if "pk" in TABLE[name] else operator.pk
    for browser in (Client(), signed_in(operator), signed_in(admin)):
        for number in (about, admin.pk):
            assert not written(browser, url_of(name, number))
    assert not AuditEntry.objects.exists()


@pytest.mark.thorough
@pytest.mark.parametrize("enrolled", [True, False])
def test_neither_does_it_between_password_and_session(account, enrolled):
    key_check.verify()
    operator = make_operator(account, enrolled=enrolled, override=Policy.REQUIRED)
    browser = Client()
    browser.post(LOGIN, {"email": operator.email, "password": PASSWORD})
    before = AuditEntry.objects.count()
    for name in LOOKED_AT:
        assert not written(browser, url_of(name, operator.pk)), name
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    ("purpose", "name"),
    [
        (Link.Purpose.SETUP, "invitations:setup-link"),
        (Link.Purpose.INVITATION, "invitations:invitation-link"),
        (Link.Purpose.PASSWORD_RESET, "operators:password-reset-link"),
        (Link.Purpose.EMAIL, "operators:email-link"),
    ],
)
def test_neither_does_following_a_link(account, purpose, name):
    key_check.verify()
    operator = make_operator(account, invited=purpose == Link.Purpose.INVITATION)
    token = Link.issue(operator, purpose, operator.email)
    url = url_of(name).replace("token", token)
    assert not written(Client(), url)
    assert not AuditEntry.objects.exists()


def test_neither_does_a_look_at_this_was_not_me(operator):
    assert not written(Client(), not_me.url_for(operator.pk).removeprefix("http://testserver"))
