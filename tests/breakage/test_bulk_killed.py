"""kill -9 in the middle of a bulk action: nothing is done twice, nothing is left out, the page tells all."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import Account, Action, AuditEntry, PeriodicTask
from accounts.models.outgoing_mail import OutgoingMail
from operators.models import Operator
from operators.models.bulk import HEARTBEAT_TIMEOUT, BulkAction, BulkItem
from operators.models.session import Session
from tests.support.bulk import fields_of
from tests.support.database import fresh_database, models_use
from tests.support.factories import RESET, SECRET, make_account, make_operator
from tests.support.faults import faults_of, kill_workers, until, workers_of
from tests.support.mailbox import MailServer
from tests.support.server import Server, serve, worker
from tests.support.visitor import Page, Visitor
from twofactor import vault
from twofactor.models import Authenticator

BULK = "/operators/bulk/?kind=reset&every=on&filters=status%3Dprotected"
FORM = {"kind": "reset", "every": "on", "filters": "status=protected"}
MANY, FEW = 220, 150  # above and below what is done within the request
LONG = 120  # seconds; all of it takes a third of them on a busy machine


@pytest.fixture(scope="module")
def queued(
    tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer, django_db_blocker
) -> Iterator[Server]:
    """The product with a queue, as it is deployed."""
    folder, data = tmp_path_factory.mktemp("queued"), tmp_path_factory.mktemp("queued-data")
    settings = {"GUNICORN_WORKERS": "1", "MAIL_QUEUE": "database"}
    with fresh_database(data) as url, serve(folder, url, mail_server.port, **settings) as served:
        yield served


@pytest.fixture(autouse=True)
def _data_of_the_queue(_data_of_the_server, queued: Server) -> Iterator[None]:
    with models_use(queued.database_url):
        yield


@pytest.fixture
def environment(queued: Server, mail_server: MailServer) -> dict[str, str]:
    """What a worker beside the server is started with."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "uptrends_2fa.settings",
        "SITE_URL": queued.url,
        "DATABASE_URL": queued.database_url,
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_server.port}",
        "MAIL_QUEUE": "database",
    }


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def visitor(queued: Server, account: Account) -> Visitor:
    """An administrator at a browser."""
    browser = Visitor(queued.url)
    browser.open_session(make_operator(account, administrator=True))
    return browser


def protect(account: Account, number: int) -> None:
    """Add so many people who have an authenticator."""
    people = Operator.objects.bulk_create(
        Operator(account=account, email=f"p{one}of{account.pk}@example.com", name=f"P {one}", joined_at=at)
        for one, at in enumerate([account.operators.get().joined_at] * number)
    )
    Authenticator.objects.bulk_create(
        Authenticator(
            user=person,
            sealed_secret=vault.seal(SECRET, person.pk, vault.Purpose.SECRET),
            recovery_hashes="",
        )
        for person in people
    )


def form_on(page: Page) -> dict[str, Any]:
    """Return what the confirmation of a preview sends."""
    return {**FORM, **fields_of(page.text), **RESET}


def done(account: Account) -> int:
    return BulkItem.objects.filter(action__account=account, state=BulkItem.State.DONE).count()


@contextmanager
def middle_of_a_reset(queued: Server, account: Account, at_least: int) -> Iterator[None]:
    """Come here once so many are done and somebody is held in the middle of the next one."""
    until(lambda: done(account) >= at_least, LONG)
    with faults_of(queued).trap(Authenticator, "DELETE") as wait_for_it:
        wait_for_it()
        yield


def a_while_later(account: Account) -> None:
    """Let the time pass after which whoever worked on it counts as dead."""
    BulkAction.objects.filter(account=account).update(alive_at=F("alive_at") - HEARTBEAT_TIMEOUT)
    PeriodicTask.objects.update(due_at=F("due_at") - HEARTBEAT_TIMEOUT)


def assert_done_to_each_once(account: Account, number: int) -> None:
    people = Operator.objects.filter(account=account, email__startswith="p")
    assert people.count() == done(account) == number
    assert not Authenticator.objects.filter(user__account=account).exists()
    resets = AuditEntry.objects.filter(account=account, action=Action.TWO_FACTOR_RESET)
    assert set(people.values_list("pk", flat=True)) == set(resets.values_list("subject_id", flat=True))
    told = OutgoingMail.objects.filter(account=account, to__startswith="p")
    assert resets.count() == told.count() == told.values("to").distinct().count() == number
    assert AuditEntry.objects.filter(account=account, action=Action.BULK_STARTED).count() == 1
    assert AuditEntry.objects.filter(account=account, action=Action.BULK_ENDED).count() == 1


def is_over(account: Account) -> bool:
    return not BulkAction.objects.get(account=account).is_running


def test_a_killed_worker_leaves_an_action_that_the_next_one_goes_on_with(
    queued, environment, visitor, account
):
    protect(account, MANY)
    page = visitor.post("/operators/bulk/", **form_on(visitor.get(BULK)))
    assert f"0 of {MANY} done" in page.text
    shown = [0]
    for at_least in (10, 60):
        with worker(environment) as victim, middle_of_a_reset(queued, account, at_least):
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        shown.append(done(account))
        so_far = visitor.get(page.path).text
        assert f"{shown[-1]} of {MANY} done" in so_far
        assert "Running" in so_far
        a_while_later(account)
    assert shown[0] < shown[1] < shown[2] < MANY
    with worker(environment):
        until(lambda: is_over(account), LONG)
    assert f"{MANY} of {MANY} done" in visitor.get(page.path).text
    assert_done_to_each_once(account, MANY)


def test_a_killed_web_process_leaves_an_action_that_a_worker_goes_on_with(
    queued, environment, visitor, account
):
    protect(account, FEW)
    form = form_on(visitor.get(BULK))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(visitor.post, "/operators/bulk/", **form)
        with middle_of_a_reset(queued, account, 10):
            kill_workers(queued)
            with pytest.raises((ConnectionError, HTTPException)):
                answer.result()
    so_far = done(account)
    assert 10 <= so_far < FEW
    until(lambda: bool(workers_of(queued)))
    # For half a minute it is not known that nobody works on the first one, and who sends it again hears so.
    Session.objects.update(act_until=timezone.now())
    # Whoever saw no answer sends the form again: it is the same action, and the page says how far it is.
    page = visitor.post("/operators/bulk/", **form)
    assert f"{so_far} of {FEW} done" in page.text
    a_while_later(account)
    with worker(environment):
        until(lambda: is_over(account), LONG)
    assert f"{FEW} of {FEW} done" in visitor.get(page.path).text
    assert_done_to_each_once(account, FEW)
