"""The label and the color of each two-factor status, and what pages say of an operator in short."""

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.text import isolated, sorted_alike
from operators.models import Group, Operator
from operators.rules.status import Status

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

STATUS_LABELS: dict[Status, "_StrPromise"] = {
    Status.PROTECTED: pgettext_lazy("two-factor status", "Protected"),
    Status.REQUIRED: _("Required, not set up"),
    Status.OPTIONAL: _("Optional, not set up"),
    Status.DISABLED: pgettext_lazy("two-factor status", "Disabled"),
    Status.SINGLE_SIGN_ON: _("Single sign-on"),
    Status.INVITED: _("Invited"),
    Status.LOCKED: _("Locked"),
    Status.DEACTIVATED: _("Deactivated"),
}

# The end of the class name. Neutral: needs no attention.
STATUS_TONES: dict[Status, str] = {
    Status.PROTECTED: "good",
    Status.REQUIRED: "warning",
    Status.OPTIONAL: "neutral",
    Status.DISABLED: "neutral",
    Status.SINGLE_SIGN_ON: "neutral",
    Status.INVITED: "neutral",
    Status.LOCKED: "bad",
    Status.DEACTIVATED: "bad",
}


def group_labels(operator: Operator) -> list[str]:
    system, own = _names(operator)
    return [*system, str(Group.Kind.EVERYONE.label), *own]


def groups_in_words(operator: Operator) -> str:
    """In one line; a right-to-left name does not turn its neighbors around."""
    return ", ".join(map(isolated, group_labels(operator)))


def groups_in_short(operator: Operator) -> str:
    system, own = _names(operator)
    return ", ".join(map(isolated, [*system, *own])) or "—"


def _names(operator: Operator) -> tuple[list[str], list[str]]:
    named = operator.group_names or []
    system = [Group.label_of(kind, name) for kind, name in named if kind != Group.Kind.OWN]
    return system, sorted((name for kind, name in named if kind == Group.Kind.OWN), key=sorted_alike)


def last_login_label(operator: Operator) -> str:
    if operator.is_invited:
        return str(_("Invited") if operator.has_live_invitation else _("Invitation expired"))
    if operator.last_login is None:
        return str(pgettext_lazy("last login", "None"))
    local_time = timezone.localtime(operator.last_login)
    if local_time.date() == timezone.localdate():
        return str(_("Today, %(time)s")) % {"time": date_format(local_time, "TIME_FORMAT")}
    return date_format(local_time, "DATETIME_FORMAT")


def initials(operator: Operator) -> str:
    words = (operator.name or operator.email).split()
    return "".join(word[0] for word in [*words[:1], *words[1:][-1:]]).upper()
