"""The list's status and its explanation, compared with what a login then does: for every cell."""

from datetime import UTC, datetime, timedelta
from itertools import count, product
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.masking import mask
from accounts.models import Account
from accounts.policy import Policy
from invitations import setup_link
from invitations.models import Link
from operators.models import Operator
from operators.rules.status import Status
from tests.support.factories import NOBODY, PASSWORD, code_for, make_account, make_operator, signed_in
from twofactor.code_limits import FAILURES_THAT_LOCK

LIST, LOGIN = reverse("operators:list"), reverse("operators:login")
VERIFY, CHECK_EMAIL = reverse("twofactor:verify"), reverse("invitations:check-email")
ACCEPT = reverse("invitations:accept")
ENDED = datetime(2026, 1, 1, tzinfo=UTC)
FAR = datetime(2100, 1, 1, tzinfo=UTC)

SETTINGS = [*Policy, "announced"]
# An override, and when it ends.
OVERRIDES = [("", None), *product(Policy, [None])]
ENDING = [*product(Policy, [ENDED]), (Policy.OPTIONAL, FAR)]
STATES: dict[str, dict[str, Any]] = {
    "not enrolled": {},
    "enrolled": {"enrolled": True},
    "locked": {"enrolled": True, "code_failures": FAILURES_THAT_LOCK},
    "many wrong codes, not enrolled": {"code_failures": FAILURES_THAT_LOCK},
    "frozen": {"frozen_at": ENDED},
    "frozen and enrolled": {"enrolled": True, "frozen_at": ENDED},
    "deactivated": {"active": False},
    "deactivated and enrolled": {"active": False, "enrolled": True},
    "invited": {"invited": True},
    "half-way": {},
}
_addresses = count(1)

# What each status promises of a right password, and of a right code after it.
PROMISES = {
    Status.PROTECTED: {"code"},
    Status.REQUIRED: {"setup link", "offer"},
    Status.OPTIONAL: {"signed in"},
    Status.DISABLED: {"signed in"},
    Status.SINGLE_SIGN_ON: {"refused"},
    Status.LOCKED: {"refused", "no code is accepted"},
    Status.INVITED: {"set up while joining", "may set up while joining", "just joins"},
    Status.DEACTIVATED: {"refused"},
}
# What the explanation ends with, and what happens then.
WORDS = {
    "the next sign-in asks for a code": "code",
    "at the next sign-in a setup link goes to": "setup link",
    "the next sign-in offers a setup link to": "offer",
    "the next sign-in takes the password alone": "signed in",
    "no sign-in until an identity provider is set up": "refused",
    "no sign-in until activated": "refused",
    "sign-in frozen until it is freed": "refused",
    "authenticator locked: no code is accepted until a reset": "no code is accepted",
    "has to be set up while accepting the invitation": "set up while joining",
    "may be set up while accepting the invitation": "may set up while joining",
    "the invitation is accepted with a name and a password": "just joins",
}


def combinations(*, single_sign_on: bool) -> list[tuple[tuple[str, datetime | None], str]]:
    """The overrides and states to try together."""
    if single_sign_on:
        # No override means anything; an invited operator joins with a password.
        return list(product([("", None), (Policy.REQUIRED, None)], STATES.keys() - {"invited"}))
    return [*product(OVERRIDES, STATES), *product(ENDING, ["not enrolled", "enrolled", "invited"])]


def make_people(account: Account, *, single_sign_on: bool) -> dict[int, str]:
    """Make an operator for every override in every state; return the state of each."""
    states = {}
    for (override, until), state in combinations(single_sign_on=single_sign_on):
        fields = STATES[state]
        one = make_operator(
            account, override=override, override_until=until, single_sign_on=single_sign_on, **fields
        )
        states[one.pk] = state
        if state == "invited":
            Link.issue(one, Link.Purpose.INVITATION, one.email)
        if state == "half-way":
            setup_link.send(one, NOBODY)
    return states


def statuses_in_list(browser: Client) -> dict[int, Status]:
    """The status of every operator, as the filters of the list have it."""
    listed: dict[int, Status] = {}
    for status in Status:
        answer = browser.get(LIST, {"status": status.value})
        rows = {row.pk: status for row in answer.context["filters"].qs}
        assert not listed.keys() & rows.keys()
        listed |= rows
    return listed


def what_happens(operator: Operator) -> str:
    """Let the operator in, by invitation or by password; return what that leads to."""
    browser = Client(REMOTE_ADDR=f"2001:db8:{next(_addresses):x}::1")
    return joining(browser, operator) if operator.is_invited else signing_in(browser, operator)


def signing_in(browser: Client, operator: Operator) -> str:
    answer = browser.post(LOGIN, {"email": operator.email, "password": PASSWORD})
    if answer.status_code == 200:
        assert "do not match" in answer.text
        return "refused"
    if answer.url == VERIFY:
        verified = browser.post(VERIFY, {"code": code_for()})
        return "code" if verified.status_code == 302 and is_in(browser) else "no code is accepted"
    if answer.url == CHECK_EMAIL:
        assert mask(operator.email) in browser.get(CHECK_EMAIL).text
        assert not is_in(browser)
        return "setup link"
    return "signed in" if answer.url == operator.get_absolute_url() and is_in(browser) else "offer"


def is_in(browser: Client) -> bool:
    return browser.get(reverse("operators:home")).url != f"{LOGIN}?next=/"


def joining(browser: Client, operator: Operator) -> str:
    """Accept the invitation as far as name and password."""
    token = Link.issue(operator, Link.Purpose.INVITATION, operator.email)
    browser.get(reverse("invitations:invitation-link", args=[token]))
    new = "a fine long password"
    answer = browser.post(ACCEPT, {"name": "Ivo", "new_password": new, "new_password_again": new})
    if is_in(browser):
        return "just joins"
    page = browser.get(answer.url).text
    return "may set up while joining" if "Not now" in page else "set up while joining"


def promised(explanation: str) -> str:
    """What the words of an explanation promise."""
    ends = [event for words, event in WORDS.items() if words in explanation]
    assert len(ends) == 1, explanation
    return ends[0]


@pytest.mark.thorough
@pytest.mark.django_db
@pytest.mark.parametrize("single_sign_on", [False, True])
@pytest.mark.parametrize("setting", SETTINGS)
def test_status_and_explanation_are_what_a_sign_in_then_does(setting, single_sign_on):
    account = make_account(Policy.REQUIRED if setting == "announced" else setting)
    if setting == "announced":
        Account.objects.filter(pk=account.pk).update(required_from=timezone.now() + timedelta(days=14))
    people = make_people(account, single_sign_on=single_sign_on)
    admin = make_operator(account, administrator=True, override=Policy.OPTIONAL)
    browser = signed_in(admin)
    listed = statuses_in_list(browser)
    assert listed.keys() == {*people, admin.pk}
    wrong = []
    for operator in Operator.objects.filter(pk__in=people).complete():
        explained = browser.get(operator.get_absolute_url()).text.split('facts-main">')[1].split("</p>")[0]
        happens = what_happens(operator)
        if happens not in PROMISES[listed[operator.pk]] or happens != promised(explained):
            wrong.append((people[operator.pk], listed[operator.pk], explained, happens))
    assert wrong == []
