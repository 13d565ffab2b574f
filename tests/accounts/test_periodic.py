"""What the worker does every so often: once for all workers, and one failure stops nothing else."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from accounts import periodic
from accounts.models import PeriodicTask

HOUR = 60 * 60
calls: list[str] = []


def good() -> None:
    calls.append("good")


def bad() -> None:
    raise ValueError


def gone() -> None:
    raise OperationalError


@pytest.fixture(autouse=True)
def _tasks(db, settings):
    calls.clear()
    settings.PERIODIC_TASKS = {f"{__name__}.good": HOUR}


@pytest.mark.parametrize(("passed", "times"), [(HOUR - 1, 1), (HOUR, 2)])
def test_a_task_is_done_again_when_its_time_has_come(time_machine, passed, times):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    periodic.run_due()
    time_machine.move_to(start + timedelta(seconds=passed), tick=False)
    periodic.run_due()
    assert calls == ["good"] * times


def test_a_task_that_another_worker_has_claimed_is_left_to_it():
    PeriodicTask.objects.create(name=f"{__name__}.good", due_at=timezone.now() + timedelta(seconds=1))
    periodic.run_due()
    assert calls == []
    assert str(PeriodicTask.objects.get()) == f"{__name__}.good"


def test_a_task_that_has_moved_keeps_its_time_under_the_name_that_is_stored(settings):
    due = PeriodicTask.objects.create(name="old.place", due_at=timezone.now() + timedelta(seconds=1))
    settings.MOVED_FUNCTIONS = {"another.place": "elsewhere", "old.place": f"{__name__}.good"}
    periodic.run_due()
    assert calls == []
    PeriodicTask.objects.update(due_at=timezone.now() - timedelta(hours=1))
    assert periodic.is_late()
    periodic.run_due()
    assert calls == ["good"]
    assert PeriodicTask.objects.get() == due


def test_a_task_that_fails_is_logged_and_the_next_is_done(settings, caplog):
    settings.PERIODIC_TASKS = {f"{__name__}.bad": HOUR, f"{__name__}.good": HOUR}
    periodic.run_due()
    assert calls == ["good"]
    assert f"{__name__}.bad failed" in caplog.text


def test_a_database_that_is_gone_is_told_to_the_worker(settings):
    settings.PERIODIC_TASKS = {f"{__name__}.gone": HOUR}
    with pytest.raises(OperationalError):
        periodic.run_due()


@pytest.mark.parametrize(("minutes", "is_late"), [(0, False), (64, False), (66, True)])
def test_a_worker_that_stands_still_is_noticed(time_machine, minutes, is_late):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    periodic.run_due()
    time_machine.move_to(start + timedelta(minutes=minutes), tick=False)
    assert periodic.is_late() is is_late
    if is_late:
        with pytest.raises(CommandError, match="no worker runs"):
            call_command("worker", "--check")
    else:
        call_command("worker", "--check")
    assert calls == ["good"], "it only looks"


def test_before_the_first_round_and_for_tasks_that_are_no_more_nothing_is_late():
    assert not periodic.is_late()
    PeriodicTask.objects.create(name="gone.since.long", due_at=timezone.now() - timedelta(days=400))
    assert not periodic.is_late()
