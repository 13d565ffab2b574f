"""`manage.py free_sign_in EMAIL --reason TEXT`: lets a frozen operator log in again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from accounts.audit.trail import Origin
from operators import cli
from operators.models import Operator
from operators.signin import frozen


class Command(BaseCommand):
    help = "Free an operator's frozen sign-in. Is recorded in the audit log; needs no mail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--reason", required=True, type=cli.reason, metavar="TEXT")

    def handle(self, *_args: Any, email: str, reason: str, **_options: Any) -> None:
        operator = Operator.objects.with_email(email)
        if operator is None or not frozen.free(operator, Origin(), reason):
            raise CommandError(_("No operator with that address has a frozen sign-in."))
        self.stdout.write(_("%(email)s can sign in again.") % {"email": operator.email})
