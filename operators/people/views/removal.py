"""The pages behind Deactivate, Activate and Delete."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.access import needs_proof
from accounts.audit.trail import origin
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.text import isolated
from operators import access
from operators.administrators import LastAdministratorError, last_administrator_message
from operators.people import removal
from operators.people.forms import DeleteForm


@needs_proof
@require_get_or_post
def deactivate(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    if request.method != "POST":
        return render(request, "operators/people/deactivate.html", {"operator": operator})
    try:
        deactivated = removal.deactivate(operator, origin(request))
    except LastAdministratorError:
        messages.error(request, last_administrator_message(operator))
        return redirect(operator)
    if deactivated:
        messages.success(
            request,
            _("%(name)s is deactivated and signed out everywhere.") % {"name": isolated(operator.name)},
        )
    else:
        messages.info(
            request,
            _("%(name)s was deactivated already, or has not joined yet.") % {"name": isolated(operator.name)},
        )
    return redirect(operator)


@needs_proof
@require_get_or_post
def activate(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    if request.method != "POST":
        return render(request, "operators/people/activate.html", {"operator": operator})
    if removal.activate(operator, origin(request)):
        messages.success(request, _("%(name)s is active again.") % {"name": isolated(operator.name)})
    else:
        messages.info(
            request,
            _("%(name)s was active already, or has not joined yet.") % {"name": isolated(operator.name)},
        )
    return redirect(operator)


@needs_proof
@require_get_or_post
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    form = DeleteForm(data_of(request), expected=operator.name)
    if form.is_valid():
        try:
            removal.delete(operator, origin(request))
        except LastAdministratorError:
            messages.error(request, last_administrator_message(operator))
            return redirect("operators:detail", pk=pk)
        messages.success(request, _("%(name)s is deleted.") % {"name": isolated(operator.name)})
        return redirect("operators:list")
    return render(request, "operators/people/delete.html", {"operator": operator, "form": form})
