"""Which counts stand in the head of the operators list, in words, and which filter does each set?"""

from typing import TYPE_CHECKING

from django.utils.formats import localize
from django.utils.translation import ngettext_lazy

from operators.rules.status import Status
from operators.status.counts import StatusCounts

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# In the order of the head: who is protected, who is not, and what else there is.
_WORDS: dict[Status, "_StrPromise"] = {
    Status.PROTECTED: ngettext_lazy("%(shown)s protected", "%(shown)s protected", "number"),
    Status.REQUIRED: ngettext_lazy(
        "%(shown)s required and not set up", "%(shown)s required and not set up", "number"
    ),
    Status.OPTIONAL: ngettext_lazy(
        "%(shown)s optional and not set up", "%(shown)s optional and not set up", "number"
    ),
    Status.LOCKED: ngettext_lazy("%(shown)s locked", "%(shown)s locked", "number"),
    Status.INVITED: ngettext_lazy("%(shown)s invited", "%(shown)s invited", "number"),
    Status.DISABLED: ngettext_lazy("%(shown)s disabled", "%(shown)s disabled", "number"),
    Status.SINGLE_SIGN_ON: ngettext_lazy("%(shown)s single sign-on", "%(shown)s single sign-on", "number"),
    Status.DEACTIVATED: ngettext_lazy("%(shown)s deactivated", "%(shown)s deactivated", "number"),
}
# These two are the question that the page answers: also where nobody is.
_ALWAYS = {Status.PROTECTED, Status.REQUIRED}
_EXCEPTIONS = ngettext_lazy("%(shown)s exception", "%(shown)s exceptions", "number")


def links(counts: StatusCounts) -> list[tuple[str, str]]:
    found = [
        (f"status={status}", _in_words(words, counts.by_status.get(status, 0)))
        for status, words in _WORDS.items()
        if status in _ALWAYS or status in counts.by_status
    ]
    if counts.exceptions:
        found.append(("exceptions=on", _in_words(_EXCEPTIONS, counts.exceptions)))
    return found


def _in_words(words: "_StrPromise", number: int) -> str:
    return str(words % {"number": number, "shown": localize(number)})
