"""What is counted, given back and forgotten is one limit's, and one event's."""

import time

import pytest
import time_machine

from accounts import batches
from accounts.models import Tally
from accounts.rate_limit import Limit, count, delete_ended, give_back, reset

OURS, THEIRS = Limit("ours", 2, 60), Limit("theirs", 2, 60)

pytestmark = pytest.mark.django_db


def test_what_is_given_back_is_one_event():
    count([OURS])
    count([OURS])
    give_back([OURS])
    assert count([OURS]) == 0
    assert count([OURS]) > 0


def test_what_is_forgotten_is_one_limit():
    for _ in range(3):
        count([OURS, THEIRS])
    reset([OURS])
    assert count([OURS]) == 0
    assert count([THEIRS]) > 0


def test_once_a_gate_is_exceeded_its_holder_makes_no_more_rows():
    gate = Limit("gate", 2, 60, is_gate=True)
    waits = [count([gate, Limit(f"name {number}", 5, 60)]) for number in range(50)]
    assert [wait > 0 for wait in waits] == [False, False, *[True] * 48]
    assert Tally.objects.count() == 4
    assert Tally.objects.get(key="gate").count == 3


def test_a_gate_opens_again_when_its_window_is_over():
    gate = Limit("gate", 1, 60, is_gate=True)
    now = time.time()
    with time_machine.travel(now, tick=False) as clock:
        assert [count([gate, OURS]) for _ in range(3)] == [0, 60, 60]
        clock.shift(61)
        assert count([gate, OURS]) == 0


def test_of_two_gates_either_is_enough_and_an_event_can_be_given_back():
    narrow, wide = (Limit(name, allowed, 60, is_gate=True) for name, allowed in (("narrow", 1), ("wide", 5)))
    for _ in range(20):
        count([narrow, wide])
    assert Tally.objects.get(key="wide").count == 2, "a neighbor pays for nothing that was refused"
    give_back([narrow, wide])
    give_back([narrow, wide])
    assert count([narrow, wide]) == 0


def test_ended_windows_are_deleted_in_portions_and_no_others(monkeypatch):
    monkeypatch.setattr(batches, "PORTION", 3)
    now = int(time.time())
    Tally.objects.bulk_create(Tally(key=f"over {number}", count=1, ends_at=now - 1) for number in range(7))
    count([OURS])
    assert delete_ended() == 7
    assert delete_ended() == 0
    assert [row.key for row in Tally.objects.all()] == ["ours"]


def test_a_window_that_began_anew_meanwhile_stays(monkeypatch):
    row = Tally.objects.create(key="ours", count=9, ends_at=0)

    def begins_anew(self, *_fields, **_options):
        Tally.objects.filter(pk=row.pk).update(ends_at=2**40)
        return [row.pk]

    monkeypatch.setattr(type(Tally.objects.all()), "values_list", begins_anew)
    assert delete_ended() == 0
    assert Tally.objects.filter(pk=row.pk).exists()
