"""What will happen at an operator's next login, in one sentence."""

from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.days import announced_day
from accounts.masking import mask
from accounts.policy import Effective, Source
from accounts.text import isolated
from operators.models import Operator
from operators.rules.next_step import NextStep, next_step

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class Event(StrEnum):
    INVITATION_EXPIRED = "invitation expired"
    JOINS_SETTING_UP = "joins, setting up"
    JOINS_PERHAPS_SETTING_UP = "joins, perhaps setting up"
    JOINS_BEFORE_THE_DAY = "joins, setting up before the day"
    JOINS = "joins"
    DEACTIVATED = "deactivated"
    FROZEN = "frozen"
    NO_PROVIDER = "no identity provider"
    PASSWORD = "password alone"  # noqa: S105  words
    OFFER = "offer"
    SETUP_LINK = "setup link"
    CODE = "code"
    CODE_UNLESS_TRUSTED = "code, save in a trusted browser"
    LOCKED = "no code is accepted"


_EVENTS = {
    NextStep.REFUSED: Event.NO_PROVIDER,
    NextStep.SIGNED_IN: Event.PASSWORD,
    NextStep.OFFER: Event.OFFER,
    NextStep.SETUP_LINK: Event.SETUP_LINK,
}

# For others to read, with the operator's name.
_SENTENCES: dict[Event, "_StrPromise"] = {
    Event.INVITATION_EXPIRED: gettext_lazy(
        "The invitation of %(name)s has expired: it has to be sent again before it can be accepted."
    ),
    Event.JOINS_SETTING_UP: gettext_lazy(
        "%(name)s sets up two-factor authentication while accepting the invitation."
    ),
    Event.JOINS_PERHAPS_SETTING_UP: gettext_lazy(
        "%(name)s may set up two-factor authentication while accepting the invitation."
    ),
    Event.JOINS_BEFORE_THE_DAY: gettext_lazy(
        "%(name)s may set up two-factor authentication while accepting the invitation, and has to from "
        "%(day)s on."
    ),
    Event.JOINS: gettext_lazy("%(name)s accepts the invitation with a name and a password."),
    Event.DEACTIVATED: gettext_lazy("%(name)s is deactivated and cannot sign in."),
    Event.FROZEN: gettext_lazy("The sign-in of %(name)s is frozen: nobody can use it until it is freed."),
    Event.NO_PROVIDER: gettext_lazy("%(name)s cannot sign in yet: single sign-on is not set up."),
    Event.PASSWORD: gettext_lazy("%(name)s signs in with the password alone."),
    Event.OFFER: gettext_lazy(
        "%(name)s signs in with the password and is offered a setup link: from %(day)s on "
        "two-factor authentication is required."
    ),
    Event.SETUP_LINK: gettext_lazy(
        "%(name)s gets an email with a setup link, to %(address)s, and is let in after setting up."
    ),
    Event.CODE: gettext_lazy("%(name)s types the password and then a code from the authenticator app."),
    Event.CODE_UNLESS_TRUSTED: gettext_lazy(
        "%(name)s types the password and, save in a trusted browser, a code from the authenticator app."
    ),
    Event.LOCKED: gettext_lazy("%(name)s types the password, but no code is accepted until a reset."),
}

# For operators themselves, who are logged in while they read it.
_TO_SELF: dict[Event, "_StrPromise"] = {
    Event.NO_PROVIDER: gettext_lazy("You cannot sign in yet: single sign-on is not set up."),
    Event.PASSWORD: gettext_lazy("You sign in with the password alone."),
    Event.OFFER: gettext_lazy(
        "You sign in with the password and are offered a setup link: from %(day)s on two-factor "
        "authentication is required."
    ),
    Event.SETUP_LINK: gettext_lazy(
        "You get an email with a setup link, to %(address)s, and are let in after setting up."
    ),
    Event.CODE: gettext_lazy("You type the password and then a code from the authenticator app."),
    Event.CODE_UNLESS_TRUSTED: gettext_lazy(
        "You type the password and, save in a trusted browser, a code from the authenticator app."
    ),
    Event.LOCKED: gettext_lazy("No code of yours is accepted any more. Ask an administrator for a reset."),
}

# As the end of a line that begins with the policy.
_IN_SHORT: dict[Event, "_StrPromise"] = {
    Event.INVITATION_EXPIRED: gettext_lazy("the invitation has expired and has to be sent again"),
    Event.JOINS_SETTING_UP: gettext_lazy("has to be set up while accepting the invitation"),
    Event.JOINS_PERHAPS_SETTING_UP: gettext_lazy("may be set up while accepting the invitation"),
    Event.JOINS_BEFORE_THE_DAY: gettext_lazy("may be set up while accepting the invitation"),
    Event.JOINS: gettext_lazy("the invitation is accepted with a name and a password"),
    Event.DEACTIVATED: gettext_lazy("no sign-in until activated"),
    Event.FROZEN: gettext_lazy("sign-in frozen until it is freed"),
    Event.NO_PROVIDER: gettext_lazy("no sign-in until an identity provider is set up"),
    Event.PASSWORD: gettext_lazy("the next sign-in takes the password alone"),
    Event.OFFER: gettext_lazy("the next sign-in offers a setup link to %(address)s"),
    Event.SETUP_LINK: gettext_lazy("at the next sign-in a setup link goes to %(address)s"),
    Event.CODE: gettext_lazy("the next sign-in asks for a code"),
    Event.CODE_UNLESS_TRUSTED: gettext_lazy("the next sign-in asks for a code, save in a trusted browser"),
    Event.LOCKED: gettext_lazy("authenticator locked: no code is accepted until a reset"),
}


def next_event(operator: Operator, effective: Effective) -> Event:
    """Ask the login's own table, so that the words cannot promise something else."""
    if operator.is_invited:
        return _joining(operator, effective)
    if not operator.is_active:
        return Event.DEACTIVATED
    if operator.frozen_at:
        return Event.FROZEN
    return _signing_in(operator, effective)


def _joining(operator: Operator, effective: Effective) -> Event:
    if not operator.has_live_invitation:
        return Event.INVITATION_EXPIRED
    if effective.required:
        return Event.JOINS_SETTING_UP
    if effective.announced:
        return Event.JOINS_BEFORE_THE_DAY
    return Event.JOINS_PERHAPS_SETTING_UP if effective.usable else Event.JOINS


def _signing_in(operator: Operator, effective: Effective) -> Event:
    step = next_step(effective, enrolled=operator.is_enrolled)
    if step is not NextStep.CODE:
        return _EVENTS[step]
    if operator.is_locked:
        return Event.LOCKED
    return Event.CODE_UNLESS_TRUSTED if operator.account.trusted_browser_days else Event.CODE


def next_sign_in(operator: Operator) -> str:
    return _sentence(_SENTENCES, operator, operator.effective)


def your_next_sign_in(operator: Operator) -> str:
    return _sentence(_TO_SELF, operator, operator.effective)


def next_in_short(operator: Operator, effective: Effective) -> str:
    """Leave %(address)s in it, for the operator's address."""
    return str(_IN_SHORT[next_event(operator, effective)])


def _sentence(table: dict[Event, "_StrPromise"], operator: Operator, effective: Effective) -> str:
    return table[next_event(operator, effective)] % {
        "name": isolated(operator.name or operator.email),
        "address": mask(operator.email),
        "day": announced_day(effective),
    }


def why_no_two_factor(operator: Operator, *, to_self: bool = False) -> str:
    """Explain to a reader why there are no two-factor controls; empty where there are some."""
    if operator.effective.usable:
        return ""
    source = operator.effective.source
    if source is Source.SINGLE_SIGN_ON:
        who = (
            _("You sign in by single sign-on.") if to_self else _("This operator signs in by single sign-on.")
        )
        return who + " " + _("The identity provider sees to the second factor, so there is none here.")
    if source is not Source.OVERRIDE:
        return _("Two-factor authentication cannot be used within the whole account.")
    if to_self:
        return _("Two-factor authentication is disabled for you.")
    return _("Two-factor authentication is disabled for this operator.")
