"""`manage.py mail_worker`: sends the emails that the application has stored, until it is stopped."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.crypto import get_random_string
from django_tasks import DEFAULT_TASK_BACKEND_ALIAS, DEFAULT_TASK_QUEUE_NAME, default_task_backend
from django_tasks.base import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from accounts.delivery import KEPT, MailTask, forget_old, requeue
from accounts.mail import send_notice
from accounts.outgoing import OutgoingMail
from invitations.link_mail import send_link

logger = logging.getLogger(__name__)

TASKS: dict[str, MailTask] = {OutgoingMail.Kind.NOTICE: send_notice, OutgoingMail.Kind.LINK: send_link}
# After so many tasks it looks for lost ones, however long the queue is.
TASKS_PER_ROUND = 20
# Old rows are looked for once in so many rounds: no index helps to find them.
ROUNDS_BETWEEN_CLEANINGS = 3600


class Command(BaseCommand):
    """Runs the tasks of django-tasks' database backend, and puts back those that a killed worker has left.

    `db_worker` alone would leave them "running" for ever. Any number of workers may run, and each may be
    killed at any time; a database that is gone is waited for.
    """

    help = "Send the stored emails. Runs until it is stopped; may be killed at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how often to look, and whether to look only once."""
        parser.add_argument("--interval", type=float, default=1.0, help="Seconds between two looks (1).")
        parser.add_argument("--once", action="store_true", help="Send what is due, and stop.")

    def handle(self, *_args: Any, interval: float, once: bool, **_options: Any) -> None:
        """Send round by round."""
        if not default_task_backend.supports_defer:
            raise CommandError("There is no queue: with MAIL_QUEUE=immediate emails leave at once.")
        # The worker tells at each start and end that it starts or ends, which is each round.
        logging.getLogger("django_tasks_db").setLevel(logging.WARNING)
        rounds = 0
        while _round(stoppable=not once, clean=rounds % ROUNDS_BETWEEN_CLEANINGS == 0) and not once:
            rounds += 1
            time.sleep(interval)


def _round(*, stoppable: bool, clean: bool) -> bool:
    """Send what is due; false where the worker was asked to stop meanwhile."""
    worker = Worker(
        queue_names=[DEFAULT_TASK_QUEUE_NAME],
        interval=0,
        batch=True,
        backend_name=DEFAULT_TASK_BACKEND_ALIAS,
        startup_delay=False,
        max_tasks=TASKS_PER_ROUND,
        worker_id=get_random_string(32),
        excluded_queue_names=[],
    )
    if stoppable:
        worker.configure_signals()
    try:
        if clean:
            _clean()
        requeue(TASKS)
        worker.run()
    except (OperationalError, InterfaceError):
        logger.exception("The database does not answer; trying again")
        connection.close()
    return bool(worker.running)


def _clean() -> None:
    """Delete what nobody asks for any more."""
    forget_old()
    old = DBTaskResult.objects.filter(enqueued_at__lte=timezone.now() - KEPT)
    old.exclude(status=TaskResultStatus.READY).delete()
