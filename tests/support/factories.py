"""Makes the people and accounts that tests speak of."""

from functools import cache
from itertools import count
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin
from accounts.models import Account, Tally
from accounts.policy import Policy
from operators.administrators import appoint
from operators.models import Operator, create_account
from twofactor import proof, recovery, totp, vault
from twofactor.models import Authenticator

PASSWORD = "correct horse battery"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RECOVERY_CODES = [f"AAAA-BBBB-CCCC-DDD{letter}" for letter in "ABCDEFGHIJ"]
# What an administrator types before a reset.
RESET = {"why": "Lost the phone", "identity_check": "in person", "setup_link": "later"}
NOBODY = Origin()
_numbers = count(1)
_emails = iter(range(1, 1_000_000))


def make_account(policy: str = Policy.OPTIONAL, name: str = "Acme Monitoring") -> Account:
    """Return an account with its system groups."""
    account = create_account(name)
    account.two_factor_policy = policy
    account.save()
    return account


def make_operator(
    account: Account,
    email: str = "",
    *,
    name: str = "",
    administrator: bool = False,
    invited: bool = False,
    enrolled: bool = False,
    single_sign_on: bool = False,
    active: bool = True,
    override: str = "",
    **fields: Any,
) -> Operator:
    """Return an operator with the password PASSWORD, unless invited."""
    operator = Operator(
        account=account,
        email=email or f"operator{next(_numbers)}@example.com",
        name=name or "Olga Operator",
        is_active=active and not invited,
        joined_at=None if invited else timezone.now(),
        two_factor_override=override,
        sign_in_method=Operator.SignInMethod.SINGLE_SIGN_ON
        if single_sign_on
        else Operator.SignInMethod.PASSWORD,
        **fields,
    )
    if invited:
        operator.set_unusable_password()
    else:
        operator.password = _hash_of_the_password(settings.PASSWORD_HASHERS[0])
    operator.save()
    if administrator:
        appoint(operator)
    if enrolled:
        enroll(operator)
    return Operator.objects.complete().get(pk=operator.pk)


@cache
def _hash_of_the_password(hasher: str) -> str:
    """Return PASSWORD hashed once for all operators: in production's way that takes a tenth of a second."""
    return make_password(PASSWORD)


def enroll(operator: Operator, secret: str = SECRET) -> Authenticator:
    """Give the operator a confirmed authenticator with a known secret, last used long ago."""
    return Authenticator.objects.create(
        user=operator,
        sealed_secret=vault.seal(secret, operator.pk, vault.Purpose.SECRET),
        recovery_hashes=recovery.hashes_of(RECOVERY_CODES, secret),
        recovery_saved_at=timezone.now(),
    )


def code_for(secret: str = SECRET, steps: int = 0) -> str:
    """Return the code of a secret now, or so many steps from now."""
    return totp.code_at(secret, totp.step_at(timezone.now().timestamp()) + steps)


def forget_tries() -> None:
    """Let nobody have typed a password yet: for tests of something else that log in many times."""
    Tally.objects.filter(key__startswith="password").delete()


def signed_in(operator: Operator) -> Client:
    """Return a browser in which the operator has just signed in, with all that the policy asks for."""
    client = Client()
    client.force_login(operator)
    session = client.session
    proof.remember(session, with_code=True)
    session.save()
    return client


def confirm_data(browser: Client, policy: str, day: str = "") -> dict[str, str]:
    """Look at the preview of a new account-wide policy; return what Confirm sends there."""
    chosen = {"two_factor_policy": policy, "required_from": day}
    page = browser.get(reverse("operators:policy-preview"), chosen)
    return {**chosen, "shown": page.context["shown"], "was": page.context["was"]}


def set_policy(browser: Client, policy: str, day: str = "") -> Any:
    """Set the account-wide policy as an administrator does; return the page that follows."""
    data = confirm_data(browser, policy, day)
    return browser.post(reverse("operators:policy-preview"), data, follow=True)


def new_email(name: str = "somebody") -> str:
    """An address that nobody has yet; later ones sort after earlier ones."""
    return f"{name}{next(_emails):05}@example.com"
