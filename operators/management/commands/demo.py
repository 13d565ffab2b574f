"""`manage.py demo`: runs the product with sample data."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from operators.demo import generated, sample
from operators.models import Operator
from operators.status.labels import STATUS_LABELS, last_login_label
from twofactor.codes import few_left


class Command(BaseCommand):
    help = "Run the product with sample data on 127.0.0.1; mails are shown at /mails/."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--operators", type=int, default=0, metavar="N", help="Invent people until there are N operators."
        )

    def handle(self, *_args: Any, port: int, operators: int, **_options: Any) -> None:
        if settings.ROOT_URLCONF != "uptrends_2fa.demo_urls":
            raise CommandError("The demo runs with its own settings only: start it as `manage.py demo`.")
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        address = f"127.0.0.1:{port}"
        # This process writes the emails to the sample people, before the server starts with that address.
        settings.SITE_URL = f"http://{address}"
        self._make_people(operators)
        self.stdout.write(
            f"\nOpen http://{address}/ to sign in, and http://{address}/mails/ for the mails.\n"
        )
        self.stdout.flush()
        command = [sys.executable, "-m", "gunicorn", "uptrends_2fa.wsgi:application"]
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "uptrends_2fa.demo_settings",
            "SITE_URL": settings.SITE_URL,
            "GUNICORN_BIND": address,
            # Without a proxy, each connection that a browser opens in advance holds a thread.
            "GUNICORN_THREADS": "8",
        }
        os.chdir(Path(settings.BASE_DIR))
        command_of_worker = [sys.executable, "manage.py", "worker", "--interval", "0.2"]
        worker = subprocess.Popen(command_of_worker, env=environment)  # noqa: S603
        # Ctrl-C or a signal stops both.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        try:
            code = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
        finally:
            worker.terminate()
            worker.wait()
        raise SystemExit(code)

    def _make_people(self, size: int) -> None:
        account = sample.make_sample_account()
        people = Operator.objects.filter(account=account).complete().with_links()
        self._print_people(people.order_by("pk")[: sample.SIZE])
        added = generated.fill_up(account, size, sample.PASSWORD, sample.KEY)
        if added:
            self.stdout.write(f"\n{added} invented operators are added.\n")

    def _print_people(self, operators: Any) -> None:
        self.stdout.write(f"\nEverybody's password: {sample.PASSWORD}")
        self.stdout.write(f"Where a code is asked for: add the key {sample.KEY} to an authenticator app,")
        self.stdout.write(f"or run: oathtool --totp -b {sample.KEY}\n\n")
        for operator in operators:
            # In the operators list too, this column says whether an invitation still works.
            invited = [last_login_label(operator)] if operator.is_invited else []
            remarks = invited or [str(STATUS_LABELS[operator.status])]
            remarks += ["administrator"] if operator.is_administrator else []
            remarks += ["asked for a code"] if operator.is_enrolled and operator.effective.usable else []
            remarks += _special(operator)
            self.stdout.write(f"  {operator.email:24} {operator.name:18} {', '.join(remarks)}")


def _special(operator: Operator) -> list[str]:
    if operator.frozen_at:
        return ["sign-in frozen"]
    if operator.is_locked:
        return ["locked after 100 wrong codes"]
    if operator.is_enrolled and not operator.authenticator.recovery_saved_at:
        return ["has not saved recovery codes"]
    if operator.is_enrolled and few_left(operator):
        return [f"recovery codes left: {', '.join(sample.RECOVERY_CODES)}"]
    return []
