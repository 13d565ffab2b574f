"""Every cell of the policy table."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.policy import (
    AccountRule,
    Effective,
    Override,
    Policy,
    Source,
    asks_less,
    effective_policy,
    is_exception,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
R, O, D = Policy.REQUIRED, Policy.OPTIONAL, Policy.DISABLED  # noqa: E741


def effective(account, override, *, single_sign_on=False, required_from=None, until=None):
    rule = AccountRule(account, required_from)
    return effective_policy(rule, Override(override, until), single_sign_on=single_sign_on, now=NOW)


@pytest.mark.parametrize(
    ("account", "cells"),
    [(R, {"": R, R: R, O: O, D: D}), (O, {"": O, R: R, O: O, D: D}), (D, {"": D, R: D, O: D, D: D})],
)
def test_every_cell_of_the_table(account, cells):
    for override, expected in cells.items():
        assert effective(account, override).policy is expected


@pytest.mark.parametrize("account", list(Policy))
@pytest.mark.parametrize("override", ["", *Policy])
def test_the_policy_does_not_apply_to_single_sign_on(account, override):
    assert effective(account, override, single_sign_on=True) == Effective(None, Source.SINGLE_SIGN_ON)


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
    assert effective(account, override).source is source


def test_only_an_override_in_force_is_said_to_come_from_an_administrator():
    assert effective(O, R).by_override
    assert not effective(R, "").by_override
    assert not effective(D, R).by_override


def test_an_operator_without_an_override_has_what_the_account_says():
    found = effective_policy(AccountRule(D), Override(), single_sign_on=False, now=NOW)
    assert found == Effective(D, Source.ACCOUNT)


@pytest.mark.parametrize(("account", "override"), [("", ""), ("nonsense", ""), (O, "nonsense")])
def test_what_is_no_policy_counts_as_required(account, override):
    assert effective(account, override).policy is R


@pytest.mark.parametrize(("account", "override"), [("DISABLED", ""), ("nonsense", "nonsense")])
def test_a_damaged_value_opens_no_door(account, override):
    assert effective(account, override).required


@pytest.mark.parametrize(
    ("policy", "required", "usable"),
    [(R, True, True), (O, False, True), (D, False, False), (None, False, False)],
)
def test_a_policy_says_what_must_and_may_be_used(policy, required, usable):
    found = Effective(policy, Source.ACCOUNT)
    assert (found.required, found.usable) == (required, usable)


@pytest.mark.parametrize(("from_now", "announced"), [(SECOND, True), (timedelta(0), False), (-SECOND, False)])
def test_required_from_a_day_on_is_announced_until_then(from_now, announced):
    found = effective(R, "", required_from=NOW + from_now)
    assert found.policy is R
    assert (found.announced, found.required) == (announced, not announced)


@pytest.mark.parametrize("account", [O, D, "nonsense"])
def test_the_day_means_nothing_beside_another_policy(account):
    assert not effective(account, "", required_from=NOW + SECOND).announced


def test_an_override_does_not_wait_for_the_day_of_the_account():
    assert effective(R, R, required_from=NOW + SECOND).required


@pytest.mark.parametrize(("from_now", "policy"), [(SECOND, O), (timedelta(0), R), (-SECOND, R)])
def test_an_override_counts_until_its_end(from_now, policy):
    found = effective(R, O, until=NOW + from_now)
    assert found.policy is policy
    assert found.source is (Source.OVERRIDE if policy is O else Source.ACCOUNT)


def test_an_override_that_has_ended_is_no_reason_any_more():
    assert effective(D, R, until=NOW).source is Source.ACCOUNT


@pytest.mark.parametrize(
    ("account", "below"),
    [(R, {O, D}), ("nonsense", {O, D}), (O, {D}), (D, set())],
)
def test_an_override_below_the_account_s_rule_is_an_exception(account, below):
    found = {
        own for own in ("", *Policy, "nonsense") if is_exception(AccountRule(account), Override(own), NOW)
    }
    assert found == below


def test_it_is_one_while_the_account_s_required_is_only_announced():
    assert is_exception(AccountRule(R, NOW + SECOND), Override(O), NOW)


@pytest.mark.parametrize(("from_now", "counts"), [(SECOND, True), (timedelta(0), False)])
def test_it_is_one_until_its_end(from_now, counts):
    assert is_exception(AccountRule(R), Override(O, NOW + from_now), NOW) is counts


def test_an_override_of_a_single_sign_on_operator_is_no_exception():
    assert not is_exception(AccountRule(R), Override(D), NOW, single_sign_on=True)


# From the rule that asks most to the one that asks least; a day that has come makes no difference.
RULES = [
    AccountRule(R),
    AccountRule(R, NOW + SECOND),
    AccountRule(R, NOW + 2 * SECOND),
    AccountRule(O),
    AccountRule(D),
]


def test_a_rule_asks_less_where_its_policy_is_weaker_or_its_day_later():
    for place, old in enumerate(RULES):
        assert [asks_less(old, new, NOW) for new in RULES] == [False] * (place + 1) + [True] * (4 - place)
    assert not asks_less(RULES[0], AccountRule(R, NOW), NOW)
