"""The only ways to get an operator from an address (URL), each checking what the viewer may do.

An operator outside the viewer's sight is a 404; one in sight that the viewer may not administer is a 403.
"""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from operators.models import Operator


def visible(viewer: Operator, pk: int) -> Operator:
    """Everyone sees themselves; administrators see everyone in their account."""
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
    operator = visible(viewer, pk)
    if not viewer.is_administrator:
        raise PermissionDenied
    return operator


def to_edit(viewer: Operator, pk: int) -> Operator:
    return visible(viewer, pk)


def to_scan(viewer: Operator, pk: int) -> Operator:
    return visible(viewer, pk)
