"""Does nobody wait for somebody who waits for them? Two transactions, stopped where they meet."""

import time
from collections.abc import Callable
from functools import partial
from threading import Event

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts.audit.trail import record
from accounts.models import Action
from accounts.policy import Policy
from invitations.models import Link
from operators.groups.groups import set_groups
from operators.groups.sub_accounts import assign
from operators.models import Group, Operator, SubAccount
from operators.overrides.override import set_override
from operators.people import removal
from operators.people.login_method import set_sign_in_method
from operators.people.profile import change_name
from operators.signin.own_sessions import end_all
from tests.support.factories import NOBODY, enroll, make_operator
from tests.support.rivals import AtOnce
from twofactor.models import Authenticator

PATIENCE = 10  # seconds
Act = Callable[[], object]


@pytest.fixture(autouse=True)
def _rows_are_locked() -> None:
    if connections["default"].vendor != "postgresql":
        pytest.skip("SQLite lets one transaction write at a time: whoever waits holds nothing.")


def somebody_waits() -> bool:
    """Whether a transaction of this database waits for a lock."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def meet(at_once: AtOnce, act: Act, holding: Act, then: Act) -> object:
    """Begin to act while another transaction holds something, and let that one go on when the act waits."""
    held, over = Event(), Event()

    def other() -> None:
        with transaction.atomic():
            holding()
            held.set()
            until = time.monotonic() + PATIENCE
            while not over.is_set() and not somebody_waits() and time.monotonic() < until:
                time.sleep(0.01)
            then()

    def acting() -> object:
        assert held.wait(PATIENCE)
        try:
            return act()
        finally:
            over.set()

    return at_once([other, acting])[1]


def join_a_group(operator: Operator) -> bool:
    group = Group.objects.create(account=operator.account, name="Night shift")
    return set_groups(operator, [group], NOBODY)


def join_a_sub_account(operator: Operator) -> bool:
    return assign(operator, SubAccount.objects.create(account=operator.account, name="Berlin"), NOBODY)


GUARDED: dict[str, Callable[[Operator], object]] = {
    "deactivate": lambda who: removal.deactivate(who, NOBODY),
    "another login method": lambda who: set_sign_in_method(who, "single_sign_on", NOBODY),
    "sub account": join_a_sub_account,
    "name": lambda who: change_name(who, "Olga Other", NOBODY),
    "end sessions": lambda who: end_all(who, NOBODY),
    "override": lambda who: set_override(who, Policy.OPTIONAL, NOBODY),
}


@pytest.mark.parametrize("act", GUARDED)
def test_whoever_writes_the_trail_and_the_guard_of_the_last_administrator_do_not_deadlock(
    at_once, account, operator, act
):
    make_operator(account, administrator=True)
    found = meet(
        at_once,
        partial(GUARDED[act], operator),
        lambda: Operator.objects.filter(pk=operator.pk).update(last_login=timezone.now()),
        lambda: record(Action.SIGNED_IN, by=NOBODY, subject=operator),
    )
    assert found is True


LOSES_TO_A_LINK: dict[str, Callable[[Operator], object]] = {
    "override": lambda who: set_override(who, Policy.OPTIONAL, NOBODY),
    "delete": lambda who: removal.delete(who, NOBODY),
}


@pytest.mark.parametrize("act", LOSES_TO_A_LINK)
def test_whoever_spends_a_link_does_not_deadlock_with_who_ends_it(at_once, account, operator, act):
    make_operator(account, administrator=True)
    Link.issue(operator, Link.Purpose.SETUP, operator.email)
    link, pk = Link.objects.get(user=operator), operator.pk
    meet(
        at_once,
        partial(LOSES_TO_A_LINK[act], operator),
        lambda: link.spend(timezone.now()),
        lambda: Operator.objects.get(pk=pk).renew_session_nonce(),
    )
    assert not Link.objects.filter(user_id=pk, spent_at=None).exists()


def test_a_new_phone_does_not_deadlock_with_a_deletion(at_once, account, operator):
    make_operator(account, administrator=True)
    mine, pk = Authenticator.objects.filter(pk=enroll(operator).pk), operator.pk
    meet(
        at_once,
        lambda: removal.delete(operator, NOBODY),
        lambda: mine.update(recovery_hashes=""),
        lambda: Operator.objects.get(pk=pk).renew_session_nonce(),
    )
    assert not Operator.objects.filter(pk=pk).exists()
