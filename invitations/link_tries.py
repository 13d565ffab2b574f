"""Limits how many password hashes one link can cost the server."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import rate_limit
from accounts.audit.trail import origin
from accounts.durations import duration
from accounts.limits import refusals
from accounts.limits.refusals import What
from accounts.network import by_network
from invitations.models import Link

# A hash takes a tenth of a second. A whole office joining at once shares one network address.
HASHES, HASHES_BY_ADDRESS, SECONDS = 10, 300, 15 * 60


def may_hash(request: HttpRequest, form: forms.Form, link: Link) -> bool:
    """To be called after all other checks of the new password."""
    limits = [
        rate_limit.Limit(f"{What.NEW_PASSWORDS} link {link.token_hash}", HASHES, SECONDS),
        *by_network(request, f"{What.NEW_PASSWORDS} address", HASHES_BY_ADDRESS, SECONDS),
    ]
    wait = rate_limit.count(limits)
    if wait:
        refusals.note(What.NEW_PASSWORDS, link.user, origin(request, link.user), wait)
        text = _("Too many tries with this link. Wait %(wait)s, then type your new password again.")
        params = {"wait": duration(wait)}
        form.add_error("new_password", ValidationError(text, code="wait", params=params))
    return not wait
