"""A browser in which the proof of password and code has grown old, and a new one."""

from datetime import timedelta

import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.support.factories import PASSWORD, code_for
from tests.support.flows import log_in


def stale(operator, **log_in_data) -> Client:
    """Return a browser whose sign-in was a while ago."""
    browser = Client()
    with time_machine.travel(timezone.now() - timedelta(minutes=16)):
        log_in(browser, operator)
        if operator.is_enrolled:
            browser.post(reverse("twofactor:verify"), {"code": code_for()})
    return browser


def proof(method="POST", **fields):
    return {"proof_for": method, "proof_password": PASSWORD, "proof_code": code_for(), **fields}
