"""Reminders: whom they reach, at most one a day, by hand and by schedule, with a stop."""

import re
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts import rounds
from accounts.days import first_moment, server_day
from accounts.models import Account, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import AccountRule, Policy
from operators import emails
from operators.models import Operator
from operators.models.reminder_run import ReminderRun
from operators.reminders import announcing, reminding, schedule
from operators.rules.status import Status
from tests.support.database import statements
from tests.support.factories import NOBODY, make_account, make_operator, signed_in
from twofactor.code_limits import FAILURES_THAT_LOCK
from uptrends_2fa import settings as production

REMINDERS = reverse("operators:reminders")
SEND = reverse("operators:reminders-send")
SCHEDULE = reverse("operators:reminders-schedule")
DAY = timedelta(days=1)


@pytest.fixture
def account(account):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    return account


@pytest.fixture
def admin(account):
    return make_operator(account, "anna@example.com", name="Anna Admin", administrator=True, enrolled=True)


@pytest.fixture
def queue(settings):
    settings.TASKS = {"default": {"BACKEND": production.TASK_BACKENDS["database"]}}


def mailed() -> list[str]:
    return sorted(message.to[0] for message in mail.outbox)


def running(account, **fields) -> ReminderRun:
    return ReminderRun.objects.create(account=account, to_optional=False, total=5, **fields)


def begun(account) -> ReminderRun:
    run = reminding.start(account, NOBODY, to_optional=False)
    assert run
    return run


# Who


@pytest.mark.parametrize(("to_optional", "names"), [(False, ["req"]), (True, ["opt", "req"])])
def test_only_those_are_reminded_who_can_set_up_by_signing_in(account, admin_browser, to_optional, names):
    kinds: dict[str, Any] = {
        "req": {},
        "opt": {"override": Policy.OPTIONAL},
        "dis": {"override": Policy.DISABLED},
        "enr": {"enrolled": True},
        "inv": {"invited": True},
        "dea": {"active": False},
        "sso": {"single_sign_on": True},
        "fro": {"frozen_at": timezone.now()},
    }
    for name, fields in kinds.items():
        make_operator(account, f"{name}@example.com", **fields)
    make_operator(make_account(Policy.REQUIRED, "Other"), "foreign@example.com")
    data = {"to_optional": "on"} if to_optional else {}
    page = admin_browser.get(REMINDERS, data).text
    admin_browser.post(SEND, data)
    assert mailed() == [f"{name}@example.com" for name in names]
    for words in ("Invited: 1", "Deactivated: 1", "Locked: 1", "Disabled: 1", "Single sign-on: 1"):
        assert words in page


def test_whoever_is_not_asked_is_as_many_as_in_the_list_behind_the_number(account, admin_browser):
    enrolled: list[dict[str, Any]] = [
        {},
        {"active": False},
        {"code_failures": FAILURES_THAT_LOCK},
        {"override": Policy.DISABLED},
    ]
    for number, fields in enumerate(enrolled):
        make_operator(account, f"with{number}@example.com", enrolled=True, **fields)
        make_operator(account, f"without{number}@example.com", **fields)
    not_asked = admin_browser.get(REMINDERS).context["not_asked"]
    assert [(status, number) for status, _label, number in not_asked] == [
        (Status.DEACTIVATED, 2),
        (Status.LOCKED, 1),
        (Status.DISABLED, 2),
    ]
    for status, _label, number in not_asked:
        page = admin_browser.get(reverse("operators:list"), {"status": status}).text
        assert f"{number} operator" in page.split("data-found>")[1].split("</p>")[0]


def test_those_are_reminded_to_whom_it_is_announced(account, admin_browser, operator):
    account.required_from = timezone.now() + 10 * DAY
    account.save()
    admin_browser.post(SEND)
    assert mailed() == [operator.email]
    assert "requires two-factor authentication, and you have not set it up yet." in mail.outbox[0].body
    assert "From " in mail.outbox[0].body


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])
def test_the_day_in_the_mail_is_the_servers_wherever_its_preview_is_read(
    account, admin_browser, operator, zone
):
    account.required_from = first_moment(server_day() + 10 * DAY)
    account.save()
    admin_browser.cookies["time_zone"] = zone
    day = f"From {date_format(server_day() + 10 * DAY, 'DATE_FORMAT')} on"
    assert day in admin_browser.get(REMINDERS).text
    admin_browser.post(SEND)
    assert day in mail.outbox[0].body


@pytest.mark.parametrize(("passed", "mails"), [(DAY - timedelta(seconds=1), 1), (DAY, 2)])
def test_nobody_is_reminded_twice_within_a_day(account, operator, time_machine, passed, mails):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    reminding.start(account, NOBODY, to_optional=False)
    time_machine.move_to(start + passed, tick=False)
    reminding.start(account, NOBODY, to_optional=False)
    assert len(mail.outbox) == mails


def test_another_mail_that_claims_first_counts(account, admin_browser, operator):
    assert reminding.claim(operator, timezone.now())
    assert not reminding.claim(operator, timezone.now())
    assert "1 more was reminded within a day" in admin_browser.get(REMINDERS).text
    assert "nobody to remind" in admin_browser.post(SEND, follow=True).text
    assert mail.outbox == []


def test_one_who_is_claimed_in_this_moment_is_left_out(account, operator):
    now = timezone.now()
    reminding.claim(operator, now)
    assert not reminding._remind(operator, now)


# The mail


@pytest.mark.parametrize(
    ("policy", "override", "said"),
    [
        (Policy.REQUIRED, "", ("authentication is required", "Acme Monitoring requires two-factor")),
        (Policy.OPTIONAL, Policy.REQUIRED, ("authentication is required", "An administrator requires")),
        (Policy.OPTIONAL, "", ("Protect your sign-in", "Acme Monitoring lets you protect your sign-in")),
    ],
)
def test_the_preview_is_the_mail(account, admin_browser, policy, override, said):
    account.two_factor_policy = policy
    account.save()
    make_operator(account, override=override)
    shown = admin_browser.get(REMINDERS, {"to_optional": "on"}).context["samples"][0]
    admin_browser.post(SEND, {"to_optional": "on"})
    sent = mail.outbox[0]
    assert (shown.subject, shown.text, shown.to) == (sent.subject, sent.body, sent.to[0])
    assert isinstance(sent, EmailMultiAlternatives)
    assert shown.html == sent.alternatives[0][0]
    assert said[0] in sent.subject
    assert said[1] in sent.body


def test_a_round_is_one_entry_with_the_number(account, admin_browser):
    for _ in range(3):
        make_operator(account)
    admin_browser.post(SEND)
    entry = AuditEntry.objects.get(action="reminded")
    assert (entry.actor_name, entry.new) == ("Anna Admin (anna@example.com)", "3")
    assert "3 of 3 reminded" in admin_browser.get(REMINDERS).text


# The round


def test_a_round_goes_in_batches_and_leaves_room_between_them(account, queue, monkeypatch):
    monkeypatch.setattr(reminding, "BATCH", 2)
    for _ in range(3):
        make_operator(account)
    run = begun(account)
    reminding.remind.func(run.pk)
    run.refresh_from_db()
    assert (run.reminded, run.is_running) == (2, True)
    reminding.remind.func(run.pk)
    run.refresh_from_db()
    assert (run.reminded, run.is_running) == (3, False)


def test_a_round_without_a_queue_goes_through_at_once(account, monkeypatch):
    monkeypatch.setattr(reminding, "BATCH", 2)
    for _ in range(5):
        make_operator(account)
    reminding.start(account, NOBODY, to_optional=False)
    assert len(mail.outbox) == 5


def test_the_task_of_a_round_twice_does_nothing_twice(account, operator, queue):
    run = begun(account)
    for _ in range(2):
        reminding.remind.func(run.pk)
    assert AuditEntry.objects.filter(action="reminded").count() == 1


def test_a_second_round_waits_for_the_first(account, admin_browser, operator):
    running(account)
    assert "being sent already" in admin_browser.post(SEND, follow=True).text


def test_a_round_is_stopped(account, admin_browser, operator):
    run = running(account, reminded=2)
    page = admin_browser.get(REMINDERS).text
    assert "Reminders are being sent" in page
    assert "Remind now" not in page
    url = reverse("operators:reminders-stop", args=[run.pk])
    assert "Stopped." in admin_browser.post(url, follow=True).text
    assert "Nothing to stop" in admin_browser.post(url, follow=True).text
    reminding.remind.func(run.pk)
    assert mail.outbox == []
    assert AuditEntry.objects.get(action="reminded").new == "Stopped after 2 of 5"
    assert "Stopped before the end." in admin_browser.get(REMINDERS).text


@pytest.mark.parametrize(("age", "mails"), [(timedelta(minutes=5), 1), (timedelta(minutes=4), 0)])
def test_a_round_whose_task_was_lost_goes_on(account, operator, age, mails):
    running(account, moved_at=timezone.now() - age)
    reminding.requeue()
    assert len(mail.outbox) == mails


def test_a_lost_round_is_put_back_by_one_of_two_workers(account, monkeypatch):
    long_ago = timezone.now() - timedelta(hours=1)
    first, second = (running(one, moved_at=long_ago) for one in (account, make_account(name="Other")))
    calls = []

    def hand_on(_task, pk):
        calls.append(pk)
        ReminderRun.objects.update(moved_at=timezone.now())  # the other worker has put back the rest

    monkeypatch.setattr(rounds, "hand_on", hand_on)
    reminding.requeue()
    assert len(calls) == 1
    assert {str(first), str(second)} == {"0 of 5, running"}


# The schedule


def test_it_is_off_until_somebody_switches_it_on(account, admin_browser, operator):
    schedule.begin_scheduled()
    assert mail.outbox == []
    assert "Off." in admin_browser.get(REMINDERS).text


@pytest.mark.parametrize(("passed", "mails"), [(7 * DAY - timedelta(seconds=1), 0), (7 * DAY, 1)])
def test_it_reminds_every_so_many_days(admin_browser, operator, time_machine, passed, mails):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    answer = admin_browser.post(SCHEDULE, {"reminder_days": "7"}, follow=True)
    assert "Every 7 days." in answer.text
    time_machine.move_to(start + passed, tick=False)
    for _ in range(2):
        schedule.begin_scheduled()
    assert len(mail.outbox) == mails


def test_a_schedule_reaches_optional_operators_where_it_is_meant_to(account, admin_browser):
    make_operator(account, override=Policy.OPTIONAL)
    admin_browser.post(SCHEDULE, {"reminder_days": "7", "reminders_to_optional": "on"})
    Account.objects.update(reminders_due_at=timezone.now())
    schedule.begin_scheduled()
    assert len(mail.outbox) == 1
    assert AuditEntry.objects.get(action="reminder_schedule").new == "Every 7 days, also where optional"


def test_switching_it_off_stops_its_round_and_nobody_else_s(account, admin, admin_browser):
    admin_browser.post(SCHEDULE, {"reminder_days": "7"})
    run = running(account)
    admin_browser.post(SCHEDULE, {"reminder_days": ""})
    run.refresh_from_db()
    assert run.was_stopped
    admin_browser.post(SCHEDULE, {"reminder_days": "7"})
    mine = running(account, started_by=admin)
    assert "Saved the schedule" in admin_browser.post(SCHEDULE, {}, follow=True).text
    mine.refresh_from_db()
    assert mine.is_running


def test_a_schedule_that_is_due_waits_while_a_round_goes_on(account, operator):
    running(account)
    Account.objects.update(reminder_days=7, reminders_due_at=timezone.now())
    schedule.begin_scheduled()
    assert mail.outbox == []


def test_a_schedule_that_is_changed_in_this_moment_does_not_begin(account, operator, monkeypatch):
    Account.objects.update(reminder_days=7, reminders_due_at=timezone.now())
    real = Account.objects.filter(reminder_days__isnull=False)
    stale = list(real)
    Account.objects.update(reminder_days=None)
    for one in stale:
        schedule.begin(one, timezone.now())
    assert mail.outbox == []


@pytest.mark.parametrize("days", ["1", "91", "x"])
def test_a_wrong_number_of_days_is_said_beside_the_field(admin_browser, days):
    assert "whole number from 2 to 90" in admin_browser.post(SCHEDULE, {"reminder_days": days}).text


def test_the_same_schedule_again_changes_nothing(account, admin_browser):
    assert "Nothing changed" in admin_browser.post(SCHEDULE, {}, follow=True).text


def test_the_page_takes_the_same_queries_for_one_and_for_thirty(account, admin_browser):
    numbers = []
    for size in (1, 29):
        for _ in range(size):
            make_operator(account)
        with statements() as captured:
            admin_browser.get(REMINDERS)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]


def test_sending_asks_for_a_fresh_proof(account, admin, operator):
    browser = Client()
    browser.force_login(admin)
    browser.post(SEND)
    assert mail.outbox == []
    assert Operator.objects.get(pk=operator.pk).reminded_at is None
    assert signed_in(admin).post(SEND).url == REMINDERS


def test_a_scheduled_round_that_fails_stays_due_and_holds_no_other_account_up(
    account, operator, monkeypatch, time_machine
):
    other = make_account(Policy.REQUIRED, "Other")
    another = make_operator(other)
    for one in (account, other):
        schedule.set_schedule(one, 7, NOBODY, to_optional=False)
    account.refresh_from_db()
    real, due_at = reminding.recipients, account.reminders_due_at
    time_machine.move_to(timezone.now() + 8 * DAY)

    def fail_for_one(of, *args, **kwargs):
        if of == account:
            raise ValueError
        return real(of, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(reminding, "recipients", fail_for_one)
        schedule.begin_scheduled()
    account.refresh_from_db()
    assert account.reminders_due_at == due_at
    assert mailed() == [another.email]
    schedule.begin_scheduled()
    assert mailed() == sorted([another.email, operator.email])


def test_a_database_that_is_gone_is_left_to_the_worker(account, operator, monkeypatch, time_machine):
    schedule.set_schedule(account, 7, NOBODY, to_optional=False)
    time_machine.move_to(timezone.now() + 8 * DAY)
    monkeypatch.setattr(reminding, "recipients", Mock(side_effect=OperationalError))
    with pytest.raises(OperationalError):
        schedule.begin_scheduled()


# What became of them, on the operator's page


@pytest.fixture
def olga(account) -> Operator:
    return make_operator(account, "olga@example.com", name="Olga")


def reminders_on_the_page_of(operator: Operator, browser: Client) -> list[str]:
    page = browser.get(reverse("operators:activity", args=[operator.pk])).text
    return re.findall(r"<li>(Asked for [^<]+)</li>", page)


def go_through(account) -> None:
    reminding.remind.func(begun(account).pk)


def in_words(at: datetime) -> str:
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


def test_the_operators_page_shows_each_reminder_with_what_became_of_it(
    account, admin, olga, queue, time_machine
):
    start, state = timezone.now(), OutgoingMail.State
    assert reminders_on_the_page_of(olga, signed_in(admin)) == []
    for day, outcome in enumerate([state.FAILED, state.REFUSED, state.SENT]):
        time_machine.move_to(start + day * DAY, tick=False)
        go_through(account)
        OutgoingMail.objects.get(to=olga.email, state="waiting").settle(outcome, timezone.now())
    time_machine.move_to(start + 3 * DAY, tick=False)
    go_through(account)
    days = [in_words(start + day * DAY) for day in range(4)]
    assert reminders_on_the_page_of(olga, signed_in(admin)) == [
        f"Asked for {days[3]}, being sent",
        f"Asked for {days[2]}, sent {days[2]}",
        f"Asked for {days[1]}, refused by the mailbox",
        f"Asked for {days[0]}, could not be sent",
    ]
    OutgoingMail.objects.all().delete()  # after 30 days
    page = signed_in(admin).get(reverse("operators:activity", args=[olga.pk])).text
    assert f"The last one was on {days[3]}. None of the last 30 days" in page


def test_an_announcement_of_the_setting_counts_as_one_and_other_emails_do_not(account, admin, olga):
    emails.exception_ends(olga, "")
    day = AccountRule(Policy.REQUIRED, timezone.now() + 9 * DAY)
    assert announcing.change_and_tell(account, day, NOBODY, mail_now=True)
    assert len(reminders_on_the_page_of(olga, signed_in(admin))) == 1


def test_reminders_to_who_had_the_address_before_are_not_shown(account, admin, olga):
    begun(account)
    olga.delete()
    again = make_operator(account, "olga@example.com", name="Another Olga")
    Operator.objects.filter(pk=again.pk).update(reminded_at=timezone.now())
    assert reminders_on_the_page_of(again, signed_in(admin)) == []


def test_operators_see_their_own_reminders(account, olga):
    begun(account)
    assert len(reminders_on_the_page_of(olga, signed_in(olga))) == 1
