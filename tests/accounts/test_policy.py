"""Every cell of the policy table: what holds for an operator, and why."""

import pytest

from accounts.policy import Effective, Policy, Source, effective_policy

R, O, D = Policy.REQUIRED, Policy.OPTIONAL, Policy.DISABLED  # noqa: E741  the table reads best so
TABLE = [
    ("required", "", R, Source.ACCOUNT),
    ("required", "required", R, Source.OVERRIDE),
    ("required", "optional", O, Source.OVERRIDE),
    ("required", "disabled", D, Source.OVERRIDE),
    ("optional", "", O, Source.ACCOUNT),
    ("optional", "required", R, Source.OVERRIDE),
    ("optional", "optional", O, Source.OVERRIDE),
    ("optional", "disabled", D, Source.OVERRIDE),
    ("disabled", "", D, Source.ACCOUNT),
    ("disabled", "required", D, Source.ACCOUNT_DISABLED),
    ("disabled", "optional", D, Source.ACCOUNT_DISABLED),
    ("disabled", "disabled", D, Source.ACCOUNT_DISABLED),
    # What is no policy counts as Required.
    ("", "", R, Source.ACCOUNT),
    ("damaged", "", R, Source.ACCOUNT),
    ("DISABLED", "", R, Source.ACCOUNT),
    ("optional", "damaged", R, Source.OVERRIDE),
    ("damaged", "optional", O, Source.OVERRIDE),
]


@pytest.mark.parametrize(("setting", "override", "policy", "source"), TABLE)
def test_account_setting_and_override_make_the_policy(setting, override, policy, source):
    assert effective_policy(setting, override, single_sign_on=False) == Effective(policy, source)


@pytest.mark.parametrize(("setting", "override"), [row[:2] for row in TABLE])
def test_single_sign_on_is_outside_in_every_cell(setting, override):
    effective = effective_policy(setting, override, single_sign_on=True)
    assert effective == Effective(None, Source.SINGLE_SIGN_ON)
    assert not effective.required
    assert not effective.usable


@pytest.mark.parametrize(
    ("policy", "required", "usable"), [(R, True, True), (O, False, True), (D, False, False)]
)
def test_a_policy_says_what_must_and_may_be_used(policy, required, usable):
    effective = Effective(policy, Source.ACCOUNT)
    assert (effective.required, effective.usable) == (required, usable)
