"""The page for a link that no longer works: what became of it, and what to do now.

Only a token that was once sent gets an explanation, because whoever has it owns the mailbox. Any other token
gets the plain page. The status is the same for all.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import clock
from accounts.models import Action
from invitations import opened_links
from invitations.ledger import LinkRecord, changes_since
from invitations.models import Link

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

End, Purpose = LinkRecord.End, Link.Purpose
# Not stored in the ledger: it expired, nothing ended it, or the newest one was used.
EXPIRED, ALIVE, NEWER_USED = "expired", "alive", "newer used"


@dataclass(frozen=True, slots=True)
class Fate:
    """How a link ended: by an End, an Action, or one of the three above; and when, if known."""

    what: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class WayOut:
    """What to do about a dead link, and on which page, if there is one."""

    what_next: "_StrPromise"
    url_name: str = ""
    label: "_StrPromise | str" = ""


LOG_IN = (settings.LOGIN_URL, gettext_lazy("Log in"))
NEW_PASSWORD = ("operators:password-reset", gettext_lazy("Request a new link"))
START = (settings.LOGIN_REDIRECT_URL, gettext_lazy("Go to the start page"))

PLAIN = gettext_lazy("It was used already, a newer link has taken its place, or it is too old.")
BY_CHANGE = gettext_lazy("It ended when something about your login was changed")
WHAT_HAPPENED: dict[str, "_StrPromise"] = {
    End.REPLACED: gettext_lazy("A newer link has taken its place"),
    NEWER_USED: gettext_lazy("A newer link has taken its place, and was used"),
    End.WITHDRAWN: gettext_lazy("An administrator has withdrawn it"),
    End.CHANGED: gettext_lazy("It ended when an administrator changed what is asked of you at login"),
    EXPIRED: gettext_lazy("It has expired"),
    ALIVE: gettext_lazy("It cannot be used as your login is set up at present"),
    Action.TWO_FACTOR_ENROLLED: gettext_lazy("It ended when two-factor authentication was set up"),
    Action.PHONE_CHANGED: gettext_lazy("It ended when another phone was set up for your codes"),
    Action.TWO_FACTOR_RESET: gettext_lazy("It ended when two-factor authentication was reset"),
    Action.RECOVERY_CODES_RENEWED: gettext_lazy("It ended when new recovery codes were made"),
    Action.PASSWORD_CHANGED: gettext_lazy("It ended with a new password"),
    Action.PASSWORD_RESET: gettext_lazy("It ended with a new password"),
    Action.EMAIL_CHANGED: gettext_lazy("It ended when the email address was changed"),
    Action.SIGN_IN_METHOD: gettext_lazy("It ended when an administrator changed how you log in"),
    Action.DEACTIVATED: gettext_lazy("It ended when an administrator closed this login"),
    Action.FROZEN: gettext_lazy("It ended when this login was frozen"),
    Action.ALL_SESSIONS_ENDED: gettext_lazy("It ended when an administrator ended all sessions"),
    Action.DELETED: gettext_lazy("It ended when this operator was deleted"),
}
USED: dict[Link.Purpose, "_StrPromise"] = {
    Purpose.SETUP: gettext_lazy("Two-factor authentication was set up with it"),
    Purpose.INVITATION: gettext_lazy("The invitation was accepted with it"),
    Purpose.PASSWORD_RESET: gettext_lazy("A new password was chosen with it"),
    Purpose.EMAIL: gettext_lazy("The new address was confirmed with it"),
}

# What to do, by purpose, unless there is something more specific below.
WAYS_OUT = {
    Purpose.SETUP: WayOut(gettext_lazy("Log in again to get a new link."), *LOG_IN),
    Purpose.INVITATION: WayOut(
        gettext_lazy(
            "If you have accepted the invitation, log in. Otherwise ask your administrator to send it again."
        ),
        *LOG_IN,
    ),
    Purpose.PASSWORD_RESET: WayOut(gettext_lazy("Request a new link to choose a password."), *NEW_PASSWORD),
    Purpose.EMAIL: WayOut(
        gettext_lazy("If the address is still the old one, change it again on My settings."), *START
    ),
}
AFTER_USE = {
    Purpose.SETUP: WayOut(gettext_lazy("Log in with your password and a code from the app."), *LOG_IN),
    Purpose.INVITATION: WayOut(gettext_lazy("Log in with the password that you chose."), *LOG_IN),
    Purpose.PASSWORD_RESET: WayOut(
        gettext_lazy(
            "Log in with the new password. If it was not you who chose it, request a new link at once."
        ),
        *LOG_IN,
    ),
    Purpose.EMAIL: WayOut(gettext_lazy("Log in with the new address."), *LOG_IN),
}
AFTER_A_NEWER_ONE = {
    Purpose.SETUP: WayOut(
        gettext_lazy("Open the link in the newest email, or log in again to get another one."), *LOG_IN
    ),
    Purpose.INVITATION: WayOut(
        gettext_lazy("Open the link in the newest email, or ask your administrator to send it again.")
    ),
    Purpose.PASSWORD_RESET: WayOut(
        gettext_lazy("Open the link in the newest email, or request another one."), *NEW_PASSWORD
    ),
    Purpose.EMAIL: WayOut(
        gettext_lazy("Open the link in the newest email, or change the address again on My settings."), *START
    ),
}
SEND_AGAIN = WayOut(gettext_lazy("Ask your administrator to send it again."))
ASK = WayOut(gettext_lazy("Ask an administrator of your account."))
# Nothing that the person can do helps.
CLOSED = {Action.DEACTIVATED, Action.DELETED, Action.FROZEN, Action.SIGN_IN_METHOD, ALIVE}


def dead_link(request: HttpRequest, purpose: Link.Purpose) -> HttpResponse:
    fate = _fate_of(opened_links.opened_hash(request, purpose), purpose, timezone.now())
    way_out = _way_out(fate, purpose)
    context = {
        "what_happened": _in_words(fate, purpose),
        "what_next": way_out.what_next,
        "action_url": way_out.url_name and reverse(way_out.url_name),
        "action_label": way_out.label,
    }
    return render(request, "invitations/dead_link.html", context, status=410)


def _fate_of(token_hash: str, purpose: Link.Purpose, now: datetime) -> Fate | None:
    """None if nobody was ever sent such a link."""
    if not token_hash:
        return None
    record = LinkRecord.objects.filter(token_hash=token_hash, kind=purpose).first()
    if record is None:
        return None
    # Anything done to it after it expired did not end it.
    if record.ended_at and record.ended_at <= record.expires_at:
        return _used_since(record) or Fate(record.end, record.ended_at)
    return _end_without_a_note(record, now)


def _used_since(record: LinkRecord) -> Fate | None:
    """Return None unless the link was replaced, and the newest replacement was used."""
    if record.end != End.REPLACED:
        return None
    replacements = LinkRecord.objects.filter(
        account_id=record.account_id, person_id=record.person_id, kind=record.kind
    )
    newest = replacements.latest("pk")
    return Fate(NEWER_USED, newest.ended_at) if newest.end == End.USED else None


def _end_without_a_note(record: LinkRecord, now: datetime) -> Fate:
    """Work out the end by a new nonce or by the clock: neither is written into its row."""
    nonces = get_user_model().objects.filter(pk=record.person_id).values_list("session_nonce", flat=True)
    is_changed = nonces.first() != record.nonce
    changes = changes_since(record.asked_at, record.account_id, record.person_id)
    change = changes.first() if is_changed else None
    if change and change.at <= record.expires_at:
        return Fate(change.action, change.at)
    if record.expires_at <= now:
        return Fate(EXPIRED, record.expires_at)
    # Made while the clock was fast: it has expired, and nobody knows when.
    if record.asked_at > now + clock.SKEW_DELTA:
        return Fate(EXPIRED, None)
    return Fate("" if is_changed else ALIVE, None)


def _in_words(fate: Fate | None, purpose: Link.Purpose) -> str:
    if fate is None:
        return str(PLAIN)
    what = USED[purpose] if fate.what == End.USED else WHAT_HAPPENED.get(fate.what, BY_CHANGE)
    if fate.at is None:
        return f"{what}."
    return _("%(what)s (%(when)s).") % {"what": what, "when": _when(fate.at)}


def _when(at: datetime) -> str:
    """In the reader's zone, or in UTC by name: the zone of a new browser is unknown."""
    here = timezone.localtime(at)
    today = here.date() == timezone.localdate()
    when = _("today, %(time)s") % {"time": date_format(here, "TIME_FORMAT")} if today else ""
    zone = f" {here.tzname()}" if here.tzname() == "UTC" else ""
    return (when or date_format(here, "DATETIME_FORMAT")) + zone


def _way_out(fate: Fate | None, purpose: Link.Purpose) -> WayOut:
    what = fate.what if fate else ""
    if what in (End.USED, NEWER_USED) or (what == Action.TWO_FACTOR_ENROLLED and purpose == Purpose.SETUP):
        return AFTER_USE[purpose]
    if what in CLOSED:
        return ASK
    if what == End.REPLACED:
        return AFTER_A_NEWER_ONE[purpose]
    return SEND_AGAIN if fate and purpose == Purpose.INVITATION else WAYS_OUT[purpose]
