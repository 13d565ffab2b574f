"""Which counts stand in the head of the operators list, in words, and which filter does each set?"""

from typing import TYPE_CHECKING

from django.utils.translation import ngettext_lazy

from operators.counts import Counts
from operators.status import Status

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# In the order of the head: who is protected, who is not, and what else there is.
_WORDS: dict[Status, "_StrPromise"] = {
    Status.PROTECTED: ngettext_lazy("%d protected", "%d protected"),
    Status.REQUIRED: ngettext_lazy("%d required and not set up", "%d required and not set up"),
    Status.OPTIONAL: ngettext_lazy("%d optional and not set up", "%d optional and not set up"),
    Status.LOCKED: ngettext_lazy("%d locked", "%d locked"),
    Status.INVITED: ngettext_lazy("%d invited", "%d invited"),
    Status.DISABLED: ngettext_lazy("%d disabled", "%d disabled"),
    Status.SINGLE_SIGN_ON: ngettext_lazy("%d single sign-on", "%d single sign-on"),
    Status.DEACTIVATED: ngettext_lazy("%d deactivated", "%d deactivated"),
}
# These two are the question that the page answers: also where nobody is.
_ALWAYS = {Status.PROTECTED, Status.REQUIRED}
_EXCEPTIONS = ngettext_lazy("%d exception", "%d exceptions")


def links(counts: Counts) -> list[tuple[str, str]]:
    """Return the query of each link beside the number of all, and its words."""
    found = [
        (f"status={status}", str(words % counts.by_status.get(status, 0)))
        for status, words in _WORDS.items()
        if status in _ALWAYS or status in counts.by_status
    ]
    if counts.exceptions:
        found.append(("exceptions=on", str(_EXCEPTIONS % counts.exceptions)))
    return found
