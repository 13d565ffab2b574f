"""A browser as a person has one: it sends back what the page's form holds, and nothing skips a check."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import pyotp
from django.conf import settings
from django.test import Client

EMAIL, PASSWORD = "olga@example.com", "correct horse battery"
FORM = "application/x-www-form-urlencoded"
HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
    "Safari/537.36",
    "Accept-Language": "en-US,en;q=0.9",
}
STEP_SECONDS, LATE = 30, 2

Meter = Callable[[], AbstractContextManager[object]]


class Browser(Client):
    """Each request is measured by `meter`; what lies between two requests is not."""

    def __init__(self, meter: Meter = nullcontext) -> None:
        super().__init__(enforce_csrf_checks=True, headers=HEADERS)
        self.handler.load_middleware()  # a server does it once, when it begins
        self.meter = meter
        self.page = ""

    def open(self, address: str, **headers: str) -> None:
        """Open a page."""
        with self.meter():
            response = self.get(address, headers=headers)
        self._look_at(response, HTTPStatus.OK)

    def send(self, address: str, fields: Mapping[str, str], **headers: str) -> str:
        """Send the form of the page; return where the answer leads, "" where it is a page."""
        token = self.find(r'name="csrfmiddlewaretoken" value="(\w+)"')
        body = urlencode({"csrfmiddlewaretoken": token, **fields})
        with self.meter():
            response = self.post(address, body, content_type=FORM, headers=headers)
        self._look_at(response, HTTPStatus.OK, HTTPStatus.FOUND)
        return str(response.headers.get("Location", ""))

    def find(self, pattern: str) -> str:
        """Return what the page has at a place."""
        found = re.search(pattern, self.page)
        if not found:
            raise RuntimeError(f"No {pattern} in:\n{self.page}")
        return found[1]

    def later(self, meter: Meter) -> "Browser":
        """Return this browser when its session has ended: with all other cookies."""
        browser = Browser(meter)
        for name, morsel in self.cookies.items():
            if name != settings.SESSION_COOKIE_NAME:
                browser.cookies[name] = morsel.value
        return browser

    def _look_at(self, response: Any, *expected: HTTPStatus) -> None:
        if response.status_code not in expected:
            path, to = response.request["PATH_INFO"], response.headers.get("Location", "")
            raise RuntimeError(f"{path}: {response.status_code} {to}\n{response.text}")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            self.page = response.text


def code_of(key: str) -> str:
    """Return the code that the app shows now."""
    return pyotp.TOTP(key).now()


def wait_for_time_to_type() -> None:
    """Wait for the next time step where this one is nearly over: some take no code of the last one."""
    into = time.time() % STEP_SECONDS
    if into > STEP_SECONDS - LATE:
        time.sleep(STEP_SECONDS - into)
