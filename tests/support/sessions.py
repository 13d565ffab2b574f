"""Browsers by their names, and a look at whether somebody is signed in, also later."""

from contextlib import contextmanager
from datetime import timedelta

import time_machine
from django.test import Client
from django.utils import timezone

from operators.models import Operator

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)


def is_signed_in(browser: Client, operator: Operator) -> bool:
    return browser.get(operator.get_absolute_url()).status_code == 200


@contextmanager
def after(**time: float):
    with time_machine.travel(timezone.now() + timedelta(**time), tick=False):
        yield
