"""What will happen at an operator's next sign-in, in one sentence?"""

from django.utils.translation import gettext as _

from accounts.deadline import announced_day
from accounts.policy import Source
from invitations.masking import mask
from operators.models import Operator
from operators.signin_table import NextStep, next_step


def next_sign_in(operator: Operator) -> str:
    """Return the sentence; the decision is the one that sign-in itself takes."""
    words = _words(operator)
    if operator.is_invited:
        return _invited(operator) % words
    if not operator.is_active:
        return _("%(name)s is deactivated and cannot sign in.") % words
    if operator.frozen_at:
        return _("The sign-in of %(name)s is frozen: nobody can use it until it is freed.") % words
    return {
        NextStep.SIGNED_IN: _("%(name)s signs in with the password alone."),
        NextStep.CODE: _code(operator),
        NextStep.SETUP_LINK: _(
            "%(name)s gets an email with a setup link, to %(address)s, and is let in after setting up."
        ),
        NextStep.OFFER: _(
            "%(name)s signs in with the password and is offered a setup link: from %(day)s on "
            "two-factor authentication is required."
        ),
        NextStep.REFUSED: _("%(name)s cannot sign in yet: single sign-on is not set up."),
    }[next_step(operator.effective, enrolled=operator.is_enrolled)] % words


def _words(operator: Operator) -> dict[str, str]:
    """Return what the sentences name."""
    return {
        "name": operator.name or operator.email,
        "address": mask(operator.email),
        "day": announced_day(operator.effective),
    }


def your_next_sign_in(operator: Operator) -> str:
    """Return the same sentence for the operator themselves, who is signed in."""
    return {
        NextStep.SIGNED_IN: _("You sign in with the password alone."),
        NextStep.CODE: _("You type the password and then a code from the authenticator app.")
        if not operator.is_locked
        else _("No code of yours is accepted any more. Ask an administrator for a reset."),
        NextStep.SETUP_LINK: _(
            "You get an email with a setup link, to %(address)s, and are let in after setting up."
        ),
        NextStep.OFFER: _(
            "You sign in with the password and are offered a setup link: from %(day)s on two-factor "
            "authentication is required."
        ),
        NextStep.REFUSED: _("You cannot sign in yet: single sign-on is not set up."),
    }[next_step(operator.effective, enrolled=operator.is_enrolled)] % _words(operator)


def _code(operator: Operator) -> str:
    """Return what the code step will be like."""
    if operator.is_locked:
        return _("%(name)s types the password, but no code is accepted until a reset.")
    if operator.account.trusted_browser_days:
        return _(
            "%(name)s types the password and, save in a trusted browser, a code from the authenticator app."
        )
    return _("%(name)s types the password and then a code from the authenticator app.")


def _invited(operator: Operator) -> str:
    """Return what accepting the invitation will ask for, as the policy stands now."""
    if operator.effective.required:
        return _("%(name)s sets up two-factor authentication while accepting the invitation.")
    if operator.effective.announced:
        return _(
            "%(name)s may set up two-factor authentication while accepting the invitation, and has to from "
            "%(day)s on."
        )
    if operator.effective.usable:
        return _("%(name)s may set up two-factor authentication while accepting the invitation.")
    return _("%(name)s accepts the invitation with a name and a password.")


def why_no_two_factor(operator: Operator, *, to_self: bool = False) -> str:
    """Return why an operator has no two-factor controls; "" where there are some."""
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
