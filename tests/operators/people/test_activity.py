"""What operators read on their own page about what was done to them, and by whom."""

import re

import pytest
from django.urls import reverse

from accounts.audit.trail import Origin, record
from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from operators.overrides.override import set_override
from operators.people import reset
from operators.signin import frozen
from tests.support.factories import NOBODY, make_operator, signed_in

ANNAS, OLGAS, STRANGERS = "192.0.2.7", "198.51.100.8", "203.0.113.9"


@pytest.fixture
def by(admin: Operator) -> Origin:
    return Origin(admin, ANNAS)


def activity_of(operator: Operator, reader: Operator) -> str:
    page = signed_in(reader).get(reverse("operators:activity", args=[operator.pk])).text
    return re.sub("</?bdi>", "", page)


def test_an_operator_reads_no_network_address_of_an_administrator(admin, operator, by):
    record(Action.NAME_CHANGED, by=by, subject=operator, old="O", new="Olga")
    record(Action.NAME_CHANGED, by=Origin(operator, OLGAS), subject=operator, old="Olga", new="O")
    record(Action.SIGN_IN_FAILED, by=Origin(None, STRANGERS), subject=operator)
    page = activity_of(operator, operator)
    assert "Anna Admin (anna@example.com)" in page
    assert ANNAS not in page
    assert OLGAS in page
    assert STRANGERS in page
    assert ANNAS in activity_of(operator, admin)


def test_reasons_are_for_administrators(account, admin, by):
    olga = make_operator(account, "olga@example.com", enrolled=True)
    set_override(olga, Policy.REQUIRED, by, reason="on probation")
    set_override(olga, Policy.OPTIONAL, NOBODY, reason="passed")
    reset.reset(olga, by, "talked oddly")
    Operator.objects.filter(pk=olga.pk).update(frozen_at="2026-11-24T12:00:00Z")
    frozen.free(olga, by, "called back")
    page, for_administrators = activity_of(olga, olga), activity_of(olga, admin)
    for reason in ("on probation", "passed", "talked oddly", "called back"):
        assert reason not in page
        assert reason in for_administrators
    assert "Required → Optional" in page


def test_of_what_one_did_as_an_administrator_nothing_is_left_to_read(account, admin, operator):
    by = Origin(operator, OLGAS)
    record(Action.NAME_CHANGED, by=by, subject=admin, old="Anna", new="Anna Admin")
    record(Action.ACCOUNT_POLICY, by=by, account=account, old="Required", new="Optional")
    page = activity_of(operator, operator)
    assert "Name changed" not in page
    assert "two-factor setting changed" not in page
    assert "Name changed" in activity_of(operator, admin)


def test_the_trail_itself_stays_as_it_was(operator, by):
    record(Action.NAME_CHANGED, by=by, subject=operator, old="O", new="Olga")
    activity_of(operator, operator)
    assert AuditEntry.objects.get(action=Action.NAME_CHANGED).address == ANNAS
