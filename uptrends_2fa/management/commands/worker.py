"""`manage.py worker`: sends queued emails and does everything else that is due, until it is stopped."""

import logging
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection
from django.utils.crypto import get_random_string
from django_tasks import DEFAULT_TASK_BACKEND_ALIAS, DEFAULT_TASK_QUEUE_NAME, default_task_backend
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from accounts.mail.delivery import MailTask, requeue
from accounts.mail.notice_mail import send_notice
from accounts.models.outgoing_mail import OutgoingMail
from accounts.periodic import is_late, run_due
from invitations.link_mail import send_link

logger = logging.getLogger(__name__)

TASKS: dict[str, MailTask] = {OutgoingMail.Kind.NOTICE: send_notice, OutgoingMail.Kind.LINK: send_link}
# After this many tasks it looks for lost ones, however long the queue is.
TASKS_PER_ROUND = 20


class TaskWorker(Worker):
    """Also runs tasks that an older release has queued under the old names of functions."""

    def run_task(self, db_task_result: DBTaskResult[..., Any]) -> None:
        path = db_task_result.task_path
        db_task_result.task_path = settings.MOVED_FUNCTIONS.get(path, path)
        super().run_task(db_task_result)


class Command(BaseCommand):
    """Runs the tasks of django-tasks' database backend, and requeues those of a killed worker.

    `db_worker` alone would leave them "running" forever. Any number of workers may run, and each may be
    killed at any time; a database that is gone is waited for.
    """

    help = "Send the stored emails, and do what else is due. Runs until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--interval", type=float, default=1.0, help="Seconds between two looks (1).")
        parser.add_argument("--once", action="store_true", help="Do what is due, and stop.")
        parser.add_argument(
            "--check", action="store_true", help="Do nothing; exit with 1 where no worker does what is due."
        )

    def handle(self, *_args: Any, check: bool, **options: Any) -> None:
        if not check:
            self._work(options["interval"], once=options["once"])
        elif is_late():
            raise CommandError("What is due was not done for five minutes: no worker runs, or it is stuck.")

    def _work(self, interval: float, *, once: bool) -> None:
        if not default_task_backend.supports_defer:
            raise CommandError("There is no queue: with MAIL_QUEUE=immediate emails leave at once.")
        # The worker logs its start and end, which here happen in every round.
        logging.getLogger("django_tasks_db").setLevel(logging.WARNING)
        while _round(stoppable=not once) and not once:
            time.sleep(interval)


def _round(*, stoppable: bool) -> bool:
    """Return false if the worker was asked to stop."""
    worker = TaskWorker(
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
        run_due()
        requeue(TASKS)
        worker.run()
    except (OperationalError, InterfaceError):
        logger.exception("The database does not answer; trying again")
        connection.close()
    return bool(worker.running)
