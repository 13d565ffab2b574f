"""A release is upgraded: its database carries on, nobody is logged out, and what was begun is finished.

`tests/old_release/` holds the database of an old release, and says how a newer one is written down.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

import psycopg
import pytest
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.models import PeriodicTask
from accounts.models.outgoing_mail import OutgoingMail
from operators.models import Announcement, Operator
from operators.models.bulk import BulkAction, BulkItem
from operators.models.reminder_run import ReminderRun
from tests.old_release import HERE, KEYS, NOW
from tests.support.database import fresh_database, models_use
from tests.support.factories import PASSWORD, RECOVERY_CODES, code_for
from twofactor.models import Authenticator
from uptrends_2fa import settings as production

pytestmark = pytest.mark.thorough

LOGIN = reverse("operators:login")
VERIFY = reverse("twofactor:verify")
NEW = "seventeen green bottles"
# What is stored of a function or a class: `app.module.name`, with as many modules as there are.
NAME_OF_CODE = re.compile(r"(?:accounts|invitations|operators|twofactor|uptrends_2fa)(?:\.\w+){2,}")


@dataclass(frozen=True, slots=True)
class Held:
    """What people had in their hands when the old release was stopped."""

    cookies: dict[str, dict[str, str]]
    links: dict[str, str]
    # By whom they are held.
    scanned: dict[str, str]
    recovery_codes: dict[str, str]

    def browser(self, name: str) -> Client:
        browser = Client()
        browser.cookies.load(self.cookies[name])
        return browser


@pytest.fixture
def held(tmp_path, settings, django_db_blocker, time_machine) -> Iterator[Held]:
    """The old database, migrated, a minute after the old release was stopped."""
    settings.SECRET_KEY, settings.TWO_FACTOR_KEYS = KEYS["SECRET_KEY"], KEYS["TWO_FACTOR_KEYS"]
    settings.TASKS = {"default": {"BACKEND": production.TASK_BACKENDS["database"]}}
    time_machine.move_to(NOW + timedelta(minutes=1))
    with fresh_database(tmp_path) as url, django_db_blocker.unblock(), models_use(url):
        load(url, (HERE / f"{connection.vendor}.sql").read_text())
        call_command("migrate", verbosity=0)
        yield Held(**json.loads((HERE / f"{connection.vendor}.json").read_text()))


def load(url: str, dump: str) -> None:
    """Run the dump beside Django, which would check foreign keys before the last table is there."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(dump)
    else:
        with psycopg.connect(url.replace("postgres://", "postgresql://", 1)) as connection:
            connection.execute(dump)


def person(name: str) -> Operator:
    return Operator.objects.get(email=f"{name}@example.com")


def sees_own_page(browser: Client, name: str) -> bool:
    return browser.get(person(name).get_absolute_url()).status_code == 200


def give_password(browser: Client, name: str) -> str:
    """Return where a right password leads."""
    return browser.post(LOGIN, {"email": person(name).email, "password": PASSWORD}).url


def run_worker() -> None:
    while DBTaskResult.objects.ready().exists():
        call_command("worker", "--once")


# Nobody is logged out


@pytest.mark.parametrize("name", ["anna", "olga", "petra", "paul", "finn"])
def test_an_open_session_stays_open(held, name):
    assert sees_own_page(held.browser(name), name)


def test_a_session_that_owes_a_code_is_asked_for_it_and_stays_open(held):
    browser, page = held.browser("lena"), person("lena").get_absolute_url()
    assert "proof_code" in browser.get(page).text
    data = {"proof_late_for": "GET", "proof_code": code_for()}
    assert browser.post(page, data, follow=True).status_code == 200
    assert sees_own_page(browser, "lena")


def test_whoever_has_given_proof_lately_is_not_asked_again(held):
    answer = held.browser("anna").post(
        reverse("operators:override", args=[person("paul").pk]), {"policy": ""}
    )
    assert answer.url == person("paul").get_absolute_url()


def test_a_waiting_login_takes_its_code(held):
    browser = held.browser("walter")
    assert browser.get(VERIFY).status_code == 200
    assert browser.post(VERIFY, {"code": code_for()}).url == person("walter").get_absolute_url()
    assert sees_own_page(browser, "walter")


def test_a_trusted_browser_needs_no_code_and_is_known(held):
    browser, before = held.browser("tina"), OutgoingMail.objects.count()
    assert give_password(browser, "tina") == person("tina").get_absolute_url()
    assert OutgoingMail.objects.count() == before  # none about a new browser


def test_elsewhere_a_login_takes_a_recovery_code_of_before(held):
    browser = Client()
    assert give_password(browser, "tina") == VERIFY
    browser.post(reverse("twofactor:recover"), {"code": RECOVERY_CODES[0]})
    assert sees_own_page(browser, "tina")


# What was begun is finished


def test_a_key_that_was_scanned_is_confirmed_by_its_code(held):
    data = {"code": code_for(held.scanned["stella"])}
    held.browser("stella").post(reverse("invitations:setup"), data)
    assert Authenticator.objects.filter(user=person("stella")).exists()


def test_new_recovery_codes_are_still_shown(held):
    page = held.browser("finn").get(reverse("twofactor:recovery-codes")).text
    assert held.recovery_codes["finn"] in page


def test_an_invitation_is_accepted_whose_link_was_opened_and_one_whose_link_was_not(held):
    mailed = Client()
    mailed.get(held.links["invitation"])
    for name, browser in (("ina", held.browser("ina")), ("ivo", mailed)):
        data = {"name": name, "new_password": NEW, "new_password_again": NEW}
        browser.post(reverse("invitations:accept"), data)
        assert (
            "Set up two-factor authentication" in browser.get(reverse("invitations:accept-two-factor")).text
        )


def test_a_link_of_a_notice_works(held):
    assert Client().get(held.links["not_me"]).status_code == 200


def test_what_was_to_be_said_on_the_next_page_is_said(held):
    assert "Your password is changed." in held.browser("petra").get(person("petra").get_absolute_url()).text


# The queue


def test_every_task_in_the_queue_runs_and_every_email_leaves(held):
    waiting = OutgoingMail.objects.filter(state=OutgoingMail.State.WAITING)
    to = set(waiting.values_list("to", flat=True))
    assert waiting.count() > 10
    run_worker()
    assert not DBTaskResult.objects.exclude(status=TaskResultStatus.SUCCESSFUL)
    assert not OutgoingMail.objects.exclude(state=OutgoingMail.State.SENT)
    assert to <= {address for message in mail.outbox for address in message.to}


def test_a_task_whose_function_has_moved_since_runs(held, settings):
    stored = "operators.bulk.go_on"
    settings.MOVED_FUNCTIONS = {"old.place": production.MOVED_FUNCTIONS.get(stored, stored)}
    DBTaskResult.objects.exclude(task_path=stored).delete()
    assert DBTaskResult.objects.update(task_path="old.place")
    call_command("worker", "--once")
    assert not DBTaskResult.objects.filter(status=TaskResultStatus.FAILED)
    assert BulkAction.objects.filter(state=BulkAction.State.DONE).exists()


def test_rounds_and_bulk_actions_are_finished_and_nobody_is_left_out_or_mailed_twice(held):
    run_worker()
    assert not BulkAction.objects.exclude(state=BulkAction.State.DONE)
    assert BulkItem.objects.filter(state=BulkItem.State.DONE).count() == 10
    assert ReminderRun.objects.get().state == ReminderRun.State.DONE
    assert Announcement.objects.get().finished_at
    for number in range(5):
        mine = OutgoingMail.objects.filter(to=f"remy{number}@example.com")
        assert sorted(mine.values_list("template", flat=True)) == ["email/notice", "operators/email/reminder"]


def test_the_link_that_was_asked_for_opens_in_the_browser_that_waits_for_it(held):
    browser = held.browser("stan")
    assert "is being sent" in browser.get(reverse("invitations:check-email")).text
    run_worker()
    assert "We have sent a link" in browser.get(reverse("invitations:check-email")).text
    found = [re.search(r"http://testserver(/setup/\S+/)", str(one.body)) for one in mail.outbox]
    link = next(match[1] for match in found if match)
    assert browser.get(link, follow=True).status_code == 200


# Names


def test_a_periodic_task_keeps_its_time_and_runs_under_one_name(held, time_machine, caplog):
    before = due_times()
    call_command("worker", "--once")
    # What was done a minute ago and is done every hour is not done again, as under a second name it would be.
    hourly = {name for name, due in before.items() if due > timezone.now() + timedelta(minutes=5)}
    assert len(hourly) > 5
    assert {name for name in hourly if due_times()[name] == before[name]} == hourly
    assert len(due_times()) == len(production.PERIODIC_TASKS)
    time_machine.shift(timedelta(days=2))
    call_command("worker", "--once")
    assert all(due > before[name] for name, due in due_times().items() if name in before)
    assert "failed" not in caplog.text


def due_times() -> dict[str, datetime]:
    return dict(PeriodicTask.objects.values_list("name", "due_at"))


def test_every_name_of_code_that_is_stored_leads_to_it(held):
    names = {name for value in stored_values() for name in NAME_OF_CODE.findall(value)}
    assert {
        "operators.backends.PasswordBackend",
        "operators.bulk.go_on",
        "operators.bulk.requeue",
    } <= names
    for name in names | set(production.MOVED_FUNCTIONS):
        import_string(production.MOVED_FUNCTIONS.get(name, name))


def test_every_stored_email_has_its_template(held):
    templates = set(OutgoingMail.objects.values_list("template", flat=True))
    assert len(templates) > 3
    for template in templates:
        for part in ("subject.txt", "txt", "html"):
            get_template(f"{template}.{part}")


def stored_values() -> Iterator[str]:
    store = import_module(production.SESSION_ENGINE).SessionStore()
    for model in apps.get_models():
        for row in model._default_manager.values():
            yield json.dumps(row, default=str)
            if "session_data" in row:
                yield json.dumps(store.decode(row["session_data"]))
