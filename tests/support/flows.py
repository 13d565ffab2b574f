"""What people do in most journeys, and what they read on pages and in emails."""

import re

from django.core import mail
from django.test import Client
from django.urls import reverse

from operators.models import Operator
from tests.support.factories import PASSWORD


def key_on(page: str) -> str:
    """Return the key that a set-up page shows."""
    match = re.search(r'id="enrollment-key">([A-Z2-7 ]+)<', page)
    assert match, page
    return match[1].replace(" ", "")


def log_in(client: Client, operator: Operator, **data: str):
    return client.post(reverse("operators:login"), {"email": operator.email, "password": PASSWORD, **data})


def link_in_mail(index: int = -1) -> str:
    """Return the address in one of the emails that hold a one-time link, by default the newest."""
    links = [re.search(r"http://testserver(/\S+/\S{43}/)", str(message.body)) for message in mail.outbox]
    return [match[1] for match in links if match][index]
