"""Every cell of the policy table."""

import pytest

from accounts.policy import Effective, Policy, Source, effective_policy

R, O, D = Policy.REQUIRED, Policy.OPTIONAL, Policy.DISABLED  # noqa: E741


@pytest.mark.parametrize(
    ("account", "cells"),
    [(R, {"": R, R: R, O: O, D: D}), (O, {"": O, R: R, O: O, D: D}), (D, {"": D, R: D, O: D, D: D})],
)
def test_every_cell_of_the_table(account, cells):
    for override, expected in cells.items():
        assert effective_policy(account, override, single_sign_on=False).policy is expected


@pytest.mark.parametrize("account", list(Policy))
@pytest.mark.parametrize("override", ["", *Policy])
def test_the_policy_does_not_apply_to_single_sign_on(account, override):
    assert effective_policy(account, override, single_sign_on=True) == Effective(None, Source.SINGLE_SIGN_ON)


@pytest.mark.parametrize(
    ("account", "override", "source"),
    [
        (R, "", Source.ACCOUNT),
        (R, O, Source.OVERRIDE),
        (D, "", Source.ACCOUNT),
        (D, R, Source.ACCOUNT_DISABLED),
    ],
)
def test_the_source_says_why(account, override, source):
    assert effective_policy(account, override, single_sign_on=False).source is source


@pytest.mark.parametrize(("account", "override"), [("", ""), ("nonsense", ""), (O, "nonsense")])
def test_what_is_no_policy_counts_as_required(account, override):
    assert effective_policy(account, override, single_sign_on=False).policy is R


@pytest.mark.parametrize(("account", "override"), [("DISABLED", ""), ("nonsense", "nonsense")])
def test_a_damaged_value_opens_no_door(account, override):
    assert effective_policy(account, override, single_sign_on=False).required


@pytest.mark.parametrize(
    ("policy", "required", "usable"),
    [(R, True, True), (O, False, True), (D, False, False), (None, False, False)],
)
def test_a_policy_says_what_must_and_may_be_used(policy, required, usable):
    effective = Effective(policy, Source.ACCOUNT)
    assert (effective.required, effective.usable) == (required, usable)
