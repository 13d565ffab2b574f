"""An act that is under way ends with what it acts from: freeze, new password, End sessions, deactivation."""

from collections.abc import Callable

import pytest
from django.contrib.sessions.backends.base import SessionBase
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import Action, AuditEntry
from invitations import invite, setup_link
from invitations.models import Link, hash_of
from operators.models import Operator
from operators.people import profile, removal, reset
from operators.signin import frozen, own_sessions
from operators.signin.session_store import Session, SessionStore
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    SECRET,
    code_for,
    enroll,
    make_operator,
    signed_in,
)
from tests.support.flows import key_on
from twofactor import codes, enrollment, fresh_codes
from twofactor.models import Authenticator

NEW_SECRET = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"


def read(operator: Operator) -> Operator:
    """Return the operator as a request of its own would have read them."""
    found: Operator = Operator.objects.complete().get(pk=operator.pk)
    return found


def freeze(operator: Operator) -> None:
    assert frozen.freeze(read(operator), timezone.now(), NOBODY)


def end_sessions(operator: Operator) -> None:
    assert own_sessions.end_all(read(operator), NOBODY)


def new_password(operator: Operator) -> None:
    assert profile.change_password(read(operator), "a fine long password", NOBODY)


def deactivate(operator: Operator) -> None:
    assert removal.deactivate(read(operator), NOBODY)


ended = pytest.mark.parametrize("end", [freeze, end_sessions, new_password, deactivate])


def stored(operator: Operator) -> tuple[str, str]:
    """Return nonce, and secret and hashes, as they are in the database."""
    now = read(operator)
    authenticator = Authenticator.objects.filter(user=now).first()
    kept = (authenticator.sealed_secret, authenticator.recovery_hashes) if authenticator else ()
    return now.session_nonce, " ".join(kept)


def confirmed() -> enrollment.Confirmed:
    return enrollment.Confirmed(NEW_SECRET, 1, timezone.now())


def actions(operator: Operator) -> list[str]:
    return list(AuditEntry.objects.filter(subject_id=operator.pk).values_list("action", flat=True))


@ended
def test_an_enrollment(operator, end):
    under_way = read(operator)
    end(operator)
    after = stored(operator)
    with pytest.raises(enrollment.SignInChangedError):
        enrollment.enroll(under_way, confirmed(), Origin(under_way), ["AAAA-BBBB-CCCC-DDDD"])
    assert stored(operator) == after
    assert Action.TWO_FACTOR_ENROLLED not in actions(operator)


def act_replace(operator: Operator, _session: SessionBase) -> bool:
    return enrollment.replace(operator, confirmed(), Origin(operator), [])


def act_renew_codes(operator: Operator, session: SessionBase) -> bool:
    return fresh_codes.renew(session, operator, Origin(operator))


def act_spend_recovery_code(operator: Operator, _session: SessionBase) -> bool:
    return codes.check_recovery(operator, RECOVERY_CODES[0], Origin(operator)) is None


def act_spend_code(operator: Operator, _session: SessionBase) -> bool:
    return codes.check(operator, code_for(), Origin(operator)) is None


def act_reset(operator: Operator, _session: SessionBase) -> bool:
    try:
        return not reset.reset(operator, Origin(operator)).has_failed
    except reset.NotEnrolledError:
        return False


ACTS = [act_replace, act_renew_codes, act_spend_recovery_code, act_spend_code, act_reset]


@ended
@pytest.mark.parametrize("act", ACTS)
def test_what_changes_or_spends_an_authenticator(operator, mailoutbox, end, act: Callable):
    enroll(operator)
    under_way = read(operator)
    end(operator)
    after = stored(operator)
    mailoutbox.clear()
    assert not act(under_way, SessionStore())
    assert stored(operator) == after
    assert mailoutbox == []
    done = {Action.PHONE_CHANGED, Action.RECOVERY_CODES_RENEWED, Action.RECOVERY_CODE_USED}
    assert not (done | {Action.TWO_FACTOR_RESET}) & set(actions(operator))


@pytest.mark.parametrize("act", ACTS)
def test_without_that_each_goes_on(operator, act):
    enroll(operator)
    before = stored(operator)
    assert act(read(operator), SessionStore())
    assert (stored(operator) != before) == (act is not act_spend_code)


@ended
def test_an_administrator_resets_whatever_came_meanwhile(operator, end):
    enroll(operator)
    under_way = read(operator)
    end(operator)
    reset.reset(under_way, NOBODY)
    assert not read(operator).is_enrolled


def link_of(operator: Operator, purpose: Link.Purpose) -> Link:
    token = Link.issue(operator, purpose, operator.email)
    link = Link.find(hash_of(token), purpose, timezone.now())
    assert link is not None
    return link


@ended
@pytest.mark.parametrize("purpose", [Link.Purpose.SETUP, Link.Purpose.PASSWORD_RESET, Link.Purpose.EMAIL])
def test_the_spending_of_a_link(operator, end, purpose):
    link = link_of(operator, purpose)
    end(operator)
    assert not link.spend(timezone.now())
    assert Link.objects.get(pk=link.pk).spent_at is None


@ended
def test_a_setup(operator, end):
    link, session = link_of(operator, Link.Purpose.SETUP), SessionStore()
    under_way = read(operator)
    code = code_for(enrollment.offer(session, under_way).secret)
    end(operator)
    with pytest.raises(setup_link.DeadLinkError):
        setup_link.finish(session, link, under_way, code, Origin(under_way))
    assert not read(operator).is_enrolled


def test_an_invitation(account):
    ivo = make_operator(account, invited=True)
    link = link_of(ivo, Link.Purpose.INVITATION)
    Operator.objects.filter(pk=ivo.pk).update(session_nonce="renewed")
    with pytest.raises(setup_link.DeadLinkError):
        invite.accept(SessionStore(), link, name="Ivo", password_hash="!", code=None, by=NOBODY)
    assert read(ivo).is_invited


def test_an_invitation_whose_person_changes_after_the_link_is_spent(account, monkeypatch):
    """As PostgreSQL lets it happen: the condition of one statement is looked at before the other writes."""
    ivo = make_operator(account, invited=True)
    link = link_of(ivo, Link.Purpose.INVITATION)
    row = Operator.objects.filter(pk=ivo.pk)
    monkeypatch.setattr(Link, "spend", lambda *_: row.update(session_nonce="renewed"))
    with pytest.raises(setup_link.DeadLinkError):
        invite.accept(SessionStore(), link, name="Ivo", password_hash="!", code=None, by=NOBODY)
    assert read(ivo).is_invited


def test_the_scan_for_somebody_else_says_so(account, admin_browser, operator, monkeypatch):
    url = reverse("operators:scan", args=[operator.pk])
    code = code_for(key_on(admin_browser.get(url).text))
    real = enrollment.confirm

    def meanwhile(*args):
        found = real(*args)
        freeze(operator)
        return found

    monkeypatch.setattr(enrollment, "confirm", meanwhile)
    page = admin_browser.post(url, {"code": code}, follow=True).text
    assert "the sign-in of Olga Operator was changed in the meantime" in page
    assert not read(operator).is_enrolled


def test_the_setup_page_says_that_its_link_is_dead(operator, monkeypatch):
    raised = enrollment.SignInChangedError()

    def changed(*_args):
        raise raised

    monkeypatch.setattr(enrollment, "enroll", changed)
    link = link_of(operator, Link.Purpose.SETUP)
    session = SessionStore()
    code = code_for(enrollment.offer(session, operator).secret)
    with pytest.raises(enrollment.SignInChangedError):
        setup_link.finish(session, link, operator, code, Origin(operator))
    assert Link.objects.get(pk=link.pk).spent_at is None


# An old hash that is brought up to date at the sign-in


ARGON2 = "django.contrib.auth.hashers.Argon2PasswordHasher"


def test_an_old_hash_is_brought_up_to_date(operator, settings):
    settings.PASSWORD_HASHERS = [ARGON2, *settings.PASSWORD_HASHERS]
    assert operator.check_password(PASSWORD)
    assert read(operator).password.startswith("argon2$")
    assert read(operator).password == operator.password


def test_not_over_a_new_password_that_came_meanwhile(operator, settings):
    settings.PASSWORD_HASHERS = [ARGON2, *settings.PASSWORD_HASHERS]
    under_way = read(operator)
    new_password(operator)
    assert under_way.check_password(PASSWORD)
    assert read(operator).check_password("a fine long password")


# New recovery codes


def test_new_recovery_codes_end_the_other_sessions_and_keep_this_one(operator):
    enroll(operator)
    here, elsewhere = signed_in(operator), signed_in(operator)
    page = here.post(reverse("twofactor:recovery-codes-new"), follow=True)
    assert "Everywhere else you are logged out." in page.text
    assert len(page.context["codes"]) == 10
    assert here.get(operator.get_absolute_url()).status_code == 200
    assert elsewhere.get(operator.get_absolute_url()).status_code == 302
    assert Session.objects.filter(user=operator).count() == 1


def test_codes_that_were_made_meanwhile_are_not_noted_as_saved(operator):
    enroll(operator, SECRET)
    browser = signed_in(operator)
    browser.post(reverse("twofactor:recovery-codes-new"))
    session, under_way = browser.session, read(operator)
    assert fresh_codes.current(session, under_way)
    fresh_codes.renew(SessionStore(), read(operator), Origin(operator))
    fresh_codes.saved(session, under_way)
    assert Authenticator.objects.get(user=operator).recovery_saved_at is None
