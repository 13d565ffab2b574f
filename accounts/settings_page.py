"""Changing what holds for the whole account: the journeys behind Account settings."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.audit.trail import Origin, record
from accounts.days import in_words
from accounts.models import POLICY_LABELS, Account, Action
from accounts.policy import AccountRule, Policy


def change_policy(
    account: Account, policy: str, by: Origin, *, required_from: datetime | None = None
) -> bool:
    """Nothing is stored, and false returned, where somebody else has changed the rule meanwhile."""
    old, new = account.rule.as_of(timezone.now()), AccountRule(policy, required_from)
    if old == new:
        return False
    with transaction.atomic():
        if not account.set_policy(policy, by.actor.name if by.actor else "", required_from):
            return False
        record(Action.ACCOUNT_POLICY, by=by, account=account, old=rule_in_words(old), new=rule_in_words(new))
    return True


def rule_in_words(rule: AccountRule) -> str:
    """An unknown policy reads as Required."""
    words = str(POLICY_LABELS.get(rule.policy, POLICY_LABELS[Policy.REQUIRED]))
    if rule.required_from is None:
        return words
    return _("%(policy)s from %(day)s on") % {"policy": words, "day": in_words(rule.required_from)}


def change_trusted_browser_days(account: Account, days: int | None, by: Origin) -> bool:
    """Touches no trusted browser: which ones count is read at each sign-in."""
    with transaction.atomic():
        if not account.set_trusted_browser_days(days):
            return False
        old = _in_words(account.trusted_browser_days)
        record(Action.TRUSTED_BROWSERS, by=by, account=account, old=old, new=_in_words(days))
    return True


def _in_words(days: int | None) -> str:
    return ngettext("%d day", "%d days", days) % days if days else str(pgettext("trusted browsers", "off"))
