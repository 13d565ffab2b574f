"""Your own sessions and trusted browsers, and how administrators end those of others."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.access import administrators_only, needs_proof, needs_proof_for_others
from accounts.audit.trail import origin
from accounts.durations import duration
from accounts.http import SignedInRequest, require_get_or_post
from accounts.text import isolated
from operators import access
from operators.signin import own_sessions, unprotected_sessions
from twofactor import trusted


@require_safe
def sessions(request: SignedInRequest) -> HttpResponse:
    current_key = request.session.session_key
    context = {
        "operator": request.user,
        "here": current_key,
        "idle": duration(settings.SESSION_IDLE_MINUTES * 60),
        "sessions": own_sessions.listed(request.user, current_key),
        # A trusted browser means nothing while login asks for no code.
        "trusted_days": trusted.days_for(request.user) if request.user.effective.usable else 0,
        "trusted_browsers": trusted.listed(request.user),
        "trusted_here": trusted.hashes_in(request),
    }
    return render(request, "operators/signin/sessions.html", context)


@require_POST
def end(request: SignedInRequest, public_id: uuid.UUID) -> HttpResponse:
    session = own_sessions.end(request.user, public_id, origin(request))
    if session is None:
        raise Http404(_("This session has ended already."))
    messages.success(request, _("The session in %(browser)s has ended.") % {"browser": session.browser})
    return redirect("operators:sessions")


@require_POST
def end_others(request: SignedInRequest) -> HttpResponse:
    ended = own_sessions.end_others(request.user, origin(request))
    if ended:
        text = ngettext("%d other session has ended.", "%d other sessions have ended.", ended) % ended
        messages.success(request, text)
    else:
        messages.info(request, _("You are signed in nowhere else."))
    return redirect("operators:sessions")


@require_POST
def remove_trusted(request: SignedInRequest, pk: int) -> HttpResponse:
    browser = trusted.remove(request.user, pk, origin(request))
    if browser is None:
        raise Http404(_("This browser is not trusted any more."))
    text = _("%(browser)s is not trusted any more: the next sign-in there asks for a code.")
    messages.success(request, text % {"browser": browser.browser})
    return redirect("operators:sessions")


@require_POST
def remove_all_trusted(request: SignedInRequest) -> HttpResponse:
    if trusted.remove_all(request.user, origin(request)):
        messages.success(request, _("No browser is trusted any more: every sign-in asks for a code."))
    else:
        messages.info(request, _("No browser was trusted."))
    return redirect("operators:sessions")


@needs_proof
@require_get_or_post
@administrators_only
def end_unprotected(request: SignedInRequest) -> HttpResponse:
    current_key = request.session.session_key
    if request.method != "POST":
        counts = unprotected_sessions.count(request.user.account, current_key)
        context = {"counts": counts, "is_among_them": unprotected_sessions.is_unprotected(request.user)}
        return render(request, "operators/signin/end_unprotected.html", context)
    if ended := unprotected_sessions.end(request.user.account, origin(request)):
        text = ngettext("%(number)s session has ended.", "%(number)s sessions have ended.", ended)
        messages.success(request, text % {"number": localize(ended)})
    else:
        messages.info(request, _("There was no session to end."))
    return redirect("accounts:settings")


@needs_proof_for_others
@require_get_or_post
def end_all(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    if operator.pk == request.user.pk:
        return redirect("operators:sessions")
    if request.method != "POST":
        return render(request, "operators/signin/end_sessions.html", {"operator": operator})
    if own_sessions.end_all(operator, origin(request)):
        text = _("%(name)s is signed out everywhere.")
        messages.success(request, text % {"name": isolated(operator.name)})
    else:
        text = _("%(name)s has not joined yet: there is no session to end.")
        messages.info(request, text % {"name": isolated(operator.name)})
    return redirect(operator)
