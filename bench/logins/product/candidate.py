"""The product's own journeys."""

from typing import Any

from django.urls import reverse
from django.utils import timezone

from bench.logins.browser import EMAIL, PASSWORD, Browser, code_of
from operators.models import Operator, create_account
from twofactor.models import Authenticator

NAME = "product"
# What the script of the pages sends for a popup.
POPUP = {"HX-Request": "true"}


def create_person() -> None:
    """Create an operator who has logged in before."""
    account = create_account("Acme Monitoring")
    account.two_factor_policy = "optional"
    account.save()
    person = Operator(account=account, name="Olga Operator", email=EMAIL)
    person.joined_at = person.last_login = timezone.now()
    person.set_password(PASSWORD)
    person.save()


def give_password(browser: Browser) -> None:
    """Open the login page and send the password; opens the page of the code where one is asked for."""
    browser.open(reverse("operators:login"))
    target = browser.send(reverse("operators:login"), {"email": EMAIL, "password": PASSWORD})
    if target == reverse("twofactor:verify"):
        browser.open(target)


def give_code(browser: Browser, key: str) -> None:
    """Send the code; leads to where the operator begins."""
    browser.send(reverse("twofactor:verify"), {"code": code_of(key)})


def before_enrollment(browser: Browser) -> None:
    """Log in with the password."""
    give_password(browser)


def enroll(browser: Browser) -> str:
    """Open the popup and send the code; returns the key."""
    popup = reverse("operators:scan", args=[_person().get().pk])
    browser.open(popup, **POPUP)
    key = browser.find(r'id="enrollment-key">([A-Z2-7 ]+)<').replace(" ", "")
    browser.send(popup, {"code": code_of(key)}, **POPUP)
    return key


def after_enrollment(browser: Browser) -> None:
    """Save the recovery codes, or the next login reminds of them."""
    browser.open(reverse("twofactor:recovery-codes"))
    browser.send(reverse("twofactor:recovery-codes"), {"saved": "on"})


def forget_codes() -> None:
    """Let a code be used once more."""
    _person().update(last_code_step=0)


def forget_enrollment() -> None:
    """Remove the authenticator."""
    Authenticator.objects.all().delete()
    forget_codes()


def _person() -> Any:
    return Operator.objects.filter(email=EMAIL)
