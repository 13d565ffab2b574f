"""Who did what to whom, and from where? Writes the audit trail."""

import logging
from dataclasses import dataclass, field
from functools import partial

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext

from accounts.models import Account, Action, AuditEntry
from accounts.network import client_address
from accounts.person import Person
from accounts.session_store import ours

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whoever acts (None: the command line, or a person not known yet), the network address, the session."""

    actor: Person | None = None
    address: str | None = None
    # The key of the session in which it happens: a change that ends sessions may keep this one.
    session_key: str | None = field(default=None, repr=False)

    @property
    def actor_id(self) -> int | None:
        return self.actor.pk if self.actor else None

    @property
    def actor_name(self) -> str:
        return str(self.actor or "")

    @property
    def who(self) -> str:
        """A name, as that stays true after they have left."""
        return (self.actor.name or self.actor.email) if self.actor else gettext("The command line")

    def address_for(self, reader: Person) -> str | None:
        """Others' network addresses are for administrators only."""
        return self.address if self.actor in (None, reader) or reader.is_administrator else None


def origin(request: HttpRequest, actor: Person | None = None) -> Origin:
    """`actor` names the person while nobody is signed in."""
    if actor is None and request.user.is_authenticated:
        actor = request.user
    return Origin(actor, client_address(request), ours(request.session).stored_key)


def record(  # noqa: PLR0913  an entry has these parts
    action: Action,
    *,
    by: Origin,
    subject: Person | None = None,
    account: Account | None = None,
    old: str = "",
    new: str = "",
) -> AuditEntry:
    account = account or _account_of(subject or by.actor)
    entry = AuditEntry.objects.create(
        account=account,
        action=action,
        actor_id=by.actor_id,
        actor_name=by.actor_name,
        subject_id=subject.pk if subject else None,
        subject_name=str(subject or ""),
        old=old,
        new=new,
        address=by.address,
    )
    transaction.on_commit(partial(_log, entry), robust=True)
    return entry


def _log(entry: AuditEntry) -> None:
    """Whoever breaks into the database cannot take back what the log handed on (OWASP ASVS 5.0, 16.4.3)."""
    logger.info(
        "Entry %d: %s, account %d, actor %s, subject %s, from %s",
        entry.pk,
        entry.action,
        entry.account_id,
        entry.actor_id,
        entry.subject_id,
        entry.address,
    )


def _account_of(person: Person | None) -> Account:
    if person is None:
        msg = "An entry needs an account, a subject or an actor."
        raise ValueError(msg)
    return person.account
