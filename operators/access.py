"""Whose page may this person open, change or scan for? The only ways to obtain an operator from an address.

Somebody who does not exist for the person who asks is a 404; knowing that a page exists and not being
allowed to use it is a 403.
"""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from operators.models import Operator


def visible(viewer: Operator, pk: int) -> Operator:
    """Return an operator whose page the viewer may see: oneself; for administrators anyone of the account."""
    if pk == viewer.pk:
        return viewer
    if viewer.is_administrator:
        operator: Operator | None = (
            Operator.objects.complete().with_links().filter(account=viewer.account_id, pk=pk).first()
        )
        if operator is not None:
            return operator
    raise Http404(_("There is no such operator."))


def to_manage(viewer: Operator, pk: int) -> Operator:
    """Return an operator that the viewer may administer; administrators only."""
    operator = visible(viewer, pk)
    if not viewer.is_administrator:
        raise PermissionDenied
    return operator


def to_edit(viewer: Operator, pk: int) -> Operator:
    """Return an operator whose name and address the viewer may change; the same people as may see it."""
    return visible(viewer, pk)


def to_scan(viewer: Operator, pk: int) -> Operator:
    """Return an operator for whom the viewer may set up an authenticator; the same people as may see it."""
    return visible(viewer, pk)
