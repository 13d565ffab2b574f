"""Changing what holds for the whole account: the journeys behind Account settings."""

from django.db import transaction
from django.utils.translation import ngettext, pgettext

from accounts.audit import Origin, record
from accounts.models import POLICY_LABELS, Account, Action


def change_policy(account: Account, policy: str, by: Origin) -> bool:
    """Store the policy for the whole account; return whether it differs from before.

    Touches no operator: the new policy is read at each operator's next sign-in.
    """
    with transaction.atomic():
        old = account.set_policy(policy, by.actor.name if by.actor else "")
        if old is None:
            return False
        record(
            Action.ACCOUNT_POLICY,
            by=by,
            account=account,
            old=str(POLICY_LABELS.get(old, old)),
            new=str(POLICY_LABELS[policy]),
        )
    return True


def change_trusted_browser_days(account: Account, days: int | None, by: Origin) -> bool:
    """Store for how many days a browser may be trusted; return whether it differs from before.

    Touches no trusted browser: the setting is read at each sign-in.
    """
    with transaction.atomic():
        old = account.trusted_browser_days
        if not account.set_trusted_browser_days(days):
            return False
        record(Action.TRUSTED_BROWSERS, by=by, account=account, old=_in_words(old), new=_in_words(days))
    return True


def _in_words(days: int | None) -> str:
    """Return a number of days for the audit trail."""
    return ngettext("%d day", "%d days", days) % days if days else str(pgettext("trusted browsers", "off"))
