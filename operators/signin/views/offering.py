"""Offers the setup at login until the day from which it is required."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.days import days_left, in_words
from accounts.http import require_get_or_post
from accounts.masking import mask
from accounts.policy import Policy
from operators.signin import journey
from twofactor import pending

CHOICES = {"set_up", "not_now"}


@login_not_required
@require_get_or_post
def offer(request: HttpRequest) -> HttpResponse:
    """Let the operator set it up now or log in without; there is no session before that choice."""
    waiting = pending.current(request, pending.Step.OFFER)
    if waiting is None:
        return pending.to_login(request)
    if request.method == "POST" and CHOICES & request.POST.keys():
        target = journey.after_offer(request, waiting, set_up="set_up" in request.POST)
        return redirect(target or "operators:login")
    effective = waiting.user.effective
    if effective.policy is not Policy.REQUIRED:
        messages.info(
            request, _("You do not need to set up two-factor authentication any more. Log in again to go on.")
        )
        return pending.to_login(request)
    context: dict[str, Any] = {"operator": waiting.user, "address": mask(waiting.user.email)}
    context["next"] = waiting.next_url
    if effective.starts_at:
        left = days_left(effective.starts_at, timezone.now())
        context |= {"day": in_words(effective.starts_at), "days": left, "zone": settings.TIME_ZONE}
    return render(request, "operators/signin/offer.html", context)
