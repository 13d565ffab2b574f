"""What the preview of a new policy says about each group of operators."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.days import in_words
from operators.models import Operator
from operators.policy.preview import NO_MAIL, Preview
from operators.rules.policy_change import Change, Effect


@dataclass(frozen=True, slots=True)
class GroupWords:
    name: str
    title: str
    text: str
    count: int
    first: list[Operator]
    more: int
    is_mine: bool
    tone: str


def titles(change: Change) -> dict[str, str]:
    """The headings, with the groups that need attention first."""
    return {
        Effect.MUST_SET_UP: _must_set_up(change),
        NO_MAIL: _("Perhaps without email"),
        Effect.ALREADY_STOPPED: _("Stopped already"),
        Effect.NO_LONGER_ASKED: _("No longer asked"),
        Effect.PROTECTED: _("Already protected"),
        Effect.EXEMPT: _("Exempt by an override"),
        Effect.INVITED_MUST: _("Invited, and will set up while joining"),
        Effect.INVITED_NEED_NOT: _("Invited, and need not set up while joining"),
        Effect.SINGLE_SIGN_ON: _("Single sign-on"),
        Effect.AS_BEFORE: _("Sign in with the password alone, as before"),
        Effect.CANNOT_SIGN_IN: _("Cannot sign in at present"),
    }


def _must_set_up(change: Change) -> str:
    if change.new.required_from is None:
        return _("Stopped at the next sign-in")
    return _("Stopped from %(day)s on") % {"day": in_words(change.new.required_from)}


def _texts(change: Change) -> dict[str, str]:
    stopped = _("They have no authenticator: each gets an email with a setup link, and is let in afterwards.")
    if change.new.required_from:
        stopped = _("They have no authenticator. Until then each sign-in asks them to set it up, or later.")
    return {
        Effect.MUST_SET_UP: stopped,
        NO_MAIL: _("Of these, the last email could not be sent. Without the setup link they do not get in."),
        Effect.ALREADY_STOPPED: _("They must set it up already, and have not yet. Nothing changes for them."),
        Effect.NO_LONGER_ASKED: _("From now on the password alone is enough. Authenticators are kept."),
        Effect.PROTECTED: _("They have set it up and type a code at each sign-in."),
        Effect.EXEMPT: _("An administrator has decided otherwise for each of them."),
        Effect.INVITED_MUST: _("They join with an authenticator, if they accept once this counts."),
        Effect.INVITED_NEED_NOT: _("They join with a name and a password."),
        Effect.SINGLE_SIGN_ON: _("Their identity provider sees to the second factor. Nothing changes."),
        Effect.AS_BEFORE: _("Nothing changes for them."),
        Effect.CANNOT_SIGN_IN: _("Deactivated, frozen, or locked until a reset."),
    }


def as_text(counts: Mapping[str, int]) -> str:
    """The counts, as the form of the preview carries them."""
    return ",".join(f"{name}:{count}" for name, count in counts.items() if count)


def what_changed(was: str, affected: Preview) -> list[str]:
    """Describe the counts that differ from the last preview; `was` is its `as_text`, sent by the form."""
    pairs = (pair.partition(":") for pair in was.split(","))
    before = {name: count for name, _colon, count in pairs if count.isascii() and count.isdigit()}
    changed = [
        _("%(group)s: %(then)s before, %(now)s now.")
        % {"group": title, "then": before.get(name, "0"), "now": affected.counts[name]}
        for name, title in titles(affected.change).items()
        if before.get(name, "0") != str(affected.counts[name])
    ]
    only_people_changed = _(
        "The numbers are as before, but not the people, or the setting that they start from."
    )
    return changed or [only_people_changed]


def group_words(affected: Preview, readers_effect: Effect) -> list[GroupWords]:
    texts = _texts(affected.change)
    return [
        GroupWords(
            name=name,
            title=title,
            text=texts[name],
            count=affected.counts[name],
            first=affected.first[name],
            more=affected.counts[name] - len(affected.first[name]),
            is_mine=name == readers_effect,
            tone="warning" if name in (Effect.MUST_SET_UP, NO_MAIL) else "neutral",
        )
        for name, title in titles(affected.change).items()
        if affected.counts[name]
    ]
