"""One function for each email about an operator's own sign-in."""

from collections.abc import Mapping
from datetime import date

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.audit.trail import Origin
from accounts.days import announced_day
from accounts.mail.notice_mail import in_mail, notify, plain, words_about
from accounts.mail.notices import tell
from accounts.models import Account
from accounts.models.outgoing_mail import OutgoingMail
from accounts.text import isolated
from invitations import link_mail
from invitations.link_mail import Message
from invitations.models import Link, lifetime
from operators.models import Operator

REMINDER = "operators/email/reminder"
# In the context of every email that asks somebody to set up: by that the operator's page finds them.
ASKS_TO_SET_UP = {"asks_to_set_up": True}


def two_factor_was_reset(operator: Operator, by: Origin) -> OutgoingMail:
    """Tell an operator that the authenticator no longer counts, and what comes next."""
    context = {
        "by_name": isolated(plain(by.who)),
        "by_self": by.actor == operator,
        "by_override": operator.effective.by_override,
        "required": operator.effective.required,
        "usable": operator.effective.usable,
        "day": announced_day(operator.effective),
        "url": _login_url(),
    }
    return _notify("two_factor_reset", operator, by, context)


def administrator_was_reset(operator: Operator, by: Origin) -> None:
    """Tell the other administrators that one of them has no second factor now."""
    _tell_the_others(
        operator,
        by,
        _("Two-factor authentication of an administrator was reset"),
        _("%(who)s has reset the two-factor authentication of %(whom)s, who is an administrator.")
        % {
            "who": in_mail(by.actor) if by.actor else _("The command line"),
            "whom": in_mail(operator),
        },
    )


def two_factor_set_up_by(operator: Operator, by: Origin) -> OutgoingMail:
    """Tell an operator that somebody else has set up an authenticator for them."""
    context = {"by_name": isolated(plain(by.who)), "url": _login_url()}
    return _notify("two_factor_set_up_by", operator, by, context)


def password_was_changed(operator: Operator, by: Origin) -> OutgoingMail:
    context = {"url": settings.SITE_URL + reverse("operators:password-reset")}
    return _notify("password_changed", operator, by, context)


def address_was_changed(operator: Operator, old_address: str, by: Origin) -> OutgoingMail:
    """Tell the old mailbox that it does not count any more."""
    return _notify("address_changed", operator, by, {"old": old_address}, to=old_address)


def password_reset_link(operator: Operator, by: Origin) -> OutgoingMail:
    """Mail the link to the page where a new password is chosen."""
    context = {"operator": words_about(operator), "days": lifetime(Link.Purpose.PASSWORD_RESET).days}
    message = Message("operators/email/password_reset", operator.email, context)
    return link_mail.send(operator, Link.Purpose.PASSWORD_RESET, message, by)


def confirm_address(operator: Operator, new_address: str, by: Origin, *, in_use: bool) -> OutgoingMail:
    """Mail the link that makes a new address the operator's, to that address.

    Whose it is nobody knows yet. So it holds no word that somebody has typed, no name either; and where the
    address is in use, it says that in place of the link.
    """
    template = "operators/email/address_in_use" if in_use else "operators/email/confirm_address"
    message = Message(template, new_address, {"account": isolated(operator.account.name)})
    return link_mail.send(operator, Link.Purpose.EMAIL, message, by)


def sign_in_was_frozen(operator: Operator, by: Origin) -> None:
    """Tell the administrators that an operator's sign-in waits for one of them."""
    for administrator in operator.administrators_to_tell():
        tell(
            administrator,
            _("The sign-in of an operator is frozen"),
            _(
                "“This was not me” was chosen in a notice to %(whom)s. All sessions have ended, and nobody "
                "can sign in with that address until you free it on the operator's page."
            )
            % {"whom": in_mail(operator)},
            address=by.address,
            advice=_("Speak to the operator first: somebody else may know the password."),
            about_self=False,
        )


def code_is_off(operator: Operator, by: Origin) -> None:
    """Tell an operator that no code is asked for, and the other administrators where it is one of them."""
    who = {"who": isolated(plain(by.who)), "whom": in_mail(operator), "email": operator.email}
    tell(
        operator,
        _("Your login on %(product)s no longer asks for a code") % _product(),
        _(
            "%(who)s has switched two-factor authentication off for %(email)s: from now on the password "
            "alone is enough to log in. Your authenticator app is kept for later."
        )
        % who,
        address=by.address_for(operator),
        advice=_("If that surprises you, ask an administrator of your account."),
    )
    _tell_the_others(
        operator,
        by,
        _("An administrator logs in without a code"),
        _("%(who)s has switched two-factor authentication off for %(whom)s, who is an administrator.") % who,
    )


def account_asks_less(account: Account, old: str, new: str, by: Origin) -> None:
    """Tell all administrators, also the one who did it, that the account asks less of its operators."""
    words = {"who": isolated(plain(by.who)), "account": isolated(account.name), "old": old, "new": new}
    for administrator in Operator.objects.filter(account=account).administrators().with_a_way_in():
        tell(
            administrator,
            _("The two-factor setting of %(account)s asks less than before") % words,
            _(
                "%(who)s has changed the two-factor authentication setting of %(account)s from %(old)s to "
                "%(new)s."
            )
            % words,
            address=by.address,
            advice=_("If that surprises you, speak to them at once, and set it back on Account settings."),
            about_self=by.actor == administrator,
        )


def account_code_is_off(operator: Operator, account: Account) -> OutgoingMail:
    """Tell an operator with an authenticator that the account asks nobody for a code any longer."""
    context = {
        "name": plain(operator.name) or operator.email,
        "subject": _("Your login on %(product)s no longer asks for a code") % _product(),
        "sentences": [
            _(
                "%(who)s has switched two-factor authentication off for everybody in %(account)s: from now "
                "on the password alone is enough to log in. Your authenticator app is kept for later."
            )
            % {
                "who": isolated(plain(account.policy_changed_by) or _("The command line")),
                "account": isolated(account.name),
            }
        ],
        "advice": _("If that surprises you, ask an administrator of your account."),
        "about": None,
    }
    return notify("email/notice", operator.email, context, account=account)


def login_method_was_changed(operator: Operator, old: str, new: str, by: Origin) -> None:
    tell(
        operator,
        _("How you log in to %(product)s has changed") % _product(),
        _(
            "%(who)s has changed the login method of %(email)s from “%(old)s” to “%(new)s”. All your "
            "sessions have ended."
        )
        % {"who": isolated(plain(by.who)), "email": operator.email, "old": old, "new": new},
        address=by.address_for(operator),
        advice=_("If that surprises you, ask an administrator of your account."),
    )


def was_activated(operator: Operator, by: Origin) -> None:
    """Tell an operator that the login works again, and the other administrators where it is one of them."""
    who = {"who": isolated(plain(by.who)), "whom": in_mail(operator), "email": operator.email}
    tell(
        operator,
        _("Your login on %(product)s works again") % _product(),
        _("%(who)s has activated %(email)s: you can log in again as before.") % who,
        address=by.address_for(operator),
        advice=_("If that surprises you, ask an administrator of your account."),
    )
    _tell_the_others(
        operator,
        by,
        _("An administrator was activated"),
        _("%(who)s has activated %(whom)s, who is an administrator and can change everything again.") % who,
    )


def was_freed(operator: Operator, by: Origin) -> None:
    """Tell an operator that the login is no longer frozen."""
    tell(
        operator,
        _("Your login on %(product)s is no longer frozen") % _product(),
        _("%(who)s has freed the login of %(email)s: you can log in again.")
        % {"who": isolated(plain(by.who)), "email": operator.email},
        address=by.address_for(operator),
        advice=_("If you have not asked for that, ask an administrator of your account."),
    )


def _tell_the_others(operator: Operator, by: Origin, subject: str, sentence: str) -> None:
    """Tell the other administrators what happened to one of them; nobody where the operator is none."""
    if not operator.is_administrator:
        return
    for administrator in operator.administrators_to_tell():
        tell(
            administrator,
            subject,
            sentence,
            address=by.address,
            advice=_("If that surprises you, speak to both at once."),
            about_self=False,
        )


def _product() -> dict[str, str]:
    return {"product": settings.PRODUCT_NAME}


def exception_ends(operator: Operator, what_then: str) -> OutgoingMail:
    """Tell an operator that the account's setting will count for them again, and what comes then."""
    context = {
        "operator": words_about(operator),
        "day": day_in_words(operator.override_last_day),
        "zone": settings.TIME_ZONE,
        "what_then": what_then,
        "set_up_now": operator.effective.usable and not operator.is_enrolled,
        "url": settings.SITE_URL + operator.get_absolute_url(),
    }
    return notify("operators/email/exception_ends", operator.email, context, account=operator.account)


def reminder(operator: Operator) -> OutgoingMail:
    """Ask an operator to set up; holds no secret: the setup link comes at the sign-in."""
    return notify(REMINDER, operator.email, reminder_context(operator), account=operator.account)


def reminder_context(operator: Operator) -> dict[str, object]:
    effective = operator.effective
    return {
        **ASKS_TO_SET_UP,
        "operator": words_about(operator),
        "required": effective.required,
        "by_override": effective.by_override,
        "day": announced_day(effective),
        "url": _login_url(),
    }


def day_in_words(day: date | None) -> str:
    """Return a day for people; "" where there is none."""
    return date_format(day, "DATE_FORMAT") if day else ""


def _notify(
    name: str, operator: Operator, by: Origin, context: Mapping[str, object], to: str = ""
) -> OutgoingMail:
    shown = {"operator": words_about(operator), "about": operator.pk, "address": by.address_for(operator)}
    context = {**shown, **context}
    return notify(f"operators/email/{name}", to or operator.email, context, account=operator.account)


def _login_url() -> str:
    return settings.SITE_URL + reverse("operators:login")
