"""What a correct password leaves behind in the session and in the audit trail."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from invitations import opened_links
from invitations.models import Link
from operators.models import Operator
from tests.support.factories import PASSWORD, RECOVERY_CODES, code_for, make_operator
from twofactor.made_by import MadeBy


def log_in(browser: Client, operator) -> None:
    browser.post(reverse("operators:login"), {"email": operator.email, "password": PASSWORD})


def test_a_link_that_somebody_opened_before_does_not_stay_in_the_session(account, operator):
    invited = make_operator(account, invited=True)
    browser = Client()
    token = Link.issue(invited, Link.Purpose.INVITATION, invited.email)
    browser.get(reverse("invitations:invitation-link", args=[token]))
    assert opened_links.SESSION_KEY in browser.session
    log_in(browser, operator)
    assert "_auth_user_id" in browser.session
    assert opened_links.SESSION_KEY not in browser.session


def test_a_sign_in_that_needs_a_setup_link_is_in_the_trail_of_that_person(account):
    operator = make_operator(account, override=Policy.REQUIRED)
    log_in(Client(), operator)
    entry = AuditEntry.objects.get(action=Action.SIGN_IN_STOPPED)
    assert (entry.actor_id, entry.subject_id) == (operator.pk, operator.pk)


@pytest.mark.parametrize(("active", "action"), [(True, "sign_in_failed"), (False, "sign_in_refused")])
def test_the_trail_tells_a_wrong_password_from_one_that_may_not_sign_in(account, active, action):
    operator = make_operator(account, active=active)
    Client().post(reverse("operators:login"), {"email": operator.email, "password": "wrong"})
    assert [(entry.action, entry.subject_id) for entry in AuditEntry.objects.all()] == [(action, operator.pk)]


@pytest.mark.parametrize("change", [{"is_active": False}, {"frozen_at": timezone.now()}])
def test_a_session_is_over_where_the_row_alone_says_so(operator, operator_browser, change):
    """Deactivating and freezing end the sessions too; this is for a row changed by hand."""
    page = operator.get_absolute_url()
    assert operator_browser.get(page).status_code == 200
    Operator.objects.filter(pk=operator.pk).update(**change)
    assert operator_browser.get(page).url.startswith(reverse("operators:login"))


@pytest.mark.parametrize(
    ("page", "code", "how"),
    [
        (None, None, MadeBy.PASSWORD),
        ("twofactor:verify", code_for, MadeBy.CODE),
        ("twofactor:recover", lambda: RECOVERY_CODES[0], MadeBy.RECOVERY_CODE),
    ],
)
def test_the_trail_says_with_which_factors_somebody_has_logged_in(account, page, code, how):
    operator = make_operator(account, enrolled=bool(page))
    browser = Client()
    log_in(browser, operator)
    if page:
        browser.post(reverse(page), {"code": code()})
    entry = AuditEntry.objects.get(action=Action.SIGNED_IN)
    assert (entry.subject_id, entry.new) == (operator.pk, how.value)


def test_a_hash_of_an_older_kind_is_renewed_at_login(operator, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.Argon2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    browser = Client()
    log_in(browser, operator)
    assert Operator.objects.get(pk=operator.pk).password.startswith("argon2$argon2id$")
    assert browser.get(operator.get_absolute_url()).status_code == 200
