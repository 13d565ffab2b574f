"""The journeys of the yardstick. It has no page to set an authenticator up."""

import pyotp
from django.contrib.auth import get_user_model
from django.urls import reverse

from bench.logins.browser import EMAIL, PASSWORD, Browser, code_of
from bench.logins.yardstick.models import Device

NAME = "yardstick"


def create_person() -> None:
    """Create a user."""
    get_user_model().objects.create_user("olga", EMAIL, PASSWORD)


def give_password(browser: Browser) -> None:
    """Open the login page, send the password and open the page of the code."""
    browser.open(reverse("login"))
    browser.open(browser.send(reverse("login"), {"username": "olga", "password": PASSWORD}))


def give_code(browser: Browser, key: str) -> None:
    """Send the code."""
    browser.send(reverse("code"), {"code": code_of(key)})


def forget_codes() -> None:
    """Let a code be used once more."""
    Device.objects.update(last_step=0)


def set_up() -> str:
    """Store an authenticator; returns its key."""
    key = pyotp.random_base32()
    Device.objects.create(user=get_user_model().objects.get(), key=key)
    return key
