"""`manage.py reset_two_factor EMAIL --reason TEXT`: the way back in for an only administrator."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from accounts.audit.trail import Origin
from operators import cli
from operators.models import Operator
from operators.people.reset import NotEnrolledError, reset_unreadable


class Command(BaseCommand):
    help = "Reset an operator's two-factor authentication. Is recorded in the audit log; works without mail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--reason", required=True, type=cli.reason, metavar="TEXT")

    def handle(self, *_args: Any, email: str, reason: str, **_options: Any) -> None:
        operator = Operator.objects.complete().with_email(email)
        if operator is None:
            raise CommandError(_("No operator has that address."))
        try:
            reset_unreadable(operator, Origin(), reason)
        except NotEnrolledError as error:
            raise CommandError(_("That operator has not set up two-factor authentication.")) from error
        self.stdout.write(_("Reset. All sessions of %(email)s have ended.") % {"email": operator.email})
