"""Why a status is what it is, and what comes next: in words, on the operator page and in the list."""

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from accounts.policy import Policy
from invitations.models import Link
from operators.models import Operator
from operators.status import next_sign_in
from operators.status.explanation import explain
from tests.support.factories import make_account, make_operator, signed_in

URL = reverse("operators:list")
R, O, D = Policy.REQUIRED, Policy.OPTIONAL, Policy.DISABLED  # noqa: E741
ALONE = "the next sign-in takes the password alone"
LATER = datetime(2100, 1, 2, 12, tzinfo=UTC)
EARLIER = datetime(2026, 1, 2, 12, tzinfo=UTC)


def made(setting, email="olga@example.com", **fields):
    return make_operator(make_account(setting), email, **fields)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "fields", "words"),
    [
        (
            R,
            {},
            "Required by the account; not set up; at the next sign-in a setup link goes to ol•••@example.com",
        ),
        (R, {"enrolled": True}, "Required by the account; set up; the next sign-in asks for a code"),
        (O, {}, "Optional by the account; not set up; the next sign-in takes the password alone"),
        (
            O,
            {"override": R, "enrolled": True},
            "Required by an override; set up; the next sign-in asks for a code",
        ),
        (
            R,
            {"override": D, "override_until": LATER},
            f"Disabled by an override until 2 Jan 2100; not set up; {ALONE}",
        ),
        (
            D,
            {"override": R, "enrolled": True},
            f"Disabled for the whole account; the authenticator is kept and not asked for; {ALONE}",
        ),
        (
            R,
            {"single_sign_on": True},
            "Does not apply: single sign-on; no sign-in until an identity provider is set up",
        ),
        (
            R,
            {"enrolled": True, "code_failures": 100},
            "Required by the account; locked; authenticator locked: no code is accepted until a reset",
        ),
        (R, {"frozen_at": EARLIER}, "Required by the account; frozen; sign-in frozen until it is freed"),
        (O, {"active": False}, "Optional by the account; deactivated; no sign-in until activated"),
        (
            R,
            {"invited": True},
            "Required by the account; invited; the invitation has expired and has to be sent again",
        ),
    ],
)
def test_the_sentence_says_policy_source_state_and_what_comes_next(setting, fields, words):
    assert explain(made(setting, **fields)).sentence == words


def test_a_required_that_begins_on_a_day_says_which(db):
    olga = made(R)
    Account.objects.update(required_from=LATER)
    words = explain(Operator.objects.get(pk=olga.pk)).sentence
    assert words.startswith("Required by the account from 2 Jan 2100 on; not set up; the next sign-in offers")


def test_an_invitation_before_the_day_names_the_day(db):
    ivo = made(R, "ivo@example.com", invited=True, name="Ivo")
    Link.issue(ivo, Link.Purpose.INVITATION, ivo.email)
    Account.objects.update(required_from=LATER)
    ivo = Operator.objects.get(pk=ivo.pk)
    assert explain(ivo).next_event == "may be set up while accepting the invitation"
    assert next_sign_in.next_sign_in(ivo).endswith("accepting the invitation, and has to from 2 Jan 2100 on.")


def test_an_invitation_that_still_works_says_what_it_will_ask_for(db):
    ivo = made(R, "ivo@example.com", invited=True)
    Link.issue(ivo, Link.Purpose.INVITATION, ivo.email)
    assert explain(ivo).next_event == "has to be set up while accepting the invitation"


@pytest.mark.parametrize(("seconds", "state"), [(60, "not set up, a setup link is out"), (-1, "not set up")])
def test_a_setup_link_that_is_out_is_told_while_it_works(db, seconds, state):
    olga = made(R)
    Link.issue(olga, Link.Purpose.SETUP, olga.email)
    Link.objects.update(expires_at=timezone.now() + timedelta(seconds=seconds))
    assert explain(olga).state == state


@pytest.mark.parametrize("who", ["administrator", "operator"])
def test_the_operator_page_begins_with_it(account, admin_browser, operator, who):
    browser = admin_browser if who == "administrator" else signed_in(operator)
    page = browser.get(operator.get_absolute_url()).text
    assert f">{explain(operator).sentence}</p>" in page


def test_an_override_that_has_ended_is_not_told_as_one_that_counts(admin_browser, account):
    olga = make_operator(account, override=R, override_until=EARLIER)
    page = admin_browser.get(olga.get_absolute_url()).text
    assert "This operator has an override" not in page
    assert "The override Required ended on 2 Jan 2026; the account's setting counts again." in unescape(page)


def test_the_list_says_it_under_the_badge(admin_browser, account):
    make_operator(account, "paula@example.com", override=R)
    words = "Required by an override; at the next sign-in a setup link goes to pa•••@example.com"
    assert f'<span class="cell-sub cell-why">{words}</span>' in admin_browser.get(URL).text
