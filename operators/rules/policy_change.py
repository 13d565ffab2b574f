"""What a new account policy changes for an operator, by the login's own table. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.policy import AccountRule, Effective, Policy
from operators.rules.next_step import NextStep, next_step
from operators.rules.status import Facts


class Effect(StrEnum):
    """The groups of a preview: every operator is in exactly one."""

    MUST_SET_UP = "must-set-up"
    ALREADY_STOPPED = "already-stopped"
    NO_LONGER_ASKED = "no-longer-asked"
    PROTECTED = "protected"
    EXEMPT = "exempt"
    SINGLE_SIGN_ON = "single-sign-on"
    INVITED_MUST = "invited-must"
    INVITED_NEED_NOT = "invited-need-not"
    AS_BEFORE = "as-before"
    CANNOT_SIGN_IN = "cannot-sign-in"


# Who must set it up, and is emailed about it.
MUST_ENROLL = (Effect.MUST_SET_UP, Effect.ALREADY_STOPPED)


@dataclass(frozen=True, slots=True)
class Change:
    old: AccountRule
    new: AccountRule
    now: datetime

    @property
    def then(self) -> datetime:
        return self.new.required_from or self.now

    @property
    def requires(self) -> bool:
        return self.new.policy == Policy.REQUIRED

    def effect_on(self, facts: Facts) -> Effect:
        after = facts.effective(self.new, self.then)
        if after.policy is None:
            return Effect.SINGLE_SIGN_ON
        if facts.invited:
            return Effect.INVITED_MUST if after.required else Effect.INVITED_NEED_NOT
        if facts.frozen or not facts.active:
            return Effect.CANNOT_SIGN_IN
        return self._by_step(facts, after)

    def _by_step(self, facts: Facts, after: Effective) -> Effect:
        step = next_step(after, enrolled=facts.enrolled)
        before = self._step_now(facts, self.old)
        if step is NextStep.SETUP_LINK:
            stopped = before is self._step_now(facts, self.new) is NextStep.SETUP_LINK
            return Effect.ALREADY_STOPPED if stopped else Effect.MUST_SET_UP
        if step is NextStep.CODE:
            return Effect.CANNOT_SIGN_IN if facts.locked else Effect.PROTECTED
        if before is not NextStep.SIGNED_IN:
            return Effect.NO_LONGER_ASKED
        return Effect.EXEMPT if after.by_override and self.requires else Effect.AS_BEFORE

    def _step_now(self, facts: Facts, rule: AccountRule) -> NextStep:
        return next_step(facts.effective(rule, self.now), enrolled=facts.enrolled)
