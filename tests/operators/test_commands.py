"""The commands: a new account, a way back, and the demo's data."""

import subprocess
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from invitations.ledger import LinkRecord
from operators.demo import sample
from operators.models import Operator
from operators.rules.status import Status
from tests.support.factories import make_operator, signed_in
from uptrends_2fa import settings as production

DONE: subprocess.CompletedProcess[str] = subprocess.CompletedProcess([], 0)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_a_new_account_invites_its_administrator_and_prints_the_same_link(db):
    out = run("create_account", "Acme", "--admin", "Anna@Example.com")
    link = out.split("once: ")[1].strip()
    assert link in mail.outbox[0].body
    page = Client().get(link.removeprefix("http://testserver"), follow=True)
    assert "You join <strong><bdi>Acme</bdi></strong>" in page.text
    assert Operator.objects.get(email="anna@example.com").is_administrator


def test_a_new_account_without_mail_still_prints_the_link(db, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    assert "Pass the link on yourself" in run("create_account", "Acme", "--admin", "anna@example.com")


@pytest.mark.parametrize("email", ["no address", "olga@example.com"])
def test_a_bad_or_taken_address_creates_nothing(operator, email):
    with pytest.raises(CommandError):
        run("create_account", "Acme", "--admin", email)


def test_the_command_resets_and_keeps_the_reason(account):
    make_operator(account, "olga@example.com", enrolled=True)
    assert "Reset." in run("reset_two_factor", "OLGA@example.com", "--reason", "lost phone")
    assert AuditEntry.objects.latest("pk").new == "lost phone"
    assert [message.to for message in mail.outbox] == [["olga@example.com"]]


@pytest.mark.parametrize(
    ("email", "reason"), [("nobody@example.com", "x"), ("olga@example.com", "x"), ("olga@example.com", " ")]
)
def test_the_command_says_why_it_resets_nothing(operator, email, reason):
    with pytest.raises(CommandError):
        run("reset_two_factor", email, "--reason", reason)


def test_the_demo_has_an_operator_in_every_state(db):
    account = sample.make_sample_account()
    operators = Operator.objects.filter(account=account).complete()
    assert {operator.status for operator in operators} == set(Status)
    assert sample.make_sample_account() == account


def test_the_demo_shows_the_overview_and_the_links_filled(db):
    account = sample.make_sample_account()
    browser = signed_in(Operator.objects.complete().get(email="anna@example.com"))
    assert len(browser.get(reverse("operators:overview")).context["lines"]) == 2
    states = {one.state for one in browser.get(reverse("operators:links")).context["page"]}
    assert states == {"sent", "expired", "replaced", "used", "withdrawn"}
    assert account.coverage_days.count() == 58


def test_the_invitation_of_the_demo_that_has_expired_left_before(db, settings):
    settings.TASKS = {"default": {"BACKEND": production.TASK_BACKENDS["database"]}}
    sample.make_sample_account()
    month = timezone.now() - timedelta(days=29)
    left = LinkRecord.objects.filter(mail__state="sent", sent_at__lt=month, failed_at=None)
    assert [one.person_name for one in left] == ["Eva Expired (eva@example.com)"]


def test_the_demo_runs_with_its_own_settings_only(db):
    with pytest.raises(CommandError, match="its own settings"):
        run("demo")


def test_the_audit_log_of_the_demo_tells_how_everybody_came_to_be_so(db):
    account = sample.make_sample_account()
    entries = set(AuditEntry.objects.filter(account=account).values_list("action", "subject_name"))
    for operator in Operator.objects.filter(account=account).complete():
        enrolled = (Action.TWO_FACTOR_ENROLLED, str(operator)) in entries
        assert (Action.OPERATOR_CREATED, str(operator)) in entries
        assert enrolled == operator.is_enrolled
    assert (Action.DEACTIVATED, "Dan Deactivated (dan@example.com)") in entries


def test_the_demo_says_who_can_sign_in_and_its_mails_lead_to_the_port_that_is_served(
    db, settings, monkeypatch, tmp_path
):
    settings.ROOT_URLCONF, settings.STATIC_ROOT = "uptrends_2fa.demo_urls", str(tmp_path)
    settings.SITE_URL = "http://127.0.0.1:8000"
    served: list[dict[str, str]] = []

    def serve(_command, env, **_options):
        served.append(env)
        return DONE

    monkeypatch.setattr(subprocess, "run", serve)
    monkeypatch.chdir(tmp_path)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("demo", "--port", "8123", "--operators", "30", stdout=out)
    assert "13 invented operators are added." in out.getvalue()
    assert served[0]["SITE_URL"] == "http://127.0.0.1:8123"
    assert served[0]["GUNICORN_BIND"] == "127.0.0.1:8123"
    bodies = [str(message.body) for message in mail.outbox]
    assert sum("http://127.0.0.1:8123/invitation/" in body for body in bodies) == 2
    assert not any(":8000" in body for body in bodies)
    lines = {line.split()[0]: line for line in out.getvalue().splitlines() if "@" in line}
    assert lines["eva@example.com"].endswith("Invitation expired")
    assert lines["ivo@example.com"].endswith("Invited")
    assert lines["paul@example.com"].endswith("Protected, asked for a code")
    assert lines["lara@example.com"].endswith("locked after 100 wrong codes")
    assert lines["fred@example.com"].endswith("sign-in frozen")
    assert lines["uma@example.com"].endswith("has not saved recovery codes")
    assert lines["fay@example.com"].endswith("DEMO-DEMO-DEMO-BBBB")


def test_a_recovery_code_of_the_demo_signs_in(db):
    sample.make_sample_account()
    browser = Client()
    browser.post(reverse("operators:login"), {"email": "fay@example.com", "password": sample.PASSWORD})
    answer = browser.post(reverse("twofactor:recover"), {"code": sample.RECOVERY_CODES[0]}, follow=True)
    assert "You have 1 recovery code left." in answer.text
