"""An operator's own policy in place of the account's, and the operator's sign-in method."""

from django.db import transaction

from accounts.audit import Origin, record
from accounts.models import POLICY_LABELS, Action
from invitations.ledger import LinkRecord
from invitations.models import Link
from operators.administrators import one_left
from operators.models import Operator


def set_override(operator: Operator, override: str, by: Origin) -> bool:
    """Store the override ("" for none); return whether it differs from before.

    Applies at the next sign-in; an unspent setup link, which was sent under the old policy, dies.
    """
    with transaction.atomic():
        old = operator.two_factor_override
        row = Operator.objects.filter(pk=operator.pk).exclude(two_factor_override=override)
        if not row.update(two_factor_override=override):
            return False
        operator.two_factor_override = override
        Link.kill(operator, Link.Purpose.SETUP, end=LinkRecord.End.CHANGED)
        record(Action.OVERRIDE, by=by, subject=operator, old=_label(old), new=_label(override))
    return True


def set_sign_in_method(operator: Operator, method: str, by: Origin) -> bool:
    """Store by which door the operator comes in; return whether it differs from before.

    Ends the operator's sessions and links. Raises LastAdministratorError.
    """
    with one_left(operator.account):
        old = operator.sign_in_method
        if (
            not Operator.objects.filter(pk=operator.pk)
            .exclude(sign_in_method=method)
            .update(sign_in_method=method)
        ):
            return False
        operator.sign_in_method = method
        operator.renew_session_nonce()
        labels = dict(Operator.SignInMethod.choices)
        record(Action.SIGN_IN_METHOD, by=by, subject=operator, old=str(labels[old]), new=str(labels[method]))
    return True


def _label(override: str) -> str:
    """Return an override in words for the audit trail."""
    return str(POLICY_LABELS.get(override, override))
