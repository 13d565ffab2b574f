"""What does a person read who opens a link that does not work any more?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from invitations.models import Link

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class WayOut:
    """What to do about a dead link, and the page where it is done."""

    what_next: "_StrPromise"
    url_name: str
    label: "_StrPromise"


WAYS_OUT = {
    Link.Purpose.SETUP: WayOut(_("Log in again to get a new link."), "operators:login", _("Log in")),
    Link.Purpose.INVITATION: WayOut(
        _("If you have accepted the invitation, log in. Otherwise ask your administrator to send it again."),
        "operators:login",
        _("Log in"),
    ),
    Link.Purpose.PASSWORD_RESET: WayOut(
        _("Request a new link to choose a password."), "operators:password-reset", _("Request a new link")
    ),
    Link.Purpose.EMAIL: WayOut(
        _("If the address is still the old one, change it again on My settings."),
        "operators:home",
        _("Go to the start page"),
    ),
}


def dead_link(request: HttpRequest, purpose: Link.Purpose) -> HttpResponse:
    """Answer 410 with the way to a new link.

    Expired, used, replaced and unknown links get the same words and the same status, so that nobody
    learns by trying which links have existed.
    """
    way_out = WAYS_OUT[purpose]
    context = {
        "what_next": way_out.what_next,
        "action_url": reverse(way_out.url_name),
        "action_label": way_out.label,
    }
    return render(request, "invitations/dead_link.html", context, status=410)
