"""Deactivates, activates and deletes operators."""

from django.db import transaction

from accounts.audit.trail import Origin, record
from accounts.models import Action
from invitations.models import Link
from operators import emails
from operators.administrators import keep_an_administrator
from operators.models import Operator
from twofactor.models import Authenticator


def deactivate(operator: Operator, by: Origin) -> bool:
    """Return False if nothing changed. Raises LastAdministratorError."""
    with keep_an_administrator(operator):
        return _set_active(operator, Action.DEACTIVATED, by, active=False)


def activate(operator: Operator, by: Origin) -> bool:
    """Return False if nothing changed; an operator who has not joined is never activated."""
    with transaction.atomic():
        if not _set_active(operator, Action.ACTIVATED, by, active=True):
            return False
        emails.tell_operator(operator, emails.WAS_ACTIVATED, by)
        emails.tell_other_administrators(operator, emails.ADMINISTRATOR_WAS_ACTIVATED, by)
    return True


def _set_active(operator: Operator, action: Action, by: Origin, *, active: bool) -> bool:
    row = Operator.objects.filter(pk=operator.pk, joined_at__isnull=False).exclude(is_active=active)
    if not row.update(is_active=active):
        return False
    operator.is_active = active
    operator.renew_session_nonce()
    record(action, by=by, subject=operator)
    return True


def delete(operator: Operator, by: Origin) -> None:
    """Delete the operator with authenticator, links and memberships. Raises LastAdministratorError."""
    with keep_an_administrator(operator):
        # In the order in which links and authenticators are written elsewhere, or the two could deadlock.
        Link.hold(operator)
        list(Authenticator.objects.select_for_update().filter(user=operator))
        list(Operator.objects.select_for_update().filter(pk=operator.pk))
        record(Action.DELETED, by=by, subject=operator)
        operator.delete()


def withdraw(operator: Operator, by: Origin) -> bool:
    """Return False if the operator has accepted in the meantime."""
    with transaction.atomic():
        # The link first, as accepting does: of two at once one waits here, instead of a deadlock.
        Link.kill(operator, Link.Purpose.INVITATION)
        if not Operator.objects.select_for_update().filter(pk=operator.pk, joined_at=None).first():
            return False
        record(Action.INVITATION_WITHDRAWN, by=by, subject=operator)
        operator.delete()
    return True
