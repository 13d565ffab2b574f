"""Who has been read before a freeze, and writes while it is under way, writes nothing."""

from collections.abc import Callable
from functools import partial
from threading import Event

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.audit.trail import Origin
from invitations import setup_link
from invitations.models import Link, hash_of
from operators.models import Operator
from operators.people import profile, reset
from operators.signin import frozen, own_sessions
from operators.signin.session_store import SessionStore
from tests.support.factories import NOBODY, RECOVERY_CODES, code_for, enroll
from tests.support.rivals import RIVALS, AtOnce
from twofactor import codes, enrollment, fresh_codes
from twofactor.code_limits import FAILURES_THAT_LOCK
from twofactor.models import Authenticator

NEW_SECRET = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"


def read(operator: Operator) -> Operator:
    found: Operator = Operator.objects.complete().get(pk=operator.pk)
    return found


def refused(error: type[Exception], act: Callable[[], object]) -> bool:
    """Return whether the act goes on; false where it raises that."""
    try:
        act()
    except error:
        return False
    return True


def enrolls(operator: Operator) -> Callable[[], bool]:
    confirmed = enrollment.Confirmed(NEW_SECRET, 1, timezone.now())
    return partial(
        refused,
        enrollment.SignInChangedError,
        partial(enrollment.enroll, operator, confirmed, Origin(operator), []),
    )


def sets_up(operator: Operator) -> Callable[[], bool]:
    token = Link.issue(operator, Link.Purpose.SETUP, operator.email)
    link = Link.find(hash_of(token), Link.Purpose.SETUP, timezone.now())
    assert link is not None
    session = SessionStore()
    code = code_for(enrollment.offer(session, operator).secret)
    act = partial(setup_link.finish, session, link, operator, code, Origin(operator))
    return partial(refused, setup_link.DeadLinkError, act)


def replaces(operator: Operator) -> Callable[[], bool]:
    confirmed = enrollment.Confirmed(NEW_SECRET, 1, timezone.now())
    return partial(enrollment.replace, operator, confirmed, Origin(operator), [])


def renews_codes(operator: Operator) -> Callable[[], bool]:
    return partial(fresh_codes.renew, SessionStore(), operator, Origin(operator))


def resets(operator: Operator) -> Callable[[], bool]:
    return partial(refused, reset.NotEnrolledError, partial(reset.reset, operator, Origin(operator)))


def spends_a_recovery_code(operator: Operator) -> Callable[[], bool]:
    return lambda: codes.check_recovery(operator, RECOVERY_CODES[0], NOBODY) is None


def freezes(operator: Operator) -> None:
    frozen.freeze(operator, timezone.now(), NOBODY)


def ends_sessions(operator: Operator) -> None:
    own_sessions.end_all(operator, NOBODY)


def changes_password(operator: Operator) -> None:
    profile.change_password(operator, "a fine long password", NOBODY)


WITHOUT = [enrolls, sets_up]
WITH = [replaces, renews_codes, resets, spends_a_recovery_code]


@pytest.mark.parametrize("end", [freezes, ends_sessions, changes_password])
@pytest.mark.parametrize("act", [*WITHOUT, *WITH])
def test_an_act_that_meets_the_end_of_what_it_acts_from_does_nothing(at_once: AtOnce, operator, act, end):
    if act in WITH:
        enroll(operator)
    ender, acting, written = read(operator), act(read(operator)), Event()

    def ends() -> None:
        with transaction.atomic():
            end(ender)
            written.set()

    def acts() -> bool:
        written.wait(30)  # the other transaction has written and, mostly, not committed yet
        return acting()

    _none, went_on = at_once([ends, acts])
    assert went_on is False
    stored = Authenticator.objects.filter(user=operator).first()
    assert (stored is not None) == (act in WITH)
    assert stored is None or len(stored.recovery_hashes.split()) == len(RECOVERY_CODES)


def test_a_lock_is_told_once(at_once: AtOnce, operator):
    enroll(operator)
    locked = Operator.objects.filter(pk=operator.pk)
    for _ in range(10):
        locked.update(code_failures=FAILURES_THAT_LOCK, codes_blocked_until=timezone.now())
        rivals = [read(operator) for _ in range(RIVALS)]
        assert at_once([rival.claim_lock for rival in rivals]).count(True) == 1
