"""The page behind "This was not me", and the administrator's button that frees a login."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.access import needs_proof_to_post
from accounts.audit.trail import origin
from accounts.durations import duration
from accounts.http import SignedInRequest, require_get_or_post
from accounts.limits.refusals import What, admit_network
from accounts.mail import not_me
from accounts.text import isolated
from operators import access
from operators.models import Operator
from operators.signin import frozen

TRIES, SECONDS = 60, 15 * 60


@login_not_required
@require_get_or_post
def this_was_not_me(request: HttpRequest, token: str) -> HttpResponse:
    """Ask before freezing: mail scanners follow links too."""
    wait = admit_network(request, What.NOT_ME, TRIES, SECONDS)
    if wait:
        return render(request, "429.html", {"wait": duration(wait)}, status=429)
    notice = not_me.read(token)
    operator = Operator.objects.complete().filter(pk=notice[0]).first() if notice else None
    if notice is None or operator is None or not frozen.still_counts(operator, notice[1]):
        return render(request, "operators/signin/not_me_dead.html", status=410)
    # Nobody can free the only administrator, and nobody else is told.
    context = {"operator": operator, "helped": operator.administrators_to_tell().exists()}
    if request.method != "POST":
        page = "operators/signin/not_me_done.html" if operator.frozen_at else "operators/signin/not_me.html"
        return render(request, page, context)
    if not frozen.freeze(operator, notice[1], origin(request, operator)):
        return render(request, "operators/signin/not_me_dead.html", status=410)
    return render(request, "operators/signin/not_me_done.html", context)


@needs_proof_to_post
@require_POST
def free(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    if frozen.free(operator, origin(request)):
        messages.success(request, _("%(name)s can sign in again.") % {"name": isolated(operator.name)})
    else:
        messages.info(
            request, _("The sign-in of %(name)s is no longer frozen.") % {"name": isolated(operator.name)}
        )
    return redirect(operator)
