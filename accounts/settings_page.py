"""Changing the account-wide policy: the journey behind Account settings."""

from django.db import transaction

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
