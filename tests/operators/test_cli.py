"""`manage.py two_factor`: what it prints, stores, and exits with."""

import json
from datetime import UTC, date, datetime
from io import StringIO
from unittest.mock import Mock

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from accounts.models import Account, Action, AuditEntry
from accounts.policy import Policy
from operators import cli
from operators.lists import export
from operators.management.commands import two_factor
from operators.models import Operator
from operators.models.reminder_run import ReminderRun
from operators.policy.preview import FIRST
from tests.support.factories import make_account, make_operator


@pytest.fixture(autouse=True)
def _now(time_machine):
    time_machine.move_to(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=False)


@pytest.fixture
def run(capsys):
    """Return what the command prints, and its exit code."""

    def call(*arguments: str) -> tuple[str, int]:
        code = 0
        try:
            call_command("two_factor", *arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        return capsys.readouterr().out, code

    return call


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("two_factor", *arguments)
    return str(error.value)


# Which account


def test_the_only_account_may_be_left_out(account, run):
    assert "Acme Monitoring: Optional" in run("status")[0]


def test_one_of_several_is_named_or_numbered(account, run):
    other = make_account(Policy.REQUIRED, "Other")
    assert "more than one" in refused("status")
    assert "Other: Required" in run("status", "--account", "Other")[0]
    assert "Other: Required" in run("status", "--account", str(other.pk))[0]
    assert "no such account" in refused("status", "--account", "Nobody")


def test_a_wrong_call_is_refused(account):
    assert "invalid choice" in refused("set-policy", "sometimes")
    assert "Write a day as" in refused("set-policy", "required", "--from", "soon")
    for share in ("most", "nan", "-1", "100.1"):
        assert "Write a number from 0 to 100" in refused("status", f"--fail-under={share}")


# status


def test_status_says_who_is_protected_and_ends_by_the_share(account, run):
    make_operator(account, enrolled=True)
    make_operator(account)
    make_operator(account, invited=True)
    data = json.loads(run("status", "--format", "json")[0])
    assert (data["coverage"], data["operators"], data["statuses"]["invited"]) == (50, 3, 1)
    assert (data["protected"], data["counted"]) == (1, 2)
    assert "50 % of those who sign in here are protected: 1 of 2" in run("status", "--fail-under", "50")[0]
    assert run("status", "--fail-under", "50")[1] == 0
    assert run("status", "--fail-under", "50.1")[1] == 3


def test_an_account_without_operators_is_covered(account, run):
    out, code = run("status", "--fail-under", "100", "--format", "json")
    assert (json.loads(out)["coverage"], code) == (None, 0)


# set-policy


def test_set_policy_shows_the_numbers_and_stores_nothing_in_a_dry_run(account, run):
    make_operator(account)
    make_operator(account, enrolled=True)
    make_operator(account, frozen_at=datetime(2026, 1, 1, tzinfo=UTC))
    out, code = run("set-policy", "required", "--dry-run", "--format", "json")
    groups = {name: number for name, number in json.loads(out)["groups"].items() if number}
    assert groups == {"must-set-up": 1, "protected": 1, "cannot-sign-in": 1}
    assert code == 3
    account.refresh_from_db()
    assert account.two_factor_policy == Policy.OPTIONAL


def test_a_dry_run_names_the_first_of_each_group_and_the_email(account, run):
    for number in range(FIRST + 2):
        make_operator(account, f"o{number}@example.com", name=f"O{number}")
    make_operator(account, name="Paul", enrolled=True)
    mailed = "Acme Monitoring requires two-factor authentication from now on"
    out, _code = run("set-policy", "required", "--dry-run")
    assert "      7  Stopped at the next sign-in: O0, O1, O2, O3, O4 and 2 more\n" in out
    assert "      1  Already protected: Paul\n" in out
    assert f"Not mailed without --mail: {mailed}" in out
    assert f"\nMailed: {mailed}" in run("set-policy", "required", "--dry-run", "--mail")[0]
    assert "ailed" not in run("set-policy", "disabled", "--dry-run", "--mail")[0]
    assert mail.outbox == []


def test_set_policy_stores_the_setting_as_the_command_line(account, run):
    assert run("set-policy", "required")[1] == 0
    account.refresh_from_db()
    assert account.two_factor_policy == Policy.REQUIRED
    entry = AuditEntry.objects.get(action="account_policy")
    assert (entry.actor_name, entry.old, entry.new) == ("", "Optional", "Required")
    out, code = run("set-policy", "required", "--dry-run")
    assert ("Nothing to change" in out, code) == (True, 0)


def test_set_policy_takes_the_day_from_which_it_is_required(account, run):
    make_operator(account)
    out, _code = run("set-policy", "required", "--from", "2026-12-01")
    account.refresh_from_db()
    assert account.required_from == datetime(2026, 12, 1, tzinfo=UTC)
    assert AuditEntry.objects.get(action="account_policy").new == "Required from 1 Dec 2026 on"
    assert "1  Stopped from 1 Dec 2026 on" in out
    assert "Until that day each sign-in offers to set it up." in out
    for day in ("2026-11-24", "2027-11-25", "2062-12-01"):
        assert "after today, within a year" in refused("set-policy", "required", "--from", day)
    assert "Only Required" in refused("set-policy", "optional", "--from", "2026-12-01")


def test_a_setting_that_somebody_else_has_changed_in_this_moment_is_not_stored(account):
    stale = Account.objects.get()
    Account.objects.update(two_factor_policy=Policy.DISABLED)
    with pytest.raises(cli.RefusedError, match="Somebody else"):
        cli.set_policy(stale, Policy.REQUIRED, None, mail_now=True, dry_run=False)
    assert Account.objects.get().two_factor_policy == Policy.DISABLED


def test_those_who_must_set_up_are_told_where_that_is_asked_for(account, run):
    make_operator(account, "olga@example.com")
    run("set-policy", "required", "--mail")
    assert [message.to for message in mail.outbox] == [["olga@example.com"]]


# override


def test_override_needs_a_reason_for_an_exception_and_stores_all(account, run, operator):
    assert "Say why" in refused("override", operator.email, "disabled")
    command = ("override", operator.email, "disabled", "--reason", "A robot", "--until", "2026-12-24")
    words = "olga@example.com: none → Disabled until 24 Dec 2026: A robot\n"
    assert run(*command, "--dry-run") == (words + "Nothing is stored yet.\n", 3)
    assert Operator.objects.get(pk=operator.pk).two_factor_override == ""
    assert run(*command) == (words, 0)
    row = Operator.objects.get(pk=operator.pk)
    assert (row.override_by, row.override_last_day) == ("The command line", date(2026, 12, 24))
    assert run(*command, "--dry-run") == ("Nothing to change: that is the setting already.\n", 0)


def test_override_is_removed_by_none(account, run):
    olga = make_operator(account, override=Policy.REQUIRED)
    assert "Required → none" in run("override", olga.email, "none")[0]
    assert Operator.objects.get(pk=olga.pk).two_factor_override == ""


def test_override_knows_the_operators_of_the_account_only(account):
    sam = make_operator(account, single_sign_on=True)
    assert "single sign-on" in refused("override", sam.email, "required")
    foreign = make_operator(make_account(name="Other"))
    assert "No operator" in refused("override", foreign.email, "required", "--account", account.name)


# remind


def test_remind_shows_the_mail_and_sends_it(account, run):
    make_operator(account, override=Policy.REQUIRED)
    out, code = run("remind", "--dry-run")
    assert ("An administrator requires two-factor" in out, code, mail.outbox) == (True, 3, [])
    assert "To be reminded: 1" in run("remind")[0]
    assert len(mail.outbox) == 1
    assert run("remind", "--optional", "--dry-run")[1] == 0


def test_remind_does_not_begin_a_second_round(account, operator):
    ReminderRun.objects.create(account=account, to_optional=False, total=1)
    assert "being sent already" in refused("remind", "--optional")


# export


def test_export_writes_everybody(account, run, operator, tmp_path):
    assert '"Olga Operator","olga@example.com"' in run("export")[0]
    entry = AuditEntry.objects.get(action=Action.EVIDENCE_EXPORTED)
    assert (entry.actor_id, entry.address, entry.new) == (None, None, "Status of operators; 1 row")
    assert "the next sign-in takes the password alone" in run("export")[0]
    assert "1 rows" in run("export", "--dry-run")[0]
    file = tmp_path / "status.csv"
    assert str(file) in run("export", "--output", str(file))[0]
    assert "olga@example.com" in file.read_text()
    assert "cannot be written" in refused("export", "--output", str(tmp_path))
    assert AuditEntry.objects.filter(action=Action.EVIDENCE_EXPORTED).count() == 3


def test_export_ends_where_nobody_reads_on(account, monkeypatch):
    make_operator(account)
    screen = StringIO()
    monkeypatch.setattr(screen, "write", Mock(side_effect=BrokenPipeError))
    call_command("two_factor", "export", stdout=screen)
    assert AuditEntry.objects.filter(action=Action.EVIDENCE_EXPORTED).exists()


@pytest.mark.parametrize(("at_terminal", "said"), [(True, "2 of 3 rows are in the file.\n"), (False, "")])
def test_export_says_how_far_it_is_to_somebody_at_a_terminal(
    account, tmp_path, monkeypatch, at_terminal, said
):
    for _ in range(3):
        make_operator(account)
    monkeypatch.setattr(two_factor, "SAID_EVERY", 2)
    screen = StringIO()
    screen.isatty = lambda: at_terminal  # type: ignore[method-assign]
    call_command("two_factor", "export", "--output", str(tmp_path / "all.csv"), stderr=screen, no_color=True)
    assert screen.getvalue() == said


def test_export_for_scripts_is_a_list_of_objects(account, run, tmp_path):
    assert json.loads(run("export", "--format", "json")[0]) == []
    for name in ("olga", "paul"):
        make_operator(account, f"{name}@example.com")
    objects = json.loads(run("export", "--format", "json")[0])
    assert [one["email"] for one in objects] == ["olga@example.com", "paul@example.com"]
    assert len(objects[0]) == len(export.columns())
    file = tmp_path / "status.json"
    assert json.loads(run("export", "--format", "json", "--output", str(file))[0]) == {"output": str(file)}
    assert json.loads(file.read_text()) == objects
