"""How emails leave: stored with the change, sent after the commit, tried again, and their state shown."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from accounts.mail import delivery
from accounts.mail.notice_mail import notify, send_notice
from accounts.models import Action, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import Policy
from invitations import invite, setup_link
from invitations.ledger import LinkRecord
from invitations.link_mail import send_link
from invitations.models import Link
from operators.people.removal import deactivate
from tests.support.factories import NOBODY, PASSWORD, make_account, make_operator, signed_in
from tests.support.flows import link_in_mail
from uptrends_2fa import settings as product_settings
from uptrends_2fa.management.commands import worker

CHECK_EMAIL = reverse("invitations:check-email")
TEMPLATE = "operators/email/password_changed"
State = OutgoingMail.State


@pytest.fixture
def queue(settings, monkeypatch):
    """Emails wait for a worker, as in production; a worker in this process keeps the test's connection."""
    monkeypatch.setattr("django_tasks_db.management.commands.db_worker.close_old_connections", lambda: None)
    settings.TASKS = {"default": {"BACKEND": product_settings.TASK_BACKENDS["database"]}}


@pytest.fixture
def mail_server(settings):
    """Makes the mail server unreachable, and reachable again."""
    working = settings.EMAIL_BACKEND

    def switch(*, on: bool) -> None:
        settings.EMAIL_BACKEND = working if on else "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    return switch


@pytest.fixture
def olga(db):
    return make_operator(make_account(Policy.REQUIRED), "olga@example.com")


def work() -> None:
    call_command("worker", "--once")


def work_in(**later) -> None:
    with time_machine.travel(timezone.now() + timedelta(**later)):
        work()


def stopped(operator) -> Client:
    """A browser in which the password was given."""
    browser = Client()
    browser.post(reverse("operators:login"), {"email": operator.email, "password": PASSWORD})
    return browser


def tell(account, to="olga@example.com") -> OutgoingMail:
    words = {"operator": {"name": "Olga", "email": to}, "url": "http://testserver/"}
    return notify(TEMPLATE, to, words, account=account)


# Notices


def test_a_notice_leaves_within_the_request_where_there_is_no_queue(account):
    assert tell(account).is_sent
    assert mail.outbox[0].to == ["olga@example.com"]


def test_a_notice_leaves_after_the_commit(account):
    with transaction.atomic():
        tell(account)
        assert mail.outbox == []
    assert len(mail.outbox) == 1


def test_a_change_that_is_undone_takes_its_notice_along(account):
    def change():
        with transaction.atomic():
            tell(account)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert mail.outbox == []
    assert not OutgoingMail.objects.exists()


def test_a_refused_notice_has_failed_at_once_where_there_is_no_queue(account, mail_server):
    mail_server(on=False)
    assert tell(account).has_failed


def test_an_address_that_no_mail_can_go_to_is_a_failure(account, monkeypatch):
    def refuse(_message):
        raise ValueError

    monkeypatch.setattr("accounts.mail.delivery.EmailMultiAlternatives.send", refuse)
    assert tell(account).has_failed


def test_a_notice_waits_for_the_worker_and_tells_when_it_happened(account, queue):
    happened = timezone.now() - timedelta(hours=3)
    with time_machine.travel(happened, tick=False):
        assert tell(account).is_waiting
    assert mail.outbox == []
    work()
    assert f"{happened:%H:%M}" in mail.outbox[0].body
    assert str(OutgoingMail.objects.get()) == f"{TEMPLATE}, sent"


def test_a_notice_is_tried_again_with_growing_waits_and_then_failed(account, queue, mail_server):
    mail_server(on=False)
    waited = tell(account)
    waits, clock = [], timezone.now()
    for _ in range(10):
        with time_machine.travel(clock, tick=False):
            work()
        waited.refresh_from_db()
        if waited.has_failed:
            break
        waits.append(round((waited.next_try_at - clock).total_seconds()))
        clock = waited.next_try_at
    assert waits == [30, 120, 600, 1800]


@pytest.mark.parametrize(("seconds", "mails"), [(29, 0), (31, 1)])
def test_the_second_try_comes_after_its_wait(account, queue, mail_server, seconds, mails):
    mail_server(on=False)
    tell(account)
    work()
    mail_server(on=True)
    work_in(seconds=seconds)
    assert len(mail.outbox) == mails


def test_a_task_knows_the_number_of_the_email_and_nothing_else(olga, queue):
    stopped(olga)
    assert DBTaskResult.objects.get().args_kwargs == {"args": [OutgoingMail.objects.get().pk], "kwargs": {}}


def test_a_queue_that_fails_costs_no_page_and_no_email(account, queue, monkeypatch):
    def fail(*_args):
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr("django_tasks_db.DatabaseBackend.enqueue", fail)
        tell(account)
    work_in(seconds=61)
    assert len(mail.outbox) == 1


# A mailbox that refuses


@pytest.fixture
def refuses(monkeypatch):
    """Makes the mail server refuse the recipient."""

    def answer(code, text=b"No such user"):
        def refuse(message):
            raise SMTPRecipientsRefused({message.to[0]: (code, text)})

        monkeypatch.setattr("accounts.mail.delivery.EmailMultiAlternatives.send", refuse)

    return answer


@pytest.mark.parametrize(
    ("answer", "for_good"),
    [
        ((550, b"No such user"), True),
        ((553, b"Mailbox name not allowed"), True),
        ((556, b"Domain does not accept mail"), True),
        ((501, b"5.1.3 Bad recipient address syntax"), True),
        ((550, b"5.1.1 <olga@example.com>: Recipient address rejected"), True),
        ((550, b"5.2.1 The account is disabled"), True),
        ((552, b"5.2.2 Mailbox full"), False),
        ((550, b"5.7.1 Relaying denied"), False),
        ((530, b"Authentication required"), False),
        ((450, b"4.2.1 Try again later"), False),
        ((451, b"Greylisted"), False),
    ],
)
def test_a_refused_mailbox_is_not_tried_again_and_a_passing_trouble_is(
    account, queue, refuses, answer, for_good
):
    refuses(*answer)
    email = tell(account)
    work()
    email.refresh_from_db()
    assert (email.is_refused, email.has_failed, email.is_waiting) == (for_good, for_good, not for_good)


def test_whoever_waits_for_a_setup_link_hears_that_the_address_is_wrong(olga, queue, refuses):
    refuses(550)
    browser = stopped(olga)
    work()
    page = browser.get(CHECK_EMAIL).text
    assert "there is no such mailbox" in page
    assert "Ask an administrator of <bdi>Acme Monitoring</bdi> to correct your email address" in page
    assert "mail server does not answer" not in page
    entry = AuditEntry.objects.get(action=Action.SETUP_LINK_FAILED)
    assert entry.new == "The mailbox refuses it."


def test_an_administrator_hears_that_the_address_of_an_invitation_is_wrong(account, admin_browser, refuses):
    refuses(550)
    ivo = make_operator(account, "ivo@example.com", invited=True)
    invite.send(ivo, NOBODY)
    assert "there is no such mailbox" in admin_browser.get(ivo.get_absolute_url()).text
    assert AuditEntry.objects.filter(action=Action.INVITATION_FAILED).exists()


# A worker that is killed


def killed(monkeypatch) -> None:
    """Be killed in the middle of sending: the claim is stored, and nothing comes after it."""
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "attempt", lambda *_args, **_more: True)
        work()


@pytest.mark.parametrize(("seconds", "mails"), [(119, 0), (121, 1)])
def test_what_a_killed_worker_was_sending_is_sent_by_the_next(account, queue, monkeypatch, seconds, mails):
    tell(account)
    killed(monkeypatch)
    assert OutgoingMail.objects.get().is_waiting
    work_in(seconds=seconds)
    assert len(mail.outbox) == mails


def test_a_link_that_a_killed_worker_was_sending_is_sent_by_the_next(olga, queue, monkeypatch):
    stopped(olga)
    killed(monkeypatch)
    later = timezone.now() + timedelta(seconds=121)
    with time_machine.travel(later):
        work()
        assert Client().get(link_in_mail(), follow=True).status_code == 200


@pytest.mark.parametrize(("deaths", "mails"), [(5, 1), (6, 0)])
def test_an_email_that_kills_every_worker_fails_in_the_end(account, queue, settings, deaths, mails):
    settings.MAIL_RETRY_WAITS = []
    tell(account)
    OutgoingMail.objects.update(tries=deaths)
    work()
    assert OutgoingMail.objects.get().has_failed is not bool(mails)
    assert len(mail.outbox) == mails


def test_a_task_that_is_queued_twice_sends_one_email(account, queue):
    send_notice.enqueue(tell(account).pk)
    work()
    assert DBTaskResult.objects.filter(status=TaskResultStatus.SUCCESSFUL).count() == 2
    assert len(mail.outbox) == 1


def test_a_try_that_took_too_long_leaves_the_outcome_to_the_one_after_it(account, queue, monkeypatch):
    slow = tell(account)

    def overtaken(*_args):
        OutgoingMail.objects.update(tries=2)
        return State.FAILED

    monkeypatch.setattr(delivery, "send", overtaken)

    def overtaken_again(*_args):
        OutgoingMail.objects.update(tries=9)
        return State.SENT

    before = DBTaskResult.objects.count()
    work()
    assert DBTaskResult.objects.count() == before
    monkeypatch.setattr(delivery, "send", overtaken_again)
    OutgoingMail.objects.update(next_try_at=timezone.now())
    send_notice.enqueue(slow.pk)
    work()
    assert OutgoingMail.objects.get().is_waiting


def test_a_database_that_is_gone_is_waited_for(db, queue, monkeypatch):
    rounds = []

    def run(worker):
        rounds.append(worker)
        worker.running = len(rounds) < 2
        raise OperationalError

    monkeypatch.setattr(Worker, "configure_signals", lambda _worker: None)
    monkeypatch.setattr(Worker, "run", run)
    monkeypatch.setattr(worker.connection, "close", lambda: None)
    call_command("worker", "--interval", "0")
    assert len(rounds) == 2


def test_a_worker_without_a_queue_says_so(db):
    with pytest.raises(CommandError, match="There is no queue"):
        work()


@pytest.mark.parametrize(("days", "left"), [(29, 1), (31, 0)])
def test_settled_emails_are_forgotten_after_30_days(account, queue, days, left):
    tell(account)
    work()
    work_in(days=days)
    assert OutgoingMail.objects.count() == DBTaskResult.objects.count() == left


# Links


def test_a_link_whose_email_waits_opens_nothing_and_the_page_says_that_it_is_being_sent(olga, queue):
    page = stopped(olga).get(CHECK_EMAIL).text
    assert "is being sent" in page
    assert "You can send it again in" in page
    assert not AuditEntry.objects.filter(action=Action.SETUP_LINK_SENT).exists()


def test_the_page_that_looks_again_is_answered_only_when_there_is_something_new(olga, queue):
    browser = stopped(olga)
    again = browser.get(CHECK_EMAIL).text.partition('hx-get="')[2].partition('"')[0]
    assert browser.get(again).status_code == 204
    work()
    page = browser.get(again).text
    assert "We have sent a link" in page
    assert "hx-trigger" not in page


def test_the_outcome_is_in_the_trail_with_who_asked_and_from_where(olga, queue):
    stopped(olga)
    work()
    entry = AuditEntry.objects.get(action=Action.SETUP_LINK_SENT)
    assert (entry.actor_id, entry.subject_id, entry.address) == (olga.pk, olga.pk, "127.0.0.1")


def test_a_setup_link_that_fails_to_the_end_is_said_so_and_the_next_is_free(
    olga, queue, mail_server, settings
):
    settings.MAIL_RETRY_WAITS = [30]
    mail_server(on=False)
    browser = stopped(olga)
    work()
    assert "We try again by ourselves" in browser.get(CHECK_EMAIL).text
    work_in(seconds=31)
    page = browser.get(CHECK_EMAIL).text
    assert "could not be sent" in page
    assert "You can send it again in" not in page
    assert AuditEntry.objects.filter(action=Action.SETUP_LINK_FAILED).exists()


def test_a_link_lives_from_the_moment_its_email_leaves(olga, queue, mail_server):
    mail_server(on=False)
    stopped(olga)
    work()
    mail_server(on=True)
    work_in(minutes=30)
    assert LinkRecord.objects.get().expires_at == Link.objects.get().expires_at
    with time_machine.travel(timezone.now() + timedelta(minutes=89)):
        assert Client().get(link_in_mail(), follow=True).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=91)):
        assert Client().get(link_in_mail(), follow=True).status_code == 410


def test_an_email_whose_link_was_replaced_is_dropped(olga, queue):
    browser = stopped(olga)
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        browser.post(reverse("invitations:send-again"))
        work()
        assert len(mail.outbox) == 1
        assert sorted(OutgoingMail.objects.values_list("state", flat=True)) == [State.DROPPED, State.SENT]
        assert Client().get(link_in_mail(), follow=True).status_code == 200


def test_asking_for_a_newer_link_kills_the_older_one_while_the_email_waits(olga, queue):
    browser = stopped(olga)
    work()
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        browser.post(reverse("invitations:send-again"))
        assert Client().get(link_in_mail(), follow=True).status_code == 410


def test_an_email_that_leaves_after_its_link_was_replaced_or_used_brings_none(olga, queue, monkeypatch):
    """As for a try that was begun before the change was."""
    setup_link.send(olga, NOBODY)
    mail, link = OutgoingMail.objects.get(), Link.objects.get()
    rows = Link.objects.select_related("user__account").filter(pk=link.pk)
    for change in ({"mail": None}, {"spent_at": timezone.now()}):
        stale = next(iter(rows))
        rows.update(**change)
        with monkeypatch.context() as patch:
            patch.setattr("django.db.models.QuerySet.first", lambda _rows, stale=stale: stale)
            assert Link.issue_for(mail) is None
        rows.update(mail=mail, spent_at=None)
    assert Link.issue_for(mail) is not None


def test_an_email_whose_link_has_died_by_itself_is_dropped(olga, queue):
    setup_link.send(olga, NOBODY)
    olga.renew_session_nonce()
    work()
    assert mail.outbox == []
    assert OutgoingMail.objects.get().state == State.DROPPED


def test_an_email_that_waits_for_longer_than_its_link_lives_leaves_all_the_same(olga, queue):
    setup_link.send(olga, NOBODY)
    work_in(seconds=3 * 24 * 3600)
    assert len(mail.outbox) == 1
    assert OutgoingMail.objects.get().state == State.SENT


@pytest.mark.parametrize("end", ["deactivated", "killed", "deleted"])
def test_an_email_whose_link_would_not_work_is_dropped(olga, queue, end):
    make_operator(olga.account, administrator=True)
    setup_link.send(olga, NOBODY)
    if end == "deactivated":
        deactivate(olga, NOBODY)
    elif end == "killed":
        Link.kill(olga, Link.Purpose.SETUP)
    else:
        Link.objects.all().delete()
    work()
    assert mail.outbox == []
    assert OutgoingMail.objects.get().state == State.DROPPED


def test_a_copied_link_works_at_once_and_drops_the_email_that_waits(account, queue):
    ivo = make_operator(account, invited=True)
    invite.send(ivo, NOBODY)
    url = invite.make_link(ivo, NOBODY).removeprefix("http://testserver")
    assert Client().get(url, follow=True).status_code == 200
    work()
    assert mail.outbox == []
    assert Client().get(url, follow=True).status_code == 200


@pytest.mark.parametrize(
    ("tries", "words"),
    [
        (0, "is being sent. Load this page again"),
        (1, "has not taken the email to"),
        (2, "could not be sent: the mail server did not take it"),
    ],
)
def test_the_invitation_card_shows_how_far_the_email_has_come(invitation_page, mail_server, tries, words):
    mail_server(on=False)
    for number in range(tries):
        work_in(seconds=31 * number)
    assert words in invitation_page()


def test_the_invitation_card_shows_that_the_email_has_left(invitation_page):
    work()
    assert "the link works until" in invitation_page()


@pytest.fixture
def invitation_page(admin, queue, settings):
    """Reads the page of an operator who was just invited, by an email that is tried twice."""
    settings.MAIL_RETRY_WAITS = [30]
    ivo = make_operator(admin.account, invited=True)
    invite.send(ivo, NOBODY)
    return lambda: signed_in(admin).get(ivo.get_absolute_url()).text


def test_the_command_line_does_not_wait_for_a_worker(db, queue, capsys):
    call_command("create_account", "Acme", "--admin", "anna@example.com")
    assert link_in_mail() in capsys.readouterr().out
    work()
    assert len(mail.outbox) == 1


def test_a_task_of_a_link_knows_its_own_emails_only(db, queue):
    send_link.enqueue(12345)
    work()
    assert DBTaskResult.objects.get().status == TaskResultStatus.SUCCESSFUL


# Is there a worker at all?


@pytest.mark.parametrize(("minutes", "said"), [(4, False), (6, True)])
def test_administrators_are_told_when_nobody_sends_the_emails(admin_browser, account, queue, minutes, said):
    tell(account)
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        page = admin_browser.get(reverse("accounts:settings")).text
    assert ("the worker does not seem to run" in page) is said


def test_emails_of_another_account_are_nobody_elses_business(admin_browser, queue):
    tell(make_account(name="Other"))
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        page = admin_browser.get(reverse("accounts:settings")).text
    assert "the worker does not seem" not in page
