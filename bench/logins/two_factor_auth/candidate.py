"""The journeys of django-two-factor-auth: wizards, whose steps have one address."""

from importlib.metadata import version

from django.contrib.auth import get_user_model
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from bench.logins.browser import EMAIL, PASSWORD, Browser, code_of

NAME = f"django-two-factor-auth {version('django-two-factor-auth')}"


def create_person() -> None:
    """Create a user."""
    get_user_model().objects.create_user("olga", EMAIL, PASSWORD)


def give_password(browser: Browser) -> None:
    """Open the login page and send the password; the answer is the page of the code."""
    login = reverse("two_factor:login")
    browser.open(login)
    browser.send(
        login,
        {
            "login_view-current_step": "auth",
            "auth-username": "olga",
            "auth-password": PASSWORD,
        },
    )


def give_code(browser: Browser, key: str) -> None:
    """Send the code; leads to the profile."""
    browser.send(
        reverse("two_factor:login"),
        {"login_view-current_step": "token", "token-otp_token": code_of(key)},
    )


def before_enrollment(browser: Browser) -> None:
    """Log in with the password."""
    give_password(browser)


def enroll(browser: Browser) -> str:
    """Go through the setup; the picture of the QR code has an address of its own. Returns the key."""
    setup = reverse("two_factor:setup")
    browser.open(setup)
    browser.send(setup, {"setup_view-current_step": "welcome"})
    browser.open(reverse("two_factor:qr"))
    key = browser.find(r"secret=([A-Z2-7]+)")
    browser.send(setup, {"setup_view-current_step": "generator", "generator-token": code_of(key)})
    return key


def after_enrollment(browser: Browser) -> None:
    """Nothing more is asked of anybody."""


def forget_codes() -> None:
    """Let a code be used once more."""
    TOTPDevice.objects.update(last_t=-1)


def forget_enrollment() -> None:
    """Remove the device."""
    TOTPDevice.objects.all().delete()
