"""What does another rule of the account change for its operators, in numbers? For the command line."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.audit import Origin, record
from accounts.models import POLICY_LABELS, Account, Action
from accounts.policy import AccountRule
from operators.models import Operator
from operators.signin_table import NextStep, next_step
from operators.status import Facts
from operators.status_filter import rows_where


def counts(account: Account, new: AccountRule) -> dict[str, int]:
    """Return how many operators' next sign-in changes, by what it then leads to, in one query."""
    now = timezone.now()
    steps = {
        "setup_link": NextStep.SETUP_LINK,
        "offer": NextStep.OFFER,
        "code": NextStep.CODE,
        "password_alone": NextStep.SIGNED_IN,
    }
    changed = {
        name: Count("pk", filter=rows_where(_becomes(account.rule, new, step, now), now))
        for name, step in steps.items()
    }
    found: dict[str, int] = Operator.objects.filter(account=account).aggregate(**changed)
    return found


def _becomes(old: AccountRule, new: AccountRule, step: NextStep, now: datetime) -> Callable[[Facts], bool]:
    """Return the question whether somebody who may sign in takes that step under the new rule only."""

    def holds(facts: Facts) -> bool:
        if facts.invited or not facts.active or facts.frozen:
            return False
        before, after = (
            next_step(facts.effective(rule, now), enrolled=facts.enrolled) for rule in (old, new)
        )
        return after is step and before is not step

    return holds


def change(account: Account, new: AccountRule, by: Origin) -> bool:
    """Store another rule; return whether it differs from before. One row changes."""
    given = {"two_factor_policy": new.policy, "required_from": new.required_from}
    old = in_words(account.rule)
    with transaction.atomic():
        row = Account.objects.filter(pk=account.pk).exclude(**given)
        who = {"policy_changed_by": str(by.actor or ""), "policy_changed_at": timezone.now()}
        if not row.update(**given, **who):
            return False
        record(Action.ACCOUNT_POLICY, by=by, account=account, old=old, new=in_words(new))
    return True


def in_words(rule: AccountRule) -> str:
    """Return a rule for the audit trail and the terminal."""
    words = str(POLICY_LABELS.get(rule.policy, rule.policy))
    if rule.required_from is None:
        return words
    day = timezone.localtime(rule.required_from, timezone.get_default_timezone())
    return _("%(policy)s from %(day)s on") % {"policy": words, "day": date_format(day, "DATE_FORMAT")}
