"""The worker as it is run: a process of its own, beside a mail server that takes, refuses or hangs."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import Policy
from operators.models import Operator
from tests.support.database import fresh_database, models_use
from tests.support.factories import PASSWORD, make_account, make_operator
from tests.support.mailbox import MailServer, text_of
from tests.support.server import PATIENCE, worker
from uptrends_2fa import settings as product_settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CHECK_EMAIL = reverse("invitations:check-email")


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def environment(tmp_path, mail_server, settings, django_db_blocker) -> Iterator[dict[str, str]]:
    """A database that other processes reach too, and how they find it and the mail server."""
    settings.TASKS = {"default": {"BACKEND": product_settings.TASK_BACKENDS["database"]}}
    with fresh_database(tmp_path) as url, django_db_blocker.unblock(), models_use(url):
        call_command("migrate", verbosity=0)
        yield {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "uptrends_2fa.settings",
            "SITE_URL": "http://127.0.0.1:8000",
            "DATABASE_URL": url,
            "EMAIL_URL": f"smtp://127.0.0.1:{mail_server.port}",
            "MAIL_QUEUE": "database",
            "MAIL_RETRY_WAITS": "1,1",
            "MAIL_TRY_SECONDS": "1",
        }


@pytest.fixture
def olga(environment) -> Operator:
    return make_operator(make_account(Policy.REQUIRED), "olga@example.com")


@pytest.fixture
def browser(olga) -> Client:
    """A browser in which Olga has given her password: she needs a setup link."""
    browser = Client()
    browser.post(reverse("operators:login"), {"email": olga.email, "password": PASSWORD})
    return browser


def wait_until(what: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def opens(mail_server: MailServer) -> bool:
    """Whether the link of the newest mail works."""
    body = text_of(mail_server.newest_to("olga@example.com"))
    link = next(word for word in body.split() if "/setup/" in word)
    return Client().get(link.removeprefix("http://127.0.0.1:8000"), follow=True).status_code == 200


def test_an_email_waits_until_a_worker_runs_and_is_sent_then(environment, browser, mail_server):
    assert "is being sent" in browser.get(CHECK_EMAIL).text
    assert mail_server.mails == []
    with worker(environment):
        wait_until(lambda: "We have sent a link" in browser.get(CHECK_EMAIL).text)
    assert opens(mail_server)


def test_an_email_that_is_refused_to_the_end_has_failed_and_the_next_one_leaves(
    environment, browser, mail_server
):
    mail_server.mode = "refuse"
    with worker(environment):
        wait_until(lambda: "We try again by ourselves" in browser.get(CHECK_EMAIL).text)
        wait_until(lambda: "could not be sent" in browser.get(CHECK_EMAIL).text)
        assert OutgoingMail.objects.get().tries == 3
        mail_server.mode = "accept"
        browser.post(reverse("invitations:send-again"))
        wait_until(lambda: "We have sent a link" in browser.get(CHECK_EMAIL).text)
    assert opens(mail_server)


def test_an_email_to_a_mailbox_that_is_not_there_is_said_so_after_one_try(environment, browser, mail_server):
    mail_server.mode = "no mailbox"
    with worker(environment):
        wait_until(lambda: "there is no such mailbox" in browser.get(CHECK_EMAIL).text)
    assert OutgoingMail.objects.get().tries == 1


def test_an_email_whose_worker_was_killed_in_the_middle_of_sending_is_sent_by_the_next(
    environment, browser, mail_server
):
    mail_server.mode = "hang"
    with worker(environment) as victim:
        wait_until(lambda: mail_server.open_lines)
        victim.kill()
        victim.wait()
    assert OutgoingMail.objects.get().is_waiting
    mail_server.mode = "accept"
    with worker(environment):
        wait_until(lambda: "We have sent a link" in browser.get(CHECK_EMAIL).text)
    assert OutgoingMail.objects.get().tries == 2
    assert opens(mail_server)
