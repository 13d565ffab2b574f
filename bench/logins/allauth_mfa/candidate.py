"""The journeys of django-allauth."""

from importlib.metadata import version

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.urls import reverse

from bench.logins.browser import EMAIL, PASSWORD, Browser, code_of

NAME = f"django-allauth {version('django-allauth')}"


def create_person() -> None:
    """Create a user whose address is confirmed, as the second factor demands."""
    user = get_user_model().objects.create_user("olga", EMAIL, PASSWORD)
    EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)


def give_password(browser: Browser) -> None:
    """Open the login page and send the password; opens the page of the code where one is asked for."""
    browser.open(reverse("account_login"))
    target = browser.send(reverse("account_login"), {"login": "olga", "password": PASSWORD})
    if target == reverse("mfa_authenticate"):
        browser.open(target)


def give_code(browser: Browser, key: str) -> None:
    """Send the code; leads to the profile."""
    browser.send(reverse("mfa_authenticate"), {"code": code_of(key)})


def before_enrollment(browser: Browser) -> None:
    """Give the password again, which a login does not count for."""
    give_password(browser)
    browser.open(reverse("account_reauthenticate"))
    browser.send(reverse("account_reauthenticate"), {"password": PASSWORD})


def enroll(browser: Browser) -> str:
    """Open the page and send the code; returns the key."""
    page = reverse("mfa_activate_totp")
    browser.open(page)
    key = browser.find(r'value="([A-Z2-7]{32})"')
    browser.send(page, {"code": code_of(key)})
    return key


def after_enrollment(browser: Browser) -> None:
    """Nothing more is asked of anybody."""


def forget_codes() -> None:
    """Let a code be used once more, and logins be as many as they are here."""
    cache.clear()


def forget_enrollment() -> None:
    """Remove the authenticator and its recovery codes."""
    Authenticator.objects.all().delete()
    cache.clear()
