"""Freezes logins: "This was not me" in a notice locks everybody out of the operator's account.

An administrator, a new password together with a code, or the command line unlocks it.
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
    """Lock everybody out, and end all sessions, waiting logins, trusted browsers and unspent links.

    Returns False if the operator was freed after that notice was sent.
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
    """An old notice must not freeze a login again that was freed since."""
    return operator.freed_at is None or operator.freed_at < noticed_at


def free(operator: Operator, by: Origin, reason: str = "") -> bool:
    """Let the operator log in again; return whether it was frozen."""
    with transaction.atomic():
        row = Operator.objects.filter(pk=operator.pk, frozen_at__isnull=False)
        if not row.update(frozen_at=None, freed_at=timezone.now()):
            return False
        record(Action.FREED, by=by, subject=operator, new=reason)
        # Operators who free it themselves, by a new password and a code, get the notice of the new password.
        if by.actor != operator:
            emails.tell_operator(operator, emails.WAS_FREED, by)
    return True


def _not_freed_since(noticed_at: datetime) -> Q:
    return Q(freed_at=None) | Q(freed_at__lt=noticed_at)
