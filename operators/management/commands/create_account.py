"""`manage.py create_account NAME --admin EMAIL`: creates an account and invites its first administrator."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.audit.trail import Origin, record
from accounts.forms import NameField
from accounts.models import Action
from accounts.plain_form import PlainForm
from accounts.text import isolated
from invitations import invite
from operators.administrators import appoint
from operators.fields import AddressField
from operators.models import Operator, create_account


class FirstForm(PlainForm):
    name = NameField()
    email = AddressField()


class Command(BaseCommand):
    help = "Create an account and invite its first administrator; prints the invitation link too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--admin", required=True, metavar="EMAIL")

    def handle(self, *_args: Any, name: str, admin: str, **_options: Any) -> None:
        form = FirstForm({"name": name, "email": admin})
        if not form.is_valid():
            raise CommandError(" ".join(str(error) for errors in form.errors.values() for error in errors))
        name = form.cleaned_data["name"]
        if Operator.objects.filter(email=form.cleaned_data["email"]).exists():
            raise CommandError(_("An operator has that address already."))
        with transaction.atomic():
            account = create_account(name)
            operator = Operator(account=account, email=form.cleaned_data["email"], is_active=False)
            operator.set_unusable_password()
            operator.save()
            appoint(operator)
            record(Action.ACCOUNT_CREATED, by=Origin(), account=account, new=name)
        mail, url = invite.send_now(operator, Origin())
        self.stdout.write(_("The account “%(name)s” is created.") % {"name": isolated(name)})
        if mail.is_sent:
            self.stdout.write(_("The invitation is on its way to %(email)s.") % {"email": operator.email})
        else:
            self.stdout.write(_("The invitation could not be emailed. Pass the link on yourself."))
        self.stdout.write(_("The same link, for 21 days, once: %(url)s") % {"url": url})
