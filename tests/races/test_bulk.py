"""Two workers on one bulk action, two confirmations of one form: each operator is acted upon once."""

from functools import partial
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import Action, AuditEntry
from operators.bulk import work
from operators.bulk.preview import word_for
from operators.models import Operator
from operators.models.bulk import BulkAction, BulkItem
from tests.support.factories import make_operator
from tests.support.rivals import RIVALS

NUMBER = 12


@pytest.fixture
def admin(account):
    return make_operator(account, administrator=True)


@pytest.fixture
def people(account):
    return [make_operator(account) for _ in range(NUMBER)]


def overrides(account):
    return AuditEntry.objects.filter(account=account, action=Action.OVERRIDE).count()


def test_several_workers_do_each_operator_once(at_once, account, admin, people):
    now = timezone.now()
    action = BulkAction.objects.create(
        account=account, key=uuid4(), kind="override-required", asked_by=admin, created_at=now, alive_at=now
    )
    BulkItem.objects.bulk_create(BulkItem(action=action, operator_id=one.pk) for one in people)

    def worker():
        """As if the turn had been given away again while another worker was still at it."""
        while (row := BulkAction.objects.get(pk=action.pk)).is_running:
            work.run_batches(action.pk, row.turn)

    at_once([worker] * 4)
    assert set(action.items.values_list("state", flat=True)) == {"done"}
    assert overrides(account) == NUMBER


def test_one_worker_claims_a_batch(at_once, account, admin):
    now = timezone.now()
    action = BulkAction.objects.create(
        account=account, key=uuid4(), kind="reset", asked_by=admin, created_at=now, alive_at=now
    )
    claim = transaction.atomic(BulkAction.claim)
    claimed = at_once([partial(claim, action.pk, 0)] * RIVALS)
    assert claimed.count(None) == RIVALS - 1


def test_one_form_confirmed_several_times_at_once_is_one_action(at_once, account, admin, people):
    everybody = Operator.objects.filter(pk__in=[one.pk for one in people])
    key = uuid4()

    def start():
        action = BulkAction(account=account, kind="override-required", key=key)
        word = word_for(action, sorted(one.pk for one in people))
        return work.start(everybody, action, expected=word, by=Origin(admin))

    found = at_once([start] * 4)
    assert len({action.pk for action in found}) == 1
    assert overrides(account) == NUMBER
