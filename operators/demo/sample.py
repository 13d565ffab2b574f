"""The demo's sample account: one operator in every state."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.days import end_of, server_day
from accounts.models import Account, Action
from accounts.models.outgoing_mail import OutgoingMail
from accounts.policy import Policy
from invitations import invite
from invitations.ledger import LinkRecord
from invitations.models import Link
from operators.administrators import appoint
from operators.demo import history
from operators.groups.groups import add_member, create_group
from operators.groups.sub_accounts import assign, create_sub_account
from operators.models import Operator, create_account
from operators.overrides.override import set_override
from operators.people.login_method import set_sign_in_method
from operators.people.removal import deactivate
from operators.signin import frozen
from operators.status.labels import group_labels
from twofactor import recovery, vault
from twofactor.code_limits import FAILURES_THAT_LOCK
from twofactor.models import Authenticator

ACCOUNT = "Acme Monitoring"
PASSWORD = "correct horse battery"  # noqa: S105  printed when the demo starts
# The key of everybody's authenticator: printed too, so that you can make codes.
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
# The codes Fay has left: printed too.
RECOVERY_CODES = ["DEMO-DEMO-DEMO-AAAA", "DEMO-DEMO-DEMO-BBBB"]
NIGHT, REPORTING, BRANCH = "Night shift", "Reporting", "Acme North"

# Name, override, enrolled, group; everybody logs in with a password.
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
    ("Lara Locked", "", True, ""),
    ("Fred Frozen", "", False, ""),
    ("Uma Unsaved", "", True, ""),
    ("Fay Few", "", True, ""),
]
# How long ago Eva was invited: longer than an invitation works.
EXPIRED = timedelta(days=30)
INVITED = ["Ivo Invited", "Eva Expired"]
# Anna, the people, and the invited.
SIZE = 1 + len(PEOPLE) + len(INVITED)


def make_sample_account() -> Account:
    existing = Account.objects.filter(name=ACCOUNT).first()
    if existing:
        return existing
    with transaction.atomic():
        account = create_account(ACCOUNT)
        record(Action.ACCOUNT_CREATED, by=Origin(), account=account, new=ACCOUNT)
        anna = _join(account, "Anna Admin", Origin())
        appoint(anna)
        _fill(account, Origin(anna))
    for name in INVITED:
        invite.send(_invited(account, name, Origin(anna)), Origin(anna))
    _expire(Operator.objects.get(account=account, email="eva@example.com"))
    history.make(account, timezone.now())
    return account


def _expire(operator: Operator) -> None:
    expired = {"expires_at": F("expires_at") - EXPIRED}
    Link.objects.filter(user=operator).update(created_at=F("created_at") - EXPIRED, **expired)
    asked_at = F("asked_at") - EXPIRED
    records = LinkRecord.objects.filter(person_id=operator.pk)
    records.update(asked_at=asked_at, sent_at=asked_at, **expired)
    mails = OutgoingMail.objects.filter(to=operator.email)
    mails.update(state=OutgoingMail.State.SENT, sent_at=F("created_at") - EXPIRED)


def _fill(account: Account, by: Origin) -> None:
    """Add the people as an administrator would, so that the audit log tells their story."""
    groups = {name: create_group(account, name, by) for name in (NIGHT, REPORTING)}
    people = {}
    for name, override, enrolled, group in PEOPLE:
        operator = people[name] = _join(account, name, by)
        if override:
            set_override(operator, override, by)
        if enrolled:
            _enroll(operator)
        if group:
            add_member(groups[group], operator, by)
    until = end_of(server_day() + timedelta(days=20))
    set_override(
        people["Dora Disabled"], Policy.DISABLED, by, reason="No phone until next month", until=until
    )
    _lock(people["Lara Locked"])
    frozen.freeze(people["Fred Frozen"], timezone.now(), Origin(people["Fred Frozen"]))
    _leave_codes(people["Uma Unsaved"], [], recovery_saved_at=None)
    _leave_codes(people["Fay Few"], RECOVERY_CODES)
    deactivate(people["Dan Deactivated"], by)
    set_sign_in_method(people["Sam Single"], Operator.SignInMethod.SINGLE_SIGN_ON, by)
    assign(people["Nora Nothing"], create_sub_account(account, BRANCH, by), by)


def _join(account: Account, name: str, by: Origin) -> Operator:
    operator = Operator(account=account, name=name, email=_email(name), joined_at=timezone.now())
    operator.set_password(PASSWORD)
    return _save(operator, by)


def _enroll(operator: Operator) -> None:
    Authenticator.objects.create(
        user=operator,
        sealed_secret=vault.seal(KEY, operator.pk, vault.Purpose.SECRET),
        recovery_hashes=recovery.hashes_of(recovery.generate(), KEY),
        recovery_saved_at=timezone.now(),
    )
    record(Action.TWO_FACTOR_ENROLLED, by=Origin(operator), subject=operator)


def _leave_codes(operator: Operator, codes: list[str], **fields: datetime | None) -> None:
    hashes = recovery.hashes_of(codes, KEY)
    Authenticator.objects.filter(user=operator).update(recovery_hashes=hashes, **fields)


def _lock(operator: Operator) -> None:
    Operator.objects.filter(pk=operator.pk).update(code_failures=FAILURES_THAT_LOCK)
    record(Action.AUTHENTICATOR_LOCKED, by=Origin(), subject=operator)


def _invited(account: Account, name: str, by: Origin) -> Operator:
    operator = Operator(account=account, name=name, email=_email(name), is_active=False)
    operator.set_unusable_password()
    return _save(operator, by)


def _save(operator: Operator, by: Origin) -> Operator:
    operator.save()
    record(Action.OPERATOR_CREATED, by=by, subject=operator, new=", ".join(group_labels(operator)))
    return operator


def _email(name: str) -> str:
    return f"{name.split(maxsplit=1)[0].lower()}@example.com"
