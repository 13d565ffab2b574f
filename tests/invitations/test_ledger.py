"""The ledger of links: one row for each link requested, and what became of it."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as product
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import Action, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import Policy
from invitations import invite, ledger, setup_link
from invitations.ledger import LinkRecord
from invitations.link_mail import send_link
from invitations.models import Link, hash_of
from operators.links.ledger import records
from operators.models import Operator
from operators.overrides.override import set_override
from operators.people import profile, removal, reset
from operators.people.login_method import set_sign_in_method
from operators.people.removal import withdraw
from operators.signin import frozen, own_sessions, password_reset
from operators.signin.session_store import SessionStore
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    SECRET,
    enroll,
    make_account,
    make_operator,
)
from tests.support.flows import key_on, link_in_mail, log_in
from tests.support.source import called, functions
from twofactor import enrollment, fresh_codes
from uptrends_2fa import settings as product_settings

URL = reverse("operators:links")


@pytest.fixture
def olga(account):
    return make_operator(account, "olga@example.com", name="Olga", override=Policy.REQUIRED)


@pytest.fixture
def ivo(account):
    return make_operator(account, "ivo@example.com", name="Ivo", invited=True)


def states(account):
    return [one.state for one in records(account.pk, timezone.now())]


def test_a_setup_link_is_sent_and_opened_once(account, olga):
    setup_link.send(olga, NOBODY)
    assert states(account) == ["sent"]
    Client().get(link_in_mail())
    assert states(account) == ["opened"]
    first = LinkRecord.objects.get().opened_at
    Client().get(link_in_mail())
    assert LinkRecord.objects.get().opened_at == first


def test_a_newer_link_leaves_the_older_one_in_the_ledger(account, ivo):
    invite.send(ivo, NOBODY)
    invite.make_link(ivo, Origin(make_operator(account, "anna@example.com", name="Anna")))
    assert states(account) == ["copied", "replaced"]
    assert [one.asked_by for one in LinkRecord.objects.order_by("pk")] == ["", "Anna (anna@example.com)"]


def test_opening_a_replaced_link_is_not_noted_on_the_newer_one(account, ivo):
    invite.send(ivo, NOBODY)
    old = link_in_mail()
    invite.make_link(ivo, NOBODY)
    Client().get(old)
    assert states(account) == ["copied", "replaced"]


def test_an_email_that_nobody_took_has_failed(account, olga, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    setup_link.send(olga, NOBODY)
    assert states(account) == ["failed"]


@pytest.fixture
def in_the_queue(settings, olga):
    """A setup link whose email has not been tried yet."""
    settings.TASKS = {"default": {"BACKEND": product_settings.TASK_BACKENDS["database"]}}
    setup_link.send(olga, NOBODY)
    return OutgoingMail.objects.get()


def test_an_email_in_the_queue_is_being_sent(account, in_the_queue):
    assert states(account) == ["waiting"]
    send_link.func(in_the_queue.pk)
    assert states(account) == ["sent"]


def test_an_email_that_waits_for_longer_than_its_link_lives_brings_one_that_works(account, in_the_queue):
    later = timezone.now() + timedelta(hours=30)
    with time_machine.travel(later, tick=False):
        [one] = records(account.pk, later)
        assert (one.state, one.over_at) == ("waiting", None)
        send_link.func(in_the_queue.pk)
        [one] = records(account.pk, later)
        assert (one.state, one.sent_at, one.expires_at) == ("sent", later, later + timedelta(hours=1))
        assert Client().get(link_in_mail(), follow=True).status_code == 200


def test_an_email_that_never_left_is_replaced_by_the_next(account, olga, in_the_queue):
    with time_machine.travel(timezone.now() + timedelta(hours=30)):
        setup_link.send(olga, NOBODY)
        now = timezone.now()
    newer, older = records(account.pk, now)
    assert (newer.state, older.state) == ("waiting", "replaced")
    assert older.over_at == older.ended_at


def test_an_email_that_is_dropped_leaves_no_link_open(account, olga, in_the_queue):
    Operator.objects.filter(pk=olga.pk).update(session_nonce="changed meanwhile")
    assert states(account) == ["changed"]
    send_link.func(in_the_queue.pk)
    [one] = records(account.pk, timezone.now())
    assert (one.state, one.over_at) == ("changed", one.ended_at)
    assert OutgoingMail.objects.get().state == "dropped"


def test_a_link_that_is_spent_is_used(account, ivo):
    invite.send(ivo, NOBODY)
    assert Link.objects.get().spend(timezone.now())
    assert states(account) == ["used"]
    assert not Link.objects.get().spend(timezone.now())


def test_a_link_that_was_replaced_since_it_was_read_is_not_spent(account, ivo):
    invite.send(ivo, NOBODY)
    read = Link.objects.get()
    invite.make_link(ivo, NOBODY)
    assert not read.spend(timezone.now())
    assert states(account) == ["copied", "replaced"]
    assert {one.asked_by for one in LinkRecord.objects.all()} == {""}
    assert Link.objects.get().spend(timezone.now())


def test_a_link_that_has_expired_since_it_was_read_is_not_spent(account, ivo):
    invite.send(ivo, NOBODY)
    link = Link.objects.get()
    second = timedelta(seconds=1)
    assert [link.is_live(ivo, at) for at in (link.expires_at - second, link.expires_at)] == [True, False]
    assert not link.spend(link.expires_at)
    assert link.spend(link.expires_at - second)


@pytest.mark.parametrize(
    ("purpose", "life"),
    [
        (Link.Purpose.SETUP, timedelta(hours=1)),
        (Link.Purpose.INVITATION, timedelta(days=21)),
        (Link.Purpose.PASSWORD_RESET, timedelta(seconds=product.PASSWORD_RESET_TIMEOUT)),
        (Link.Purpose.EMAIL, timedelta(days=1)),
    ],
)
def test_every_link_has_its_time_and_a_newer_one_begins_anew(olga, purpose, life):
    second = timedelta(seconds=1)
    for begin in (timezone.now(), timezone.now() + timedelta(minutes=5)):
        with time_machine.travel(begin, tick=False):
            token_hash = hash_of(Link.issue(olga, purpose, olga.email))
        assert Link.find(token_hash, purpose, begin + life - second)
        assert not Link.find(token_hash, purpose, begin + life)
        assert Link.objects.get().created_at == begin


def test_opening_a_link_that_has_expired_is_not_noted(account, olga):
    setup_link.send(olga, NOBODY)
    Link.objects.update(expires_at=timezone.now())
    Client().get(link_in_mail())
    assert states(account) == ["sent"]


def test_a_withdrawn_invitation_outlives_its_person(account, ivo):
    invite.send(ivo, NOBODY)
    withdraw(ivo, NOBODY)
    assert states(account) == ["withdrawn"]
    assert LinkRecord.objects.get().person_name == "Ivo (ivo@example.com)"


def test_a_new_nonce_and_another_override_end_a_link_by_a_change(account, olga):
    setup_link.send(olga, NOBODY)
    olga.renew_session_nonce()
    assert states(account) == ["changed"]
    setup_link.send(olga, NOBODY)
    set_override(olga, "", NOBODY)
    assert states(account) == ["changed", "replaced"]


CHANGES = {
    "reset of the password": lambda _olga: password_reset.reset_password(
        Link.objects.get(purpose=Link.Purpose.PASSWORD_RESET), "fine long words", NOBODY
    ),
    "own change of the password": lambda olga: profile.change_password(olga, "fine long words", NOBODY),
    "end sessions": lambda olga: own_sessions.end_all(olga, NOBODY),
    "a reset": lambda olga: reset.reset(enrolled(olga), NOBODY),
    "a new phone": lambda olga: enrollment.replace(enrolled(olga), confirmed(), Origin(olga), []),
    "new recovery codes": lambda olga: fresh_codes.renew(SessionStore(), enrolled(olga), Origin(olga)),
    "a freeze": lambda olga: frozen.freeze(olga, timezone.now(), NOBODY),
    "deactivation": lambda olga: removal.deactivate(olga, NOBODY),
    "deletion": lambda olga: removal.delete(olga, NOBODY),
    "single sign-on": lambda olga: set_sign_in_method(olga, "single_sign_on", NOBODY),
    "an authenticator": lambda olga: enrollment.enroll(olga, confirmed(), NOBODY, RECOVERY_CODES),
}

# Every place that gives somebody a new nonce, and what it leaves in the trail.
RENEWS = {
    ("operators/signin/frozen.py", "freeze"): {Action.FROZEN},
    ("operators/people/login_method.py", "set_sign_in_method"): {Action.SIGN_IN_METHOD},
    ("operators/signin/own_sessions.py", "end_all"): {Action.ALL_SESSIONS_ENDED},
    ("operators/signin/password_reset.py", "reset_password"): {Action.PASSWORD_RESET},
    ("operators/people/profile.py", "_store_email"): {Action.EMAIL_CHANGED},
    ("operators/people/profile.py", "change_password"): {Action.PASSWORD_CHANGED},
    ("operators/people/removal.py", "_set_active"): {Action.ACTIVATED, Action.DEACTIVATED},
    ("twofactor/enrollment.py", "enroll"): {Action.TWO_FACTOR_ENROLLED},
    ("twofactor/enrollment.py", "remove"): {Action.TWO_FACTOR_RESET},
    ("twofactor/enrollment.py", "replace"): {Action.PHONE_CHANGED},
    ("twofactor/fresh_codes.py", "renew"): {Action.RECOVERY_CODES_RENEWED},
}


def confirmed() -> enrollment.Confirmed:
    return enrollment.Confirmed(SECRET, 1, timezone.now())


def enrolled(olga: Operator) -> Operator:
    enroll(olga)
    operator: Operator = Operator.objects.complete().get(pk=olga.pk)
    return operator


def test_every_place_that_renews_a_nonce_is_known_to_the_ledger():
    names = {"renew_session_nonce", "renew_nonce_as_read", "new_nonce"}
    places = {(path, function.name) for path, function in functions() if names & {*called(function)}}
    assert {place for place in places if place[0] != "operators/models/operator.py"} == set(RENEWS)
    assert set().union(*RENEWS.values()) | {Action.DELETED} == set(ledger.RENEWING)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_sign_in_ends_a_link_at_that_moment(account, olga, change):
    setup_link.send(olga, NOBODY)
    Link.issue(olga, Link.Purpose.PASSWORD_RESET, olga.email)
    at = timezone.now() + timedelta(minutes=5)
    with time_machine.travel(at, tick=False):
        change(Operator.objects.get(pk=olga.pk))
    # Much later it is still not said to have expired.
    [one] = records(account.pk, at + timedelta(days=7))
    assert (one.state, one.over_at) == ("changed", at)


def test_an_expired_link_stays_expired_whatever_comes_after(account, olga):
    setup_link.send(olga, NOBODY)
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        setup_link.send(olga, NOBODY)
        removal.deactivate(olga, NOBODY)
        later = timezone.now() + timedelta(hours=3)
        removal.activate(olga, NOBODY)
    newer, older = records(account.pk, later)
    assert (newer.state, older.state) == ("changed", "expired")
    assert older.over_at == older.expires_at
    assert newer.over_at < newer.expires_at


@pytest.mark.parametrize(("seconds", "state"), [(3599, "sent"), (3601, "expired")])
def test_a_setup_link_expires_after_an_hour(account, olga, seconds, state):
    setup_link.send(olga, NOBODY)
    later = timezone.now() + timedelta(seconds=seconds)
    assert [one.state for one in records(account.pk, later)] == [state]


def test_links_that_people_ask_for_themselves_are_not_shown_to_administrators(account, admin_browser, olga):
    for purpose in (Link.Purpose.EMAIL, Link.Purpose.PASSWORD_RESET):
        Link.issue(olga, purpose, "a@example.com")
    assert LinkRecord.objects.count() == 2
    assert states(account) == []
    page = admin_browser.get(URL).text
    assert "New password" not in page
    assert "New email address" not in page


def test_it_holds_the_hash_of_a_token_and_no_token(olga):
    setup_link.send(olga, NOBODY)
    token = link_in_mail().rstrip("/").rpartition("/")[2]
    [stored] = LinkRecord.objects.values_list()
    assert hash_of(token) in stored
    assert token not in stored


def test_rows_go_after_400_days(olga):
    setup_link.send(olga, NOBODY)
    LinkRecord.objects.update(asked_at=timezone.now() - timedelta(days=399))
    ledger.forget_old()
    assert LinkRecord.objects.exists()
    LinkRecord.objects.update(asked_at=timezone.now() - timedelta(days=400))
    ledger.forget_old()
    assert not LinkRecord.objects.exists()


# The page


def test_the_page_filters_and_leaves_other_accounts_out(admin_browser, olga, ivo):
    invite.send(ivo, NOBODY)
    setup_link.send(olga, NOBODY)
    foreign = make_operator(make_account(name="Other"), name="Foreign", invited=True)
    invite.make_link(foreign, NOBODY)
    assert len(admin_browser.get(URL).context["page"]) == 2
    for query in ({"kind": "setup"}, {"search": "olga"}, {"state": "sent", "search": "OLGA"}):
        [one] = admin_browser.get(URL, query).context["page"]
        assert one.person_id == olga.pk
    assert "No link matches" in admin_browser.get(URL, {"state": "used"}).text


def test_only_the_newest_link_of_a_person_offers_what_is_done_with_it(admin_browser, olga, ivo):
    setup_link.send(olga, NOBODY)
    invite.send(ivo, NOBODY)
    LinkRecord.objects.update(expires_at=timezone.now())

    def offered():
        return [(one.state, one.can_act) for one in admin_browser.get(URL).context["page"]]

    assert offered() == [("expired", True), ("expired", True)]
    setup_link.make_link(olga, NOBODY)
    invite.make_link(ivo, NOBODY)
    assert offered() == [("copied", True), ("copied", True), ("expired", False), ("expired", False)]


def test_an_empty_ledger_says_what_would_be_there(admin_browser):
    assert "There is no link yet" in admin_browser.get(URL).text


def test_its_queries_do_not_grow(admin_browser, account, ivo):
    invite.send(ivo, NOBODY)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(URL)
        return len(captured)

    few = queries()
    for _ in range(30):
        invite.make_link(make_operator(account, invited=True), NOBODY)
    assert queries() == few


def test_the_file_has_what_the_filters_leave(admin_browser, olga, ivo):
    invite.send(ivo, NOBODY)
    setup_link.send(olga, NOBODY)
    url = reverse("operators:links-export")
    file = admin_browser.post(f"{url}?kind=setup")
    lines = b"".join(file.streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert '"Olga (olga@example.com)","Setup link","","Sent"' in lines[1]
    assert AuditEntry.objects.latest("pk").new == "Setup links and invitations; Kind: Setup link; 1 row"
    refused = admin_browser.post(f"{url}?kind=x")
    assert refused.url == f"{URL}?kind=x"


def test_an_administrator_sends_a_setup_link_again_within_the_limits(admin_browser, account, olga):
    url = reverse("operators:setup-link-send", args=[olga.pk])
    assert "is on its way" in admin_browser.post(url, follow=True).text
    assert "a short while ago" in admin_browser.post(url, follow=True).text
    assert states(account) == ["sent"]
    assert LinkRecord.objects.get().asked_by == "Anna Admin (anna@example.com)"


def test_what_is_done_in_the_ledger_leads_back_to_it_as_it_was(admin_browser, olga, ivo):
    setup_link.send(olga, NOBODY)
    invite.send(ivo, NOBODY)
    page = admin_browser.get(URL, {"state": "sent", "page": "1"}).text
    assert page.count('name="ledger" value="state=sent&amp;page=1"') == 3
    for name, person in (
        ("setup-link-send", olga),
        ("invitation-resend", ivo),
        ("setup-link-withdraw", olga),
    ):
        url = reverse(f"operators:{name}", args=[person.pk])
        assert admin_browser.post(url, {"ledger": "state=sent&page=1"}).url == f"{URL}?state=sent&page=1"
        assert admin_browser.post(url, {"ledger": ""}).url == URL


def test_nobody_gets_a_setup_link_who_needs_none(admin_browser, operator):
    url = reverse("operators:setup-link-send", args=[operator.pk])
    assert "does not need a setup link" in admin_browser.post(url, follow=True).text
    assert not LinkRecord.objects.exists()


def test_an_administrator_withdraws_a_setup_link(admin_browser, account, olga):
    setup_link.send(olga, NOBODY)
    url = reverse("operators:setup-link-withdraw", args=[olga.pk])
    assert "is withdrawn" in admin_browser.post(url, follow=True).text
    assert states(account) == ["withdrawn"]
    assert AuditEntry.objects.filter(action="setup_link_withdrawn", subject_id=olga.pk).exists()
    assert Client().get(link_in_mail(), follow=True).status_code == 410
    assert "no setup link to withdraw" in admin_browser.post(url, follow=True).text


def test_an_administrator_is_told_that_the_mail_server_did_not_take_it(
    admin_browser, account, olga, settings
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    url = reverse("operators:setup-link-send", args=[olga.pk])
    assert "could not be sent" in admin_browser.post(url, follow=True).text
    assert "Could not be emailed" in admin_browser.get(URL).text
    assert str(LinkRecord.objects.get()) == "setup for Olga (olga@example.com)"


# Copying a setup link


@pytest.fixture
def copied(admin_browser, olga):
    """What an administrator sees after copying a setup link."""
    return admin_browser.post(reverse("operators:setup-link-copy", args=[olga.pk]), follow=True)


def test_a_copied_setup_link_is_shown_and_audited_and_replaces_the_mailed_one(admin_browser, account, olga):
    setup_link.send(olga, NOBODY)
    mailed = link_in_mail()
    assert f'action="{reverse("operators:setup-link-copy", args=[olga.pk])}"' in admin_browser.get(URL).text
    answer = admin_browser.post(reverse("operators:setup-link-copy", args=[olga.pk]), follow=True)
    assert answer.context["link"] in answer.text
    assert answer.context["link"] != mailed
    assert states(account) == ["copied", "replaced"]
    assert LinkRecord.objects.latest("pk").asked_by == "Anna Admin (anna@example.com)"
    assert AuditEntry.objects.filter(action="setup_link_copied", subject_id=olga.pk).count() == 1
    assert Client().get(mailed, follow=True).status_code == 410


def test_a_copied_setup_link_is_useless_without_the_password(copied, olga):
    browser = Client()
    page = browser.get(copied.context["link"], follow=True)
    assert page.request["PATH_INFO"] == reverse("invitations:setup-password")
    assert browser.get(reverse("invitations:setup")).url == reverse("invitations:setup-password")
    assert "That is not your password" in browser.post(page.request["PATH_INFO"], {"password": "no"}).text
    page = browser.post(page.request["PATH_INFO"], {"password": PASSWORD}, follow=True)
    assert key_on(page.text)


def test_a_copied_invitation_is_not_shown_as_a_setup_link(admin_browser, copied, olga):
    Operator.objects.filter(pk=olga.pk).update(joined_at=None, is_active=False)
    page = admin_browser.get(reverse("operators:invitation-copy", args=[olga.pk]), follow=True)
    assert "That link is not shown any more" in page.text


def test_whoever_waits_for_the_email_is_told_that_an_administrator_has_the_link(admin_browser, olga):
    browser = Client()
    log_in(browser, olga)
    admin_browser.post(reverse("operators:setup-link-copy", args=[olga.pk]))
    page = browser.get(reverse("invitations:check-email"))
    assert "has your link and passes it on to you" in page.text
    assert "could not be sent" not in page.text


def test_no_setup_link_is_copied_for_who_needs_none(admin_browser, operator):
    url = reverse("operators:setup-link-copy", args=[operator.pk])
    assert "does not need a setup link" in admin_browser.post(url, follow=True).text
    assert not LinkRecord.objects.exists()
