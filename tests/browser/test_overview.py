"""The two-factor overview in a browser."""

from datetime import timedelta

from django.utils import timezone

from accounts.policy import Policy
from invitations import invite, setup_link
from operators.models.coverage_day import CoverageDay
from tests.support.factories import NOBODY, make_operator


def test_an_administrator_sees_who_is_protected_and_goes_on_to_the_list(at_admin, account, mail):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    for name, fields in (("Paul Protected", {"enrolled": True}), ("Dora Disabled", {"override": "disabled"})):
        make_operator(account, name=name, **fields)
    setup_link.send(make_operator(account, name="Rhea Required"), NOBODY)
    today = timezone.now().date()
    CoverageDay.objects.bulk_create(
        CoverageDay(
            account=account,
            day=today - timedelta(days=ago),
            counted=10,
            protected=9 - ago // 9,
            counted_at=timezone.now(),
        )
        for ago in range(1, 80)
        if ago not in range(20, 30)
    )
    at_admin.go("/operators/")
    at_admin.page.get_by_text("Account setup", exact=True).first.click()
    at_admin.follow("Two-factor overview")
    at_admin.heading("Two-factor overview")
    at_admin.sees("1 of 4 operators are protected")
    at_admin.looks_well("overview")
    at_admin.page.get_by_text("The chart as a table").click()
    at_admin.looks_well("overview-table")
    at_admin.page.get_by_role("link", name="2: Required, not set up").click()
    at_admin.sees("Rhea Required")
    at_admin.sees_not("Paul Protected")


def test_an_administrator_sees_what_became_of_each_link(at_admin, account, mail):
    olga = make_operator(account, name="Olga Operator", override=Policy.REQUIRED)
    setup_link.send(olga, NOBODY)
    ivo = make_operator(account, name="Ivo Invited", invited=True)
    invite.send(ivo, NOBODY)
    invite.make_link(ivo, NOBODY)
    at_admin.go("/account/two-factor/")
    at_admin.follow("Setup links and invitations")
    at_admin.heading("Setup links and invitations")
    at_admin.sees("1–3 of 3")
    at_admin.looks_well("links")
    at_admin.page.get_by_role("button", name="Withdraw from Olga Operator").click()
    at_admin.sees("The setup link of Olga Operator is withdrawn.")
    at_admin.looks_well("links-withdrawn")
