"""What somebody who is invited does."""

from django.test import Client

from accounts.audit.trail import Origin
from accounts.policy import Policy
from invitations import invite
from tests.support.factories import make_account, make_operator
from tests.support.flows import link_in_mail

NEW = "a fine long password"
ACCEPT = "/invitation/"


def invited(policy=Policy.OPTIONAL):
    operator = make_operator(make_account(policy), "ivo@example.com", name="Ivo Invited", invited=True)
    invite.send(operator, Origin())
    return operator


def opened() -> Client:
    client = Client()
    client.get(link_in_mail())
    return client


def give_details(client, name="Ivo New", password=NEW, again=None):
    data = {"name": name, "new_password": password, "new_password_again": again or password}
    return client.post(ACCEPT, data, follow=True)
