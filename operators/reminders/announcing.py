"""Who must set it up is told by email: when the setting changes, and 14, 7, 3 and 1 days before the day.

A row (`Announcement`) stands for one round to all of them, and knows up to whom it has come. The next
batch moves that on by one conditional UPDATE, in the transaction that stores its emails: each person gets one
email of a round, however many workers are at it and wherever one is killed.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import task

from accounts import rounds
from accounts.audit.trail import Origin
from accounts.days import day_of, days_left
from accounts.models import Account
from accounts.policy import AccountRule, Policy, asks_less
from accounts.settings_page import change_policy, rule_in_words
from operators import emails
from operators.models import Announcement, Operator
from operators.reminders.reminding import claim
from operators.rules.next_step import NextStep, next_step
from operators.rules.policy_change import Change, Effect
from operators.rules.status import Facts
from operators.status.query import rows_where

REMIND_DAYS_BEFORE = (14, 7, 3, 1)
BATCH = 200
# After so long without a heartbeat a round has lost its task.
HEARTBEAT_TIMEOUT = timedelta(minutes=10)


def change_and_tell(account: Account, new: AccountRule, by: Origin, *, mail_now: bool) -> bool:
    """Store the new rule, and have those told whom it concerns: both or neither; false as `change_policy`.

    Who must set up is told where `mail_now` says so; that the account asks less, always.
    """
    old, now = account.rule.as_of(timezone.now()), timezone.now()
    with transaction.atomic():
        if not change_policy(account, new.policy, by, required_from=new.required_from):
            return False
        if asks_less(old, new, now):
            emails.account_asks_less(account, rule_in_words(old), rule_in_words(new), by)
        if mail_now or new.policy == Policy.DISABLED:
            row = Announcement.objects.create(account=account, **_round_of(account))
            rounds.hand_on(carry_out, row.pk)
    return True


def remind_and_carry_on() -> None:
    now = timezone.now()
    for account in Account.objects.filter(two_factor_policy=Policy.REQUIRED, required_from__gt=now):
        if _is_due(account, now):
            _remind(account)
    stalled = Announcement.objects.filter(finished_at=None, moved_at__lte=now - HEARTBEAT_TIMEOUT)
    for row in rounds.take_back(stalled, moved_at=now):
        rounds.hand_on(carry_out, row.pk)


def _is_due(account: Account, now: datetime) -> bool:
    """Return whether the newest reminder is still owed: today's, or one on whose day no worker ran.

    None is where the change itself was told since, or where that day was over when the rule was set.
    """
    starts_at, changed_at = account.required_from or now, account.policy_changed_at
    come = [before for before in REMIND_DAYS_BEFORE if days_left(starts_at, now) <= before]
    if not come:
        return False
    its_day = day_of(starts_at) - timedelta(days=min(come))
    if changed_at and its_day < day_of(changed_at):
        return False
    told = Q(required_from=account.required_from) | Q(reminds_on__isnull=False)
    return not Announcement.objects.filter(told, account=account, begun_on__gte=its_day).exists()


def _remind(account: Account) -> None:
    this = _round_of(account)
    with transaction.atomic():
        row, is_new = Announcement.objects.get_or_create(
            account=account, reminds_on=this["begun_on"], defaults=this
        )
        if is_new:
            rounds.hand_on(carry_out, row.pk)


def _round_of(account: Account) -> dict[str, Any]:
    now = timezone.now()
    return {
        "policy": account.two_factor_policy,
        "required_from": account.required_from,
        "begun_on": day_of(now),
        "moved_at": now,
    }


@task()
def carry_out(announcement_id: int) -> None:
    rounds.run(carry_out, _tell_batch, announcement_id)


def _tell_batch(announcement_id: int) -> rounds.Next:
    """Store the emails to the next operators: all or, after a crash, none of them."""
    now = timezone.now()
    with transaction.atomic():
        row = Announcement.objects.select_related("account").get(pk=announcement_id)
        people = _next_in(row)
        if not row.move_on(people[-1].pk if people else None, now):
            return None
        for operator in people:
            _tell_of(row, operator, now)
    return (row.pk,) if people else None


def _tell_of(row: Announcement, operator: Operator, now: datetime) -> None:
    if row.policy == Policy.DISABLED:
        emails.account_code_is_off(operator, row.account)
    # A change is news and always told; a reminder leaves out whom another one has reached today.
    elif claim(operator, now) or not row.reminds_on:
        emails.account_asks_to_set_up(operator, row.account)


def _next_in(row: Announcement) -> list[Operator]:
    """Nobody where the rule is another one by now."""
    account = row.account
    if account.rule != AccountRule(row.policy, row.required_from):
        return []
    concerned = typed_a_code() if row.policy == Policy.DISABLED else must_set_up(account.rule)
    later = Operator.objects.filter(concerned, account=account, pk__gt=row.last_operator)
    return list(later.order_by("pk").only("pk", "name", "email")[:BATCH])


def must_set_up(rule: AccountRule) -> Q:
    now = timezone.now()
    same = Change(rule.as_of(now), rule.as_of(now), now)
    told = Effect.MUST_SET_UP if same.new.required_from else Effect.ALREADY_STOPPED
    return rows_where(lambda facts: same.effect_on(facts) is told, same.then)


def typed_a_code() -> Q:
    """Return which operators were asked for a code until the account's setting became Disabled."""
    before, now = AccountRule(Policy.OPTIONAL), timezone.now()

    def typed_one(facts: Facts) -> bool:
        step = next_step(facts.effective(before, now), enrolled=facts.enrolled)
        return facts.active and not facts.invited and step is NextStep.CODE

    return rows_where(typed_one, now)


def sentence(account: Account, rule: AccountRule) -> str:
    """What the email says of a rule, for the preview."""
    notice, words = emails.must_set_up(account, rule)
    return notice.sentence % words
