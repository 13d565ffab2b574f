"""Who did what to whom, and from where? Writes the audit trail."""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest

from accounts.models import Account, Action, AuditEntry

if TYPE_CHECKING:
    from operators.models import Operator


@dataclass(frozen=True, slots=True)
class Origin:
    """Whoever acts (None: the command line, or a person not known yet), the network address, the session."""

    actor: "Operator | None" = None
    address: str | None = None
    # The key of the session in which it happens: a change that ends sessions may keep this one.
    session_key: str | None = field(default=None, repr=False)


def origin(request: HttpRequest, actor: "Operator | None" = None) -> Origin:
    """Return where a request comes from; `actor` names the person while nobody is signed in."""
    if actor is None and request.user.is_authenticated:
        actor = request.user
    session_key = request.session.stored_key  # type: ignore[attr-defined]  # our own store
    return Origin(actor, client_address(request), session_key)


def client_address(request: HttpRequest) -> str | None:
    """Return the address of the connection, or the one that a trusted proxy forwarded.

    X-Forwarded-For is read from its right end, where the proxies write, and only as far as the
    proxies in TRUSTED_PROXIES go: what a browser puts into it itself is never reached.
    """
    hops = [*request.META.get("HTTP_X_FORWARDED_FOR", "").split(","), request.META.get("REMOTE_ADDR", "")]
    trusted = [ip_network(network) for network in settings.TRUSTED_PROXIES]
    last = None
    for hop in reversed(hops):
        try:
            address = ip_address(_without_port(hop.strip()))
        except ValueError:
            break
        last = str(address)
        if not any(address in network for network in trusted):
            break
    return last


def _without_port(hop: str) -> str:
    """Return the address of `203.0.113.5:4711` or `[2001:db8::5]:4711`, as some proxies write them."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def record(  # noqa: PLR0913  an entry has these parts
    action: Action,
    *,
    by: Origin,
    subject: "Operator | None" = None,
    account: Account | None = None,
    old: str = "",
    new: str = "",
) -> AuditEntry:
    """Add one entry about `subject` (or about the account as a whole) to the trail."""
    account = account or _account_of(subject or by.actor)
    return AuditEntry.objects.create(
        account=account,
        action=action,
        actor_id=by.actor.pk if by.actor else None,
        actor_name=str(by.actor or ""),
        subject_id=subject.pk if subject else None,
        subject_name=str(subject or ""),
        old=old,
        new=new,
        address=by.address,
    )


def _account_of(person: "Operator | None") -> Account:
    """Return the account that an entry about this person belongs to; there is no entry without one."""
    if person is None:
        msg = "An entry needs an account, a subject or an actor."
        raise ValueError(msg)
    return person.account
