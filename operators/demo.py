"""The demo's sample account: one operator in every state."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.audit import Origin
from accounts.models import Account
from accounts.policy import Policy
from invitations import invite
from invitations.models import Link
from operators.administrators import appoint
from operators.groups import create_group
from operators.models import Membership, Operator, SubAccount, create_account
from twofactor import recovery, vault
from twofactor.models import Authenticator

ACCOUNT = "Acme Monitoring"
PASSWORD = "correct horse battery"  # noqa: S105  printed for everybody who starts the demo
# The authenticator of those who have one already: printed too, so that codes can be made for it.
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NIGHT, REPORTING, BRANCH = "Night shift", "Reporting", "Acme North"

# Name, override, enrolled, group; everybody signs in with a password.
PEOPLE = [
    ("Olga Operator", Policy.REQUIRED, False, NIGHT),
    ("Paul Protected", Policy.REQUIRED, True, NIGHT),
    ("Otto Optional", Policy.OPTIONAL, False, REPORTING),
    ("Oona Enrolled", Policy.OPTIONAL, True, REPORTING),
    ("Dora Disabled", Policy.DISABLED, False, REPORTING),
    ("Dirk Dormant", Policy.DISABLED, True, ""),
    ("Nora Nothing", "", False, ""),
    ("Emil Enrolled", "", True, NIGHT),
    ("Dan Deactivated", "", False, ""),
    ("Sam Single", "", False, ""),
]


def make_sample_account() -> Account:
    """Return the sample account; makes it where it is not there yet."""
    existing = Account.objects.filter(name=ACCOUNT).first()
    if existing:
        return existing
    with transaction.atomic():
        account = create_account(ACCOUNT)
        groups = {name: create_group(account, name, Origin()) for name in (NIGHT, REPORTING)}
        branch = SubAccount.objects.create(account=account, name=BRANCH)
        anna = _join(account, "Anna Admin", "", enrolled=False)
        appoint(anna)
        for name, override, enrolled, group in PEOPLE:
            operator = _join(account, name, override, enrolled=enrolled)
            if group:
                Membership.objects.create(operator=operator, group=groups[group])
        _vary(account, branch)
    for name in ("Ivo Invited", "Eva Expired"):
        invite.send(_invited(account, name), Origin(anna))
    past = timezone.now() - timedelta(days=1)
    Link.objects.filter(user__email="eva@example.com").update(expires_at=past)
    return account


def _vary(account: Account, branch: SubAccount) -> None:
    """Deactivate one, move one behind single sign-on, and put one into the sub account."""
    operators = Operator.objects.filter(account=account)
    operators.filter(email="dan@example.com").update(is_active=False)
    operators.filter(email="sam@example.com").update(sign_in_method=Operator.SignInMethod.SINGLE_SIGN_ON)
    operators.filter(email="nora@example.com").update(sub_account=branch)


def _join(account: Account, name: str, override: str, *, enrolled: bool) -> Operator:
    """Return an operator who has joined, with the demo's password and perhaps its authenticator."""
    operator = Operator(account=account, name=name, email=_email(name), two_factor_override=override)
    operator.joined_at = timezone.now()
    operator.set_password(PASSWORD)
    operator.save()
    if enrolled:
        Authenticator.objects.create(
            user=operator,
            sealed_secret=vault.seal(KEY, operator.pk),
            recovery_hashes=recovery.hashes_of(recovery.generate(), KEY),
            recovery_saved_at=timezone.now(),
        )
    return operator


def _invited(account: Account, name: str) -> Operator:
    """Return an operator who has not accepted yet."""
    operator = Operator(account=account, name=name, email=_email(name), is_active=False)
    operator.set_unusable_password()
    operator.save()
    return operator


def _email(name: str) -> str:
    """Return the address of one of the demo's people; first names differ, save for the second Enrolled."""
    return f"{name.split(maxsplit=1)[0].lower()}@example.com"
