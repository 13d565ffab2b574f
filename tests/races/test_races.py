"""Who wins when many come at the same moment? Exactly one, over connections of their own."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Action, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import Policy
from accounts.settings_page import rule_in_words
from invitations import invite, setup_link
from invitations.models import Link
from operators.administrators import LastAdministratorError
from operators.models import Announcement, Operator
from operators.models.session import Session
from operators.overrides.override import in_words, set_override
from operators.people import adding, removal
from operators.people.forms import NewOperatorForm
from operators.people.login_method import set_sign_in_method
from operators.reminders.schedule import set_schedule
from operators.signin.session_store import SessionStore
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    code_for,
    confirm_data,
    enroll,
    make_account,
    make_operator,
    signed_in,
)
from tests.support.flows import key_on, link_in_mail, log_in
from tests.support.rivals import RIVALS
from twofactor import fresh_codes, recovery
from twofactor.models import Authenticator
from twofactor.proof import SESSION_KEY as SESSION_PROOF

LOGIN_CODE = reverse("twofactor:verify")
RECOVER = reverse("twofactor:recover")
NEW_PHONE = reverse("twofactor:new-phone")
SETUP = reverse("invitations:setup")
ACCEPT = reverse("invitations:accept")
POLICY = reverse("operators:policy-preview")


@pytest.fixture
def browsers() -> list[Client]:
    return [Client() for _ in range(RIVALS)]


@pytest.fixture
def db_session() -> str:
    """The key of a session that waits."""
    session = SessionStore()
    session["waiting"] = True
    session.save()
    assert session.session_key
    return session.session_key


def is_signed_in(browser: Client) -> bool:
    return SESSION_KEY in browser.session


def entries(operator: Operator, action: Action) -> int:
    return AuditEntry.objects.filter(subject_id=operator.pk, action=action).count()


def test_a_code_opens_one_session(at_once, operator, browsers):
    enroll(operator)
    for browser in browsers:
        log_in(browser, operator)
    code = code_for()
    at_once([partial(browser.post, LOGIN_CODE, {"code": code}) for browser in browsers])
    assert [is_signed_in(browser) for browser in browsers].count(True) == 1
    assert entries(operator, Action.SIGNED_IN) == 1
    # To the others it is the code that was just used, which is no wrong one.
    assert entries(operator, Action.CODE_FAILED) == 0
    assert Operator.objects.get(pk=operator.pk).code_failures == 0


def test_a_step_is_accepted_once_however_often_it_is_tried(at_once, operator):
    """Each has read the operator before any of them spends; on PostgreSQL those who wait must look again."""
    enroll(operator)
    for step in range(1, 21):
        rivals = [Operator.objects.complete().get(pk=operator.pk) for _ in range(RIVALS)]
        spend = [partial(rival.accept_step, step, timezone.now()) for rival in rivals]
        assert at_once(spend).count(True) == 1, step


def test_a_code_is_spent_once_across_sign_in_and_reset(at_once, operator, browsers):
    enroll(operator)
    for browser in browsers[1:]:
        log_in(browser, operator)
    resetting = signed_in(operator)
    code = code_for()
    proof = {"proof_password": PASSWORD, "proof_code": code}
    reset = partial(resetting.post, reverse("operators:reset", args=[operator.pk]), proof)
    at_once([reset, *[partial(browser.post, LOGIN_CODE, {"code": code}) for browser in browsers[1:]]])
    spent = entries(operator, Action.SIGNED_IN) + entries(operator, Action.TWO_FACTOR_RESET)
    assert spent == 1


def test_a_step_is_spent_once_however_close_they_come(at_once, operator):
    """Without the pages around it the statements meet; one round alone may be lucky."""
    enroll(operator)
    rivals = [Operator.objects.complete().get(pk=operator.pk) for _ in range(RIVALS)]
    for step in range(1, 31):
        spent = at_once([partial(rival.accept_step, step, timezone.now()) for rival in rivals])
        assert spent.count(True) == 1


def test_a_code_proves_once_and_signs_in_no_more(at_once, operator, browsers):
    enroll(operator)
    proving = signed_in(operator)
    session = proving.session
    del session[SESSION_PROOF]
    session.save()
    for browser in browsers[1:]:
        log_in(browser, operator)
    code = code_for()
    data = {"proof_for": "POST", "proof_password": PASSWORD, "proof_code": code}
    prove = partial(proving.post, reverse("twofactor:recovery-codes-new"), data)
    at_once([prove, *[partial(browser.post, LOGIN_CODE, {"code": code}) for browser in browsers[1:]]])
    assert entries(operator, Action.SIGNED_IN) + entries(operator, Action.PROVED) == 1


def test_wrong_codes_are_all_counted(at_once, operator, browsers):
    enroll(operator)
    for browser in browsers:
        log_in(browser, operator)
    wrong = code_for(steps=500)
    at_once([partial(browser.post, LOGIN_CODE, {"code": wrong}) for browser in browsers])
    operator.refresh_from_db()
    assert operator.code_failures == RIVALS


def test_a_waiting_session_counts_no_more_attempts_than_it_has(at_once, db_session):
    """Each request has read the session before any of them counts."""
    stores = [SessionStore(db_session) for _ in range(RIVALS)]
    for store in stores:
        store.load()
    counted = at_once([partial(store.count_attempt, 5) for store in stores])
    assert counted.count(True) == 5
    assert Session.objects.get(pk=db_session).wrong_codes == 5


def test_a_setup_link_enrolls_one(at_once, browsers):
    operator = make_operator(make_account(Policy.REQUIRED))
    log_in(Client(), operator)
    link = link_in_mail()
    codes = []
    for browser in browsers:
        browser.get(link)
        browser.post(reverse("invitations:setup-password"), {"password": PASSWORD})
        codes.append(code_for(key_on(browser.get(SETUP).text)))
    posts = [
        partial(browser.post, SETUP, {"code": code}) for browser, code in zip(browsers, codes, strict=True)
    ]
    at_once(posts)
    assert [is_signed_in(browser) for browser in browsers].count(True) == 1
    assert [browser.get(SETUP, follow=True).status_code for browser in browsers] == [410] * RIVALS
    assert Authenticator.objects.filter(user=operator).count() == 1
    assert entries(operator, Action.TWO_FACTOR_ENROLLED) == 1


def test_a_popup_enrolls_once(at_once, operator):
    scan = reverse("operators:scan", args=[operator.pk])
    posts = []
    for browser in [signed_in(operator) for _ in range(RIVALS)]:
        page = browser.get(scan).text
        posts.append(partial(browser.post, scan, {"code": code_for(key_on(page))}))
    at_once(posts)
    assert entries(operator, Action.TWO_FACTOR_ENROLLED) == 1
    assert Authenticator.objects.filter(user=operator).count() == 1


@pytest.mark.parametrize("policy", [Policy.DISABLED, Policy.REQUIRED])
def test_an_invitation_is_accepted_by_one(at_once, browsers, policy):
    ivo = make_operator(make_account(policy), name="Ivo Invited", invited=True)
    invite.send(ivo, NOBODY)
    link = link_in_mail()
    posts = []
    for number, browser in enumerate(browsers):
        browser.get(link)
        data = {
            "name": f"Ivo {number}",
            "new_password": "a fine long password",
            "new_password_again": "a fine long password",
        }
        if policy is Policy.DISABLED:
            posts.append(partial(browser.post, ACCEPT, data))
        else:
            page = browser.post(ACCEPT, data, follow=True).text
            data = {"code": code_for(key_on(page))}
            posts.append(partial(browser.post, reverse("invitations:accept-two-factor"), data))
    answers = at_once(posts)
    assert sorted(answer.status_code for answer in answers) == [302] + [410] * (RIVALS - 1)
    assert [is_signed_in(browser) for browser in browsers].count(True) == 1


def test_an_invitation_is_accepted_or_withdrawn(at_once):
    ivo = make_operator(make_account(Policy.DISABLED), name="Ivo Invited", invited=True)
    invite.send(ivo, NOBODY)
    browser = Client()
    browser.get(link_in_mail())
    password = "a fine long password"
    data = {"name": "Ivo", "new_password": password, "new_password_again": password}
    withdrawals = [
        partial(removal.withdraw, Operator.objects.get(pk=ivo.pk), NOBODY) for _ in range(RIVALS - 1)
    ]
    accepted, *withdrawn = at_once([partial(browser.post, ACCEPT, data), *withdrawals])
    there = Operator.objects.filter(pk=ivo.pk).exists()
    assert withdrawn.count(True) == (0 if there else 1)
    assert accepted.status_code == (302 if there else 410)


def test_a_password_reset_link_sets_one_password(at_once, operator, browsers):
    Client().post(reverse("operators:password-reset"), {"email": operator.email})
    link = link_in_mail()
    posts = []
    for number, browser in enumerate(browsers):
        browser.get(link)
        new = f"a fine long password {number}"
        url = reverse("operators:password-reset-choose")
        posts.append(partial(browser.post, url, {"new_password": new, "new_password_again": new}))
    answers = at_once(posts)
    assert sorted(answer.status_code for answer in answers) == [302] + [410] * (RIVALS - 1)
    winner = [answer.status_code for answer in answers].index(302)
    stored = Operator.objects.get(pk=operator.pk)
    assert stored.check_password(f"a fine long password {winner}")
    assert entries(operator, Action.PASSWORD_RESET) == 1


def test_a_new_address_is_confirmed_once(at_once, operator, browsers):
    new = f"new{operator.pk}@example.com"
    signed_in(operator).post(reverse("operators:email", args=[operator.pk]), {"email": new})
    link = link_in_mail()
    for browser in browsers:
        browser.get(link)
    at_once([partial(browser.post, reverse("operators:email-confirm")) for browser in browsers])
    assert Operator.objects.get(pk=operator.pk).email == new
    assert entries(operator, Action.EMAIL_CHANGED) == 1


def test_an_address_goes_to_one(at_once, browsers):
    admin = make_operator(make_account(), administrator=True)
    email = f"taken{admin.pk}@example.com"

    def add():
        data = {"name": "Ivo", "email": email}
        form = NewOperatorForm(data, account_id=admin.account_id, rule=admin.account.rule)
        return form.is_valid() and adding.add(form, admin.account, NOBODY)

    added = at_once([add] * RIVALS)
    assert len([operator for operator in added if operator]) == 1
    assert Operator.objects.filter(email=email).count() == 1


@pytest.mark.parametrize("act", [removal.deactivate, removal.delete])
def test_the_last_administrator_stays(at_once, account, act):
    admins = [make_operator(account, administrator=True) for _ in range(RIVALS)]

    def remove(admin):
        try:
            act(admin, NOBODY)
        except LastAdministratorError:
            return False
        return True

    gone = at_once([partial(remove, admin) for admin in admins])
    assert gone.count(True) == RIVALS - 1
    assert Operator.objects.filter(account=account).administrators().with_a_way_in().count() == 1


def test_one_mail_goes_out(at_once, operator):
    before = len(mail.outbox)
    waits = at_once([partial(setup_link.send, operator, NOBODY)] * RIVALS)
    assert waits.count(0) == 1
    assert len(mail.outbox) == before + 1
    assert OutgoingMail.objects.filter(to=operator.email).count() == 1


def test_resending_from_many_windows_mails_one_invitation(at_once, account):
    admin = make_operator(account, administrator=True)
    ivo = make_operator(account, invited=True)
    browsers = [signed_in(admin) for _ in range(RIVALS)]
    before = len(mail.outbox)
    url = reverse("operators:invitation-resend", args=[ivo.pk])
    at_once([partial(browser.post, url) for browser in browsers])
    assert len(mail.outbox) == before + 1
    assert Link.objects.get(user=ivo).expires_at > timezone.now()


def test_a_recovery_code_opens_one_session(at_once, operator, browsers):
    enroll(operator)
    for browser in browsers:
        log_in(browser, operator)
    at_once([partial(browser.post, RECOVER, {"code": RECOVERY_CODES[0]}) for browser in browsers])
    assert [is_signed_in(browser) for browser in browsers].count(True) == 1
    assert entries(operator, Action.RECOVERY_CODE_USED) == 1
    assert Authenticator.objects.get(user=operator).recovery_codes_left == 9


def test_recovery_codes_that_differ_do_not_bring_each_other_back(at_once, account, operator):
    enroll(make_operator(account))
    authenticator = enroll(operator)
    spend = [
        partial(Authenticator.objects.get(pk=authenticator.pk).spend_recovery_code, code)
        for code in RECOVERY_CODES[:RIVALS]
    ]
    assert at_once(spend) == [True] * RIVALS
    assert Authenticator.objects.get(pk=authenticator.pk).recovery_codes_left == 10 - RIVALS


def test_five_of_many_wrong_codes_in_one_sign_in_are_looked_at(at_once, operator, browsers):
    enroll(operator)
    log_in(browsers[0], operator)
    for browser in browsers[1:]:
        browser.cookies = browsers[0].cookies.copy()
    wrong = code_for(steps=500)
    at_once([partial(browser.post, LOGIN_CODE, {"code": wrong}) for browser in browsers])
    operator.refresh_from_db()
    assert operator.code_failures == entries(operator, Action.CODE_FAILED) == 5
    assert browsers[0].post(LOGIN_CODE, {"code": code_for()}).url == reverse("operators:login")
    assert not any(is_signed_in(browser) for browser in browsers)


def test_no_sign_in_with_the_old_phone_outlives_the_new_one(at_once, operator, browsers):
    enroll(operator)
    here = signed_in(operator)
    secret = key_on(here.get(NEW_PHONE).text)
    for browser in browsers[1:]:
        log_in(browser, operator)
    old = [partial(browser.post, LOGIN_CODE, {"code": code_for(steps=1)}) for browser in browsers[1:]]
    at_once([partial(here.post, NEW_PHONE, {"code": code_for(secret)}), *old])
    assert Authenticator.objects.get(user=operator).secret == secret
    assert here.get(NEW_PHONE).status_code == 200
    assert [browser.get(NEW_PHONE).status_code for browser in browsers[1:]] == [302] * (RIVALS - 1)


def test_of_recovery_codes_renewed_at_once_one_set_is_shown_and_works(at_once, operator):
    """Each request has read the operator before any of them renews."""
    enroll(operator)
    people = [Operator.objects.complete().get(pk=operator.pk) for _ in range(RIVALS)]
    sessions = [SessionStore() for _ in people]
    renew = [
        partial(fresh_codes.renew, session, person, NOBODY)
        for session, person in zip(sessions, people, strict=True)
    ]
    assert at_once(renew).count(True) == 1
    shown = [codes for session in sessions if (codes := fresh_codes.current(session, people[0]))]
    assert len(shown) == 1
    authenticator = Authenticator.objects.get(user=operator)
    assert authenticator.recovery_hashes == recovery.hashes_of(shown[0], authenticator.secret)
    assert entries(operator, Action.RECOVERY_CODES_RENEWED) == 1


def test_the_last_administrator_keeps_a_password(at_once, account):
    admins = [make_operator(account, administrator=True) for _ in range(RIVALS)]

    def switch(admin):
        try:
            return set_sign_in_method(admin, "single_sign_on", NOBODY)
        except LastAdministratorError:
            return False

    assert at_once([partial(switch, admin) for admin in admins]).count(True) == RIVALS - 1
    assert Operator.objects.filter(account=account).administrators().with_a_way_in().count() == 1


def test_of_overrides_set_at_once_each_replaces_the_one_before_in_the_trail(at_once, account, operator):
    """Each has read the operator before any of them stores."""
    rivals = [Operator.objects.complete().get(pk=operator.pk) for _ in range(RIVALS)]
    at_once(
        [
            partial(set_override, rival, "optional", NOBODY, reason=f"Reason {n}")
            for n, rival in enumerate(rivals)
        ]
    )
    trail = AuditEntry.objects.filter(subject_id=operator.pk, action=Action.OVERRIDE).order_by("pk")
    values = list(trail.values_list("old", "new"))
    assert [old for old, _new in values] == ["", *(new for _old, new in values[:-1])]
    assert len(values) == RIVALS
    operator.refresh_from_db()
    assert in_words(operator) == values[-1][1]


def test_of_reminder_schedules_set_at_once_each_replaces_the_one_before_in_the_trail(at_once, account):
    rivals = [Account.objects.get(pk=account.pk) for _ in range(RIVALS)]
    at_once(
        [partial(set_schedule, rival, 2 + n, NOBODY, to_optional=False) for n, rival in enumerate(rivals)]
    )
    entries = AuditEntry.objects.filter(account=account, action=Action.REMINDER_SCHEDULE).order_by("pk")
    values = list(entries.values_list("old", "new"))
    assert [old for old, _new in values] == ["Off", *(new for _old, new in values[:-1])]
    assert len(values) == RIVALS


def shown_on(page: str) -> str:
    """What Confirm would send of what this preview shows. (A client's context is that of all threads.)"""
    match = re.search(r'name="shown" value="(\w+)"', page)
    assert match, page
    return match[1]


def test_of_policies_confirmed_at_once_one_counts_and_the_others_see_the_new_preview(at_once, account):
    days = [timezone.localdate() + timedelta(days=20 + number) for number in range(RIVALS - 2)]
    chosen = [("disabled", ""), ("required", ""), *(("required", str(day)) for day in days)]
    make_operator(account)  # who must set up, and is told
    admins = [make_operator(account, administrator=True, enrolled=True) for _ in chosen]
    browsers = [signed_in(admin) for admin in admins]
    forms = [confirm_data(browser, *rule) for browser, rule in zip(browsers, chosen, strict=True)]
    sends = [
        partial(browser.post, POLICY, {**form, "mail_now": "on"})
        for browser, form in zip(browsers, forms, strict=True)
    ]
    answers = at_once(sends)
    [winner] = [number for number, answer in enumerate(answers) if answer.status_code == 302]
    account.refresh_from_db()
    assert account.two_factor_policy == chosen[winner][0]
    [entry] = AuditEntry.objects.filter(account=account, action=Action.ACCOUNT_POLICY)
    assert (entry.actor_id, entry.new) == (admins[winner].pk, rule_in_words(account.rule))
    assert Announcement.objects.filter(account=account).count() == 1
    for number in set(range(RIVALS)) - {winner}:
        page = answers[number].text
        assert "Something has changed since you looked" in page
        assert rule_in_words(account.rule) in page
        # What the others see now is what there is now: it can be confirmed.
        assert shown_on(page) == confirm_data(browsers[number], *chosen[number])["shown"]
