"""Browsers that are trusted: how one becomes so, and whether it still is."""

from django.conf import settings as product
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from operators.models import Operator
from tests.support.factories import PASSWORD, code_for
from tests.support.sessions import FIREFOX, is_signed_in

LOGIN = reverse("operators:login")
VERIFY = reverse("twofactor:verify")
PAGE = reverse("operators:sessions")
COOKIE = product.TRUSTED_BROWSER_COOKIE_NAME
DAYS = 30


def allow(account: Account, days: int | None) -> None:
    account.trusted_browser_days = days
    account.save()


def give_password(browser: Client, operator: Operator) -> str:
    """Return where a correct password leads."""
    browser.get(LOGIN)
    return browser.post(LOGIN, {"email": operator.email, "password": PASSWORD}).url


def trusting(operator: Operator, user_agent: str = FIREFOX) -> Client:
    """A browser in which the operator has logged in, ticked the box, and logged out."""
    browser = Client(headers={"user-agent": user_agent}, REMOTE_ADDR="192.0.2.7")
    give_password(browser, operator)
    Operator.objects.filter(pk=operator.pk).update(last_code_step=0)
    browser.post(VERIFY, {"code": code_for(), "trust": "on"})
    assert is_signed_in(browser, operator)
    browser.post(reverse("operators:logout"))
    return browser


def asks_for_a_code(browser: Client, operator: Operator) -> bool:
    operator.refresh_from_db()
    browser.post(reverse("operators:logout"))
    return give_password(browser, operator) == VERIFY
