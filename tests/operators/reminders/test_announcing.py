"""Who must set it up is told by email, once for each round, whatever happens to the workers."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse

from accounts.audit.trail import Origin
from accounts.models import Account
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import AccountRule, Policy
from operators.models import Announcement, Operator
from operators.reminders import announcing, reminding
from tests.support.factories import confirm_data, make_operator, signed_in

PREVIEW = reverse("operators:policy-preview")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _today(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def olga(account: Account) -> Operator:
    """One who must, among others who need not."""
    make_operator(account, enrolled=True)
    make_operator(account, override=Policy.OPTIONAL)
    make_operator(account, single_sign_on=True)
    make_operator(account, invited=True)
    make_operator(account, active=False)
    return make_operator(account, "olga@example.com")


@pytest.fixture
def announced(account: Account, olga: Operator) -> Account:
    return announce(account, NOW - timedelta(days=30))


def announce(account: Account, changed_at: datetime) -> Account:
    account.two_factor_policy, account.required_from = Policy.REQUIRED, DAY
    account.policy_changed_at = changed_at
    account.save()
    return account


def confirm(account: Account, day: str, **fields: str) -> None:
    browser = signed_in(make_operator(account, administrator=True, enrolled=True))
    data = confirm_data(browser, "required", day)
    browser.post(PREVIEW, {**data, **fields})


def told() -> list[str]:
    return [address for message in mail.outbox for address in message.to]


def remind_on(time_machine, moment: datetime) -> list[str]:
    time_machine.move_to(moment, tick=False)
    mail.outbox.clear()
    announcing.remind_and_carry_on()
    return told()


@pytest.mark.parametrize(
    ("day", "words"),
    [("", "from now on"), ("2026-12-01", "from 1 Dec 2026 on"), ("2026-12-01", "7 days are left")],
)
def test_confirm_mails_what_the_preview_has_shown_to_those_who_must(account, olga, day, words):
    browser = signed_in(make_operator(account, administrator=True, enrolled=True))
    page = browser.get(PREVIEW, {"two_factor_policy": "required", "required_from": day}).text
    confirm(account, day, mail_now="on")
    assert told() == [olga.email]
    assert words in mail.outbox[0].body
    assert announcing.sentence(account, AccountRule("required", DAY if day else None)) in page


def test_the_name_of_whoever_is_told_becomes_no_link(account, olga):
    Operator.objects.filter(pk=olga.pk).update(name="evil.example")
    confirm(account, "", mail_now="on")
    assert "Hello evil. example," in mail.outbox[0].body


def test_without_the_tick_nobody_is_told(account, olga):
    confirm(account, "2026-12-01")
    assert told() == []


def test_nobody_is_told_where_nothing_was_stored(account, olga):
    confirm(account, "2026-12-01", mail_now="on", shown="something else")
    assert told() == []
    assert not Announcement.objects.exists()


def days_with_a_reminder(time_machine, days: list[int]) -> list[int]:
    """On which of these days, counted to the day itself, somebody is told; a worker runs twice on each."""
    with_one = []
    for before in days:
        day = DAY - timedelta(days=before)
        with_one += [before for _each in remind_on(time_machine, day)]
        assert remind_on(time_machine, day + timedelta(hours=23)) == []
    return with_one


def test_reminders_come_on_four_days_once_each(announced, time_machine):
    assert days_with_a_reminder(time_machine, [*range(16, -1, -1)]) == [14, 7, 3, 1]


@pytest.mark.parametrize(
    ("days", "told_on"),
    [([14, 8, 6, 5, 4], [14, 6]), ([13, 12, 7], [13, 7]), ([9, 2, 1], [9, 2, 1]), ([14, 0], [14])],
)
def test_a_reminder_on_whose_day_no_worker_ran_is_made_up_for_once(announced, time_machine, days, told_on):
    assert days_with_a_reminder(time_machine, days) == told_on


def test_days_that_were_over_when_the_rule_was_set_are_not_made_up_for(account, olga, time_machine):
    announce(account, DAY - timedelta(days=6))
    assert days_with_a_reminder(time_machine, [6, 5, 4, 3, 2]) == [3]


def test_of_two_workers_that_begin_the_same_round_one_does(announced, time_machine):
    time_machine.move_to(NOW + timedelta(days=7))
    for _worker in range(2):
        announcing._remind(announced)
    assert Announcement.objects.filter(reminds_on__isnull=False).count() == 1
    assert len(mail.outbox) == 1


def test_who_was_told_of_the_change_today_is_not_reminded_today(account, olga, time_machine):
    confirm(account, "2026-12-01", mail_now="on")
    assert remind_on(time_machine, NOW + timedelta(hours=1)) == []


def test_batch_after_batch_everybody_is_told_once(announced, olga, monkeypatch):
    monkeypatch.setattr(announcing, "BATCH", 2)
    for _ in range(4):
        make_operator(announced)
    announcing.remind_and_carry_on()
    assert len(told()) == len(set(told())) == 5
    assert Announcement.objects.get().finished_at == NOW


def test_with_a_queue_the_rest_waits_behind_the_emails(announced, olga, monkeypatch, settings):
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    announcing.remind_and_carry_on()
    announcing.carry_out.call(Announcement.objects.get().pk)
    assert OutgoingMail.objects.filter(to=olga.email).count() == 1
    assert Announcement.objects.get().finished_at is None


def test_a_round_whose_worker_was_killed_goes_on_where_it_was(announced, olga):
    late = make_operator(announced)
    Announcement.objects.create(
        account=announced,
        policy=Policy.REQUIRED,
        required_from=DAY,
        begun_on=NOW.date(),
        last_operator=olga.pk,
        moved_at=NOW - announcing.HEARTBEAT_TIMEOUT,
    )
    announcing.remind_and_carry_on()
    assert told() == [late.email]


def test_two_workers_tell_nobody_twice(announced, olga):
    announcing.remind_and_carry_on()
    row = Announcement.objects.get()
    Announcement.objects.update(finished_at=None, last_operator=0)
    first, second = Announcement.objects.get(), Announcement.objects.get()
    assert first.move_on(olga.pk, NOW)
    assert not second.move_on(olga.pk, NOW)
    assert str(row) == f"announcement {row.pk} of account {announced.pk}"


def test_a_round_that_is_over_tells_nobody_more(announced, olga):
    announcing.remind_and_carry_on()
    mail.outbox.clear()
    announcing.carry_out.call(Announcement.objects.get().pk)
    assert told() == []


def test_a_rule_that_changed_meanwhile_ends_the_round(announced, olga, monkeypatch):
    row = Announcement.objects.create(
        account=announced, policy=Policy.REQUIRED, required_from=None, begun_on=NOW.date(), moved_at=NOW
    )
    announcing.carry_out.call(row.pk)
    assert told() == []
    assert Announcement.objects.get().finished_at == NOW


def test_a_day_that_is_moved_brings_no_second_reminder_on_that_day_or_the_next(announced, olga, time_machine):
    assert remind_on(time_machine, NOW) == [olga.email]
    Account.objects.update(required_from=DAY + timedelta(days=7), policy_changed_at=NOW)
    assert remind_on(time_machine, NOW) == []
    assert remind_on(time_machine, NOW + timedelta(hours=25)) == []
    assert remind_on(time_machine, DAY) == [olga.email]


def test_a_change_that_somebody_else_was_faster_with_is_neither_stored_nor_told(account, olga):
    stale = Account.objects.get(pk=account.pk)
    Account.objects.update(two_factor_policy=Policy.DISABLED)
    assert not announcing.change_and_tell(stale, AccountRule(Policy.REQUIRED), Origin(), mail_now=True)
    assert told() == []
    assert Account.objects.get().two_factor_policy == Policy.DISABLED


def test_whoever_was_reminded_by_hand_that_day_gets_no_second_mail(time_machine, announced, olga):
    week_before = DAY - timedelta(days=7)
    time_machine.move_to(week_before - timedelta(hours=2), tick=False)
    assert reminding.claim(olga, week_before - timedelta(hours=2))
    assert remind_on(time_machine, week_before) == []
