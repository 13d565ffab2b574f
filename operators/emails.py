"""What each email about an operator's login says; the words of longer ones: `templates/operators/email/`."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.audit.trail import Origin
from accounts.days import announced_day, days_left, in_words
from accounts.mail.notice_mail import in_mail, notify, plain, words_about
from accounts.mail.notices import Notice, tell
from accounts.models import Account
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import AccountRule
from accounts.text import isolated
from invitations import link_mail
from invitations.link_mail import EmailTemplate
from invitations.models import Link, lifetime
from operators.models import Operator

REMINDER = "operators/email/reminder"
# In the context of every email that asks somebody to set up: by that the operator's page finds them.
ASKS_TO_SET_UP = {"asks_to_set_up": True}

# To the operator

_ASK = _("If that surprises you, ask an administrator of your account.")
CODE_IS_OFF = Notice(
    _("Your login on %(product)s no longer asks for a code"),
    _(
        "%(who)s has switched two-factor authentication off for %(email)s: from now on the password "
        "alone is enough to log in. Your authenticator app is kept for later."
    ),
    _ASK,
)
ACCOUNT_CODE_IS_OFF = Notice(
    CODE_IS_OFF.subject,
    _(
        "%(who)s has switched two-factor authentication off for everybody in %(account)s: from now "
        "on the password alone is enough to log in. Your authenticator app is kept for later."
    ),
    _ASK,
)
MUST_SET_UP_NOW = Notice(
    _("Set up two-factor authentication for %(account)s"),
    _(
        "%(account)s requires two-factor authentication from now on, and you have not set it up yet. "
        "You are let in once you have."
    ),
    _("Log in at %(url)s: the link with which you set it up is sent to you there."),
)
MUST_SET_UP_BY_A_DAY = Notice(
    MUST_SET_UP_NOW.subject,
    ngettext_lazy(
        "%(account)s requires two-factor authentication from %(day)s on, and you have not set it up yet. "
        "%(left)d day is left.",
        "%(account)s requires two-factor authentication from %(day)s on, and you have not set it up yet. "
        "%(left)d days are left.",
        "left",
    ),
    MUST_SET_UP_NOW.advice,
)
LOGIN_METHOD_WAS_CHANGED = Notice(
    _("How you log in to %(product)s has changed"),
    _(
        "%(who)s has changed the login method of %(email)s from “%(old)s” to “%(new)s”. All your "
        "sessions have ended."
    ),
    _ASK,
)
WAS_ACTIVATED = Notice(
    _("Your login on %(product)s works again"),
    _("%(who)s has activated %(email)s: you can log in again as before."),
    _ASK,
)
WAS_FREED = Notice(
    _("Your login on %(product)s is no longer frozen"),
    _("%(who)s has freed the login of %(email)s: you can log in again."),
    _("If you have not asked for that, ask an administrator of your account."),
)

# To administrators

_SPEAK_TO_BOTH = _("If that surprises you, speak to both at once.")
ADMINISTRATOR_WAS_RESET = Notice(
    _("Two-factor authentication of an administrator was reset"),
    _("%(who)s has reset the two-factor authentication of %(whom)s, who is an administrator."),
    _SPEAK_TO_BOTH,
)
ADMINISTRATOR_CODE_IS_OFF = Notice(
    _("An administrator logs in without a code"),
    _("%(who)s has switched two-factor authentication off for %(whom)s, who is an administrator."),
    _SPEAK_TO_BOTH,
)
ADMINISTRATOR_WAS_ACTIVATED = Notice(
    _("An administrator was activated"),
    _("%(who)s has activated %(whom)s, who is an administrator and can change everything again."),
    _SPEAK_TO_BOTH,
)
SIGN_IN_WAS_FROZEN = Notice(
    _("The sign-in of an operator is frozen"),
    _(
        "“This was not me” was chosen in a notice to %(whom)s. All sessions have ended, and nobody "
        "can sign in with that address until you free it on the operator's page."
    ),
    _("Speak to the operator first: somebody else may know the password."),
)
ACCOUNT_ASKS_LESS = Notice(
    _("The two-factor setting of %(account)s asks less than before"),
    _("%(who)s has changed the two-factor authentication setting of %(account)s from %(old)s to %(new)s."),
    _("If that surprises you, speak to them at once, and set it back on Account settings."),
)


def tell_operator(operator: Operator, notice: Notice, by: Origin, **words: object) -> None:
    who = isolated(plain(by.who))
    tell(operator, notice, by.address_for(operator), about_self=True, who=who, **words)


def tell_other_administrators(operator: Operator, notice: Notice, by: Origin, who: str = "") -> None:
    if operator.is_administrator:
        _tell_administrators(operator, notice, by, who=who or isolated(plain(by.who)))


def _tell_administrators(operator: Operator, notice: Notice, by: Origin, **words: object) -> None:
    for administrator in operator.administrators_to_tell():
        tell(administrator, notice, by.address, about_self=False, whom=in_mail(operator), **words)


def administrator_was_reset(operator: Operator, by: Origin) -> None:
    who = in_mail(by.actor) if by.actor else by.who
    tell_other_administrators(operator, ADMINISTRATOR_WAS_RESET, by, who)


def sign_in_was_frozen(operator: Operator, by: Origin) -> None:
    _tell_administrators(operator, SIGN_IN_WAS_FROZEN, by)


def account_asks_less(account: Account, old: str, new: str, by: Origin) -> None:
    """Tell all administrators, also the one who did it."""
    words = {"who": isolated(plain(by.who)), "account": isolated(account.name), "old": old, "new": new}
    for administrator in Operator.objects.filter(account=account).administrators().with_a_way_in():
        about_self = by.actor == administrator
        tell(administrator, ACCOUNT_ASKS_LESS, by.address, about_self=about_self, **words)


def account_code_is_off(operator: Operator, account: Account) -> None:
    who = isolated(plain(account.policy_changed_by) or gettext("The command line"))
    context = ACCOUNT_CODE_IS_OFF.filled(operator, who=who, account=isolated(account.name))
    notify("email/notice", operator.email, {**context, "about": None}, account=account)


def account_asks_to_set_up(operator: Operator, account: Account) -> None:
    notice, words = must_set_up(account, account.rule)
    context = {**notice.filled(operator, **words), "about": None, **ASKS_TO_SET_UP}
    notify("email/notice", operator.email, context, account=account)


def must_set_up(account: Account, rule: AccountRule) -> tuple[Notice, dict[str, object]]:
    now = timezone.now()
    starts_at = rule.as_of(now).required_from
    words: dict[str, object] = {"account": isolated(account.name), "url": _login_url()}
    if starts_at is None:
        return MUST_SET_UP_NOW, words
    words |= {"day": in_words(starts_at), "left": days_left(starts_at, now)}
    return MUST_SET_UP_BY_A_DAY, words


# Emails with templates of their own


def two_factor_was_reset(operator: Operator, by: Origin) -> OutgoingMail:
    return _notify(
        "two_factor_reset",
        operator,
        by,
        by_name=isolated(plain(by.who)),
        by_self=by.actor == operator,
        by_override=operator.effective.by_override,
        required=operator.effective.required,
        usable=operator.effective.usable,
        day=announced_day(operator.effective),
        url=_login_url(),
    )


def two_factor_set_up_by(operator: Operator, by: Origin) -> OutgoingMail:
    return _notify("two_factor_set_up_by", operator, by, by_name=isolated(plain(by.who)), url=_login_url())


def password_was_changed(operator: Operator, by: Origin) -> OutgoingMail:
    url = settings.SITE_URL + reverse("operators:password-reset")
    return _notify("password_changed", operator, by, url=url)


def address_was_changed(operator: Operator, old_address: str, by: Origin) -> OutgoingMail:
    return _notify("address_changed", operator, by, to=old_address, old=old_address)


def _notify(name: str, operator: Operator, by: Origin, *, to: str = "", **words: object) -> OutgoingMail:
    shown = {"operator": words_about(operator), "about": operator.pk, "address": by.address_for(operator)}
    context = {**shown, **words}
    return notify(f"operators/email/{name}", to or operator.email, context, account=operator.account)


def password_reset_link(operator: Operator, by: Origin) -> OutgoingMail:
    context = {"operator": words_about(operator), "days": lifetime(Link.Purpose.PASSWORD_RESET).days}
    message = EmailTemplate("operators/email/password_reset", operator.email, context)
    return link_mail.send(operator, Link.Purpose.PASSWORD_RESET, message, by)


def confirm_address(operator: Operator, new_address: str, by: Origin, *, in_use: bool) -> OutgoingMail:
    """Nobody knows yet whose address it is, so the mail holds no word that somebody has typed, nor a name."""
    template = "operators/email/address_in_use" if in_use else "operators/email/confirm_address"
    message = EmailTemplate(template, new_address, {"account": isolated(operator.account.name)})
    return link_mail.send(operator, Link.Purpose.EMAIL, message, by)


def exception_ends(operator: Operator, what_then: str) -> OutgoingMail:
    last_day = operator.override_last_day
    context = {
        "operator": words_about(operator),
        "day": date_format(last_day, "DATE_FORMAT") if last_day else "",
        "zone": settings.TIME_ZONE,
        "what_then": what_then,
        "set_up_now": operator.effective.usable and not operator.is_enrolled,
        "url": settings.SITE_URL + operator.get_absolute_url(),
    }
    return notify("operators/email/exception_ends", operator.email, context, account=operator.account)


def reminder(operator: Operator) -> OutgoingMail:
    """Holds no secret: the setup link comes at the sign-in."""
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


def _login_url() -> str:
    return settings.SITE_URL + reverse("operators:login")
