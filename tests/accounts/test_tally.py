"""What is counted, given back and forgotten is one limit's, and one event's."""

import pytest

from accounts.tally import Limit, count, give_back, reset

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
