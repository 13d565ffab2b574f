"""The label and the color of each two-factor status."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

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
