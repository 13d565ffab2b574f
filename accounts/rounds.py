"""What takes too long for one transaction is done in rounds: batch by batch, and continued after a crash.

A round is a row. Each batch is a transaction in which one conditional UPDATE of that row notes a heartbeat,
and lets a second worker wait until the batch is over. A worker that is killed takes its batch along, and the
heartbeat stops: `take_back` finds the round, so that it is put back into the queue.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django_tasks.base import Task

Row = TypeVar("Row", bound=Model)
# With what the task of the next batch is called; None after the last one.
Next: TypeAlias = tuple[int, ...] | None


def run(task: Task[..., None], batch: Callable[..., Next], *args: int, until: float = 0) -> None:
    """Do one batch after the other; a queue, where there is one, gets what is left at `until` (monotonic).

    There the emails of one batch leave before the next one makes more.
    """
    while (following := batch(*args)) is not None:
        args = following
        if task.get_backend().supports_defer and time.monotonic() > until:
            task.enqueue(*args)
            return


def hand_on(task: Task[..., None], *args: int) -> None:
    """Where the queue cannot be reached, the error is logged, and the round is taken back later."""
    transaction.on_commit(lambda: task.enqueue(*args), robust=True)


def take_back(stalled: QuerySet[Row, Any], **heartbeat: Any) -> Iterator[Row]:
    """Of several workers one gets each, as the new heartbeat makes it stalled no longer."""
    for row in stalled:
        if stalled.filter(pk=row.pk).update(**heartbeat):
            yield row
