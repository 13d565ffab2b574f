"""What each email about a user's authenticator and codes says."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.mail.notices import Notice, tell
from accounts.person import Person

ENROLLED = Notice(
    _("Two-factor authentication is set up on %(product)s"),
    _("An authenticator app was set up for %(email)s. From now on a code is asked for at every sign-in."),
)
PHONE_CHANGED = Notice(
    _("A new phone makes your codes for %(product)s"),
    _("The authenticator app of %(email)s was replaced. Codes of the old one do not work any more."),
)
RECOVERY_CODE_USED = Notice(
    _("A recovery code of yours was used on %(product)s"),
    _(
        "A recovery code was used in place of a code from the app of %(email)s. "
        "No browser that was trusted before is trusted now."
    ),
    more=ngettext_lazy("%(left)d recovery code is left.", "%(left)d recovery codes are left.", "left"),
)
RECOVERY_CODES_RENEWED = Notice(
    _("You have new recovery codes for %(product)s"),
    _(
        "New recovery codes were made for %(email)s. The old ones do not work now, other sessions have "
        "ended, and no browser is trusted."
    ),
)
BROWSER_TRUSTED = Notice(
    _("A browser needs no code for your login on %(product)s"),
    ngettext_lazy(
        "%(browser)s is trusted for %(days)d day: the password of %(email)s alone is enough there.",
        "%(browser)s is trusted for %(days)d days: the password of %(email)s alone is enough there.",
        "days",
    ),
    more=_("You can end that on My settings, “Where you are signed in”."),
)
NEW_BROWSER = Notice(
    _("A login to %(product)s from a new browser"),
    _("%(email)s was used to log in from a browser that you have not used here before: %(browser)s."),
    _("If that was not you, choose a new password at once: that ends all your sessions."),
)
LOGIN_WAS_NOT_FINISHED = Notice(
    _("Somebody typed your password on %(product)s and did not finish logging in"),
    _(
        "In a browser that you have not used here before, somebody typed the right password of %(email)s "
        "and did not finish logging in. They are not in."
    ),
    _("If that was not you, somebody knows your password: choose a new one at once."),
)
CODES_ARE_TRIED = Notice(
    _("Wrong codes at your sign-in on %(product)s"),
    _(
        "%(number)d wrong codes in a row were typed for %(email)s. If that was not you, somebody who "
        "knows your password is trying codes. They are not in: from now on each wrong code means a "
        "longer wait."
    ),
    _(
        "If it was you, check the clock of your phone, or use a recovery code. If it was not, choose a "
        "new password at once: that ends whatever the other person has begun."
    ),
)
LOCKED = Notice(
    _("Too many wrong codes on %(product)s"),
    _(
        "100 wrong codes in a row were typed for %(email)s. Somebody may know your password. "
        "No code is accepted until an administrator resets your two-factor authentication."
    ),
    _("Ask an administrator of your account for the reset, and choose a new password then."),
)
OPERATOR_LOCKED = Notice(
    LOCKED.subject,
    _(
        "100 wrong codes in a row were typed for %(email)s. Somebody may know that password. "
        "No code is accepted until you reset their two-factor authentication."
    ),
    _("Make sure that you speak to the operator themselves before you reset anything."),
)


def authenticator_locked(user: Person, address: str | None) -> None:
    tell(user, LOCKED, address)
    for administrator in user.administrators_to_tell():
        tell(administrator, OPERATOR_LOCKED, address, about_self=False, email=user.email)
