"""The ledger of links: one row for each that was asked for, true to what became of it."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as product
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Origin
from accounts.models import AuditEntry
from accounts.outgoing import OutgoingMail
from accounts.policy import Policy
from invitations import invite, ledger, setup_link
from invitations.ledger import LinkRecord
from invitations.models import Link, hash_of
from operators.ledger import records
from operators.override import set_override
from operators.removal import withdraw
from tests.factories import NOBODY, make_account, make_operator
from tests.test_flows import link_in_mail

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


def test_an_email_in_the_queue_is_being_sent_and_one_that_is_dropped_stays_so(account, olga):
    setup_link.send(olga, NOBODY)
    LinkRecord.objects.update(sent_at=None)
    assert states(account) == ["waiting"]
    mail = OutgoingMail.objects.get()
    mail.state = "dropped"
    LinkRecord.settled(mail)
    assert states(account) == ["waiting"]


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
            found = hash_of(Link.issue(olga, purpose, olga.email))
        assert Link.find(found, purpose, begin + life - second)
        assert not Link.find(found, purpose, begin + life)
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


@pytest.mark.parametrize(("seconds", "state"), [(3599, "sent"), (3601, "expired")])
def test_a_setup_link_expires_after_an_hour(account, olga, seconds, state):
    setup_link.send(olga, NOBODY)
    later = timezone.now() + timedelta(seconds=seconds)
    assert [one.state for one in records(account.pk, later)] == [state]


def test_links_of_other_purposes_are_not_in_it(olga):
    Client().get(
        reverse("operators:email-link", args=[Link.issue(olga, Link.Purpose.EMAIL, "a@example.com")])
    )
    assert not LinkRecord.objects.exists()


def test_it_holds_no_hash_of_a_token(olga):
    setup_link.send(olga, NOBODY)
    assert Link.objects.get().token_hash not in LinkRecord.objects.values_list()[0]


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


def test_an_empty_ledger_says_what_would_be_there(admin_browser):
    assert "There is no link yet" in admin_browser.get(URL).text


def test_its_queries_do_not_grow(admin_browser, account, ivo):
    invite.send(ivo, NOBODY)

    def queries():
        with CaptureQueriesContext(connection) as found:
            admin_browser.get(URL)
        return len(found)

    few = queries()
    for _ in range(30):
        invite.make_link(make_operator(account, invited=True), NOBODY)
    assert queries() == few


def test_the_file_has_what_the_filters_leave(admin_browser, olga, ivo):
    invite.send(ivo, NOBODY)
    setup_link.send(olga, NOBODY)
    file = admin_browser.get(reverse("operators:links-export"), {"kind": "setup"})
    lines = b"".join(file.streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert '"Olga (olga@example.com)","Setup link","","Sent"' in lines[1]
    refused = admin_browser.get(reverse("operators:links-export"), {"kind": "x"})
    assert refused.url == f"{URL}?kind=x"


def test_an_administrator_sends_a_setup_link_again_within_the_limits(admin_browser, account, olga):
    url = reverse("operators:setup-link-send", args=[olga.pk])
    assert "is on its way" in admin_browser.post(url, follow=True).text
    assert "a short while ago" in admin_browser.post(url, follow=True).text
    assert states(account) == ["sent"]
    assert LinkRecord.objects.get().asked_by == "Anna Admin (anna@example.com)"


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
