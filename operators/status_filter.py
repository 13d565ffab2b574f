"""Which operators have a two-factor status? The database's side of `operators.status.status_of`.

No rule is written down here a second time: every combination of what a row can hold is put to the rules
themselves, and the condition is made from their answers.
"""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from accounts.policy import Policy, effective_policy
from operators.models import Operator
from operators.status import Status, status_of

# Stands for every stored value that is no policy.
DAMAGED = "damaged"
OVERRIDES = ["", *Policy]

# Each fact about an operator: what it can be, and the rows of which it is true.
FACTS: Mapping[str, Mapping[bool | str, Q]] = {
    "invited": {True: Q(joined_at__isnull=True), False: Q(joined_at__isnull=False)},
    "active": {True: Q(is_active=True), False: Q(is_active=False)},
    "single_sign_on": {
        True: Q(sign_in_method=Operator.SignInMethod.SINGLE_SIGN_ON),
        False: ~Q(sign_in_method=Operator.SignInMethod.SINGLE_SIGN_ON),
    },
    "enrolled": {True: Q(authenticator__isnull=False), False: Q(authenticator__isnull=True)},
    "override": {
        **{value: Q(two_factor_override=value) for value in OVERRIDES},
        DAMAGED: ~Q(two_factor_override__in=OVERRIDES),
    },
}
NO_ROW = Q(pk__in=[])


def status_condition(status: Status, account_setting: str) -> Q:
    """Return which operators of an account with this setting have the status."""
    return _condition(status, account_setting, {})


def _condition(status: Status, account_setting: str, known: dict[str, Any]) -> Q:
    """Return the condition on what is not known yet; an empty one where the rest makes no difference."""
    if len(known) == len(FACTS):
        return Q() if _status(account_setting, **known) is status else NO_ROW
    fact, values = list(FACTS.items())[len(known)]
    answers = {value: _condition(status, account_setting, {**known, fact: value}) for value in values}
    first, *others = answers.values()
    if all(answer == first for answer in others):
        return first
    return reduce(or_, (values[value] & answer for value, answer in answers.items() if answer != NO_ROW))


def _status(  # noqa: PLR0913  the facts
    account_setting: str, *, invited: bool, active: bool, single_sign_on: bool, enrolled: bool, override: str
) -> Status:
    """Ask the rules."""
    effective = effective_policy(account_setting, override, single_sign_on=single_sign_on)
    return status_of(effective, enrolled=enrolled, invited=invited, active=active)
