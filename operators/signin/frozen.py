"""A frozen sign-in: whoever reads "this was not me" in a notice shuts the door, for everybody.

It opens again by an administrator, by a new password together with a code, or from the command line.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.models import Action
from operators import emails
from operators.models import Operator


def freeze(operator: Operator, noticed_at: datetime, by: Origin) -> bool:
    """End all sessions and let nobody sign in as this operator; return whether the notice still counted.

    Waiting sign-ins, trusted browsers and unspent links end too. The administrators are told.
    """
    with transaction.atomic():
        row = Operator.objects.filter(_not_freed_since(noticed_at), pk=operator.pk, frozen_at=None)
        if not row.update(frozen_at=timezone.now()):
            return bool(Operator.objects.filter(pk=operator.pk, frozen_at__isnull=False).exists())
        operator.renew_session_nonce()
        record(Action.FROZEN, by=by, subject=operator)
        emails.sign_in_was_frozen(operator, by)
    return True


def still_counts(operator: Operator, noticed_at: datetime) -> bool:
    """Whether a notice of that moment may still freeze: nobody has freed the sign-in since."""
    return operator.freed_at is None or operator.freed_at < noticed_at


def free(operator: Operator, by: Origin, reason: str = "") -> bool:
    """Let the operator sign in again; return whether the sign-in was frozen."""
    with transaction.atomic():
        row = Operator.objects.filter(pk=operator.pk, frozen_at__isnull=False)
        if not row.update(frozen_at=None, freed_at=timezone.now()):
            return False
        record(Action.FREED, by=by, subject=operator, new=reason)
        # Who frees it themselves, with a new password and a code, gets the notice of the new password.
        if by.actor != operator:
            emails.tell_operator(operator, emails.WAS_FREED, by)
    return True


def _not_freed_since(noticed_at: datetime) -> Q:
    """Return the same as a condition on the row."""
    return Q(freed_at=None) | Q(freed_at__lt=noticed_at)
