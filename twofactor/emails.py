"""One function for each email about a user's authenticator and codes."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.mail.notices import tell
from twofactor import code_limits

if TYPE_CHECKING:
    from operators.models import Operator


def enrolled(user: "Operator", address: str | None) -> None:
    tell(
        user,
        _("Two-factor authentication is set up on %(product)s") % _product(),
        _("An authenticator app was set up for %(email)s. From now on a code is asked for at every sign-in.")
        % {"email": user.email},
        address=address,
    )


def phone_changed(user: "Operator", address: str | None) -> None:
    tell(
        user,
        _("A new phone makes your codes for %(product)s") % _product(),
        _("The authenticator app of %(email)s was replaced. Codes of the old one do not work any more.")
        % {"email": user.email},
        address=address,
    )


def recovery_code_used(user: "Operator", left: int, address: str | None) -> None:
    tell(
        user,
        _("A recovery code of yours was used on %(product)s") % _product(),
        _(
            "A recovery code was used in place of a code from the app of %(email)s. "
            "No browser that was trusted before is trusted now."
        )
        % {"email": user.email},
        ngettext("%d recovery code is left.", "%d recovery codes are left.", left) % left,
        address=address,
    )


def recovery_codes_renewed(user: "Operator", address: str | None) -> None:
    tell(
        user,
        _("You have new recovery codes for %(product)s") % _product(),
        _(
            "New recovery codes were made for %(email)s. The old ones do not work now, other sessions have "
            "ended, and no browser is trusted."
        )
        % {"email": user.email},
        address=address,
    )


def browser_trusted(user: "Operator", browser: str, days: int, address: str | None) -> None:
    tell(
        user,
        _("A browser needs no code for your login on %(product)s") % _product(),
        ngettext(
            "%(browser)s is trusted for %(days)d day: the password of %(email)s alone is enough there.",
            "%(browser)s is trusted for %(days)d days: the password of %(email)s alone is enough there.",
            days,
        )
        % {"browser": browser, "days": days, "email": user.email},
        _("You can end that on My settings, “Where you are signed in”."),
        address=address,
    )


def new_browser(user: "Operator", browser: str, address: str | None) -> None:
    """Tell a user that they are logged in where they have not been before."""
    tell(
        user,
        _("A login to %(product)s from a new browser") % _product(),
        _("%(email)s was used to log in from a browser that you have not used here before: %(browser)s.")
        % {"email": user.email, "browser": browser},
        address=address,
        advice=_("If that was not you, choose a new password at once: that ends all your sessions."),
    )


def login_was_not_finished(user: "Operator", address: str | None) -> None:
    """Tell a user that somebody has typed the right password, and then gone no further."""
    tell(
        user,
        _("Somebody typed your password on %(product)s and did not finish logging in") % _product(),
        _(
            "In a browser that you have not used here before, somebody typed the right password of %(email)s "
            "and did not finish logging in. They are not in."
        )
        % {"email": user.email},
        address=address,
        advice=_("If that was not you, somebody knows your password: choose a new one at once."),
    )


def codes_are_tried(user: "Operator", address: str | None) -> None:
    """Tell a user that one wrong code after another is typed, by whoever has the password."""
    tell(
        user,
        _("Wrong codes at your sign-in on %(product)s") % _product(),
        _(
            "%(number)d wrong codes in a row were typed for %(email)s. If that was not you, somebody who "
            "knows your password is trying codes. They are not in: from now on each wrong code means a "
            "longer wait."
        )
        % {"number": code_limits.FREE_FAILURES + 1, "email": user.email},
        address=address,
        advice=_(
            "If it was you, check the clock of your phone, or use a recovery code. If it was not, choose a "
            "new password at once: that ends whatever the other person has begun."
        ),
    )


def authenticator_locked(user: "Operator", address: str | None) -> None:
    """Tell a user and the administrators that only a reset helps now."""
    subject = _("Too many wrong codes on %(product)s") % _product()
    tell(
        user,
        subject,
        _(
            "100 wrong codes in a row were typed for %(email)s. Somebody may know your password. "
            "No code is accepted until an administrator resets your two-factor authentication."
        )
        % {"email": user.email},
        address=address,
        advice=_("Ask an administrator of your account for the reset, and choose a new password then."),
    )
    for administrator in user.administrators_to_tell():
        tell(
            administrator,
            subject,
            _(
                "100 wrong codes in a row were typed for %(email)s. Somebody may know that password. "
                "No code is accepted until you reset their two-factor authentication."
            )
            % {"email": user.email},
            address=address,
            advice=_("Make sure that you speak to the operator themselves before you reset anything."),
            about_self=False,
        )


def _product() -> dict[str, str]:
    return {"product": settings.PRODUCT_NAME}
