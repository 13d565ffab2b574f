"""What is to be done every so often, whatever anybody clicks? The worker asks; PERIODIC_TASKS names it."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.clock import SKEW_DELTA
from accounts.models import PeriodicTask

logger = logging.getLogger(__name__)

# Longer than a worker is busy with anything else.
LATE = timedelta(minutes=5)


def run_due() -> None:
    """Call each function of PERIODIC_TASKS (dotted name: seconds between two calls) that is due.

    However many workers ask, one of them calls it. A call that fails, or whose worker is killed, is not
    made up for: the function does at its next call whatever is still to be done then.
    """
    for path, seconds in settings.PERIODIC_TASKS.items():
        if _claim(_stored_name(path), timedelta(seconds=seconds)):
            _call(path)


def is_late() -> bool:
    """If something has long been due, no worker runs, or it is stuck."""
    late = timezone.now() - LATE
    names = [_stored_name(path) for path in settings.PERIODIC_TASKS]
    return PeriodicTask.objects.filter(name__in=names, due_at__lte=late).exists()


def _stored_name(path: str) -> str:
    # The first name stays, so that workers of two releases, side by side, share one row.
    return next((stored for stored, today in settings.MOVED_FUNCTIONS.items() if today == path), path)


def _claim(name: str, every: timedelta) -> bool:
    """Return true for one caller only."""
    now = timezone.now()
    PeriodicTask.objects.get_or_create(name=name, defaults={"due_at": now})
    # Later than it can have been put off: by a clock that was set back since.
    due = Q(due_at__lte=now) | Q(due_at__gt=now + every + SKEW_DELTA)
    return bool(PeriodicTask.objects.filter(due, name=name).update(due_at=now + every))


def _call(path: str) -> None:
    """A database that is gone is left to the worker, which waits for it."""
    try:
        import_string(path)()
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # One that fails must not keep the others, and the emails, from being done.
        logger.exception("Periodic task %s failed", path)
