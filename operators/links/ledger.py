"""Which setup links and invitations were there, and what became of each? The page and the file ask here."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from accounts.filters import FilterField, ListFilters, SearchField
from accounts.spreadsheet import Column
from accounts.text_search import contains
from invitations.ledger import LISTED, LinkRecord, changes_since
from operators.models import Operator

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class LinkState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    COPIED = "copied"
    OPENED = "opened"
    FAILED = "failed"
    USED = "used"
    EXPIRED = "expired"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    CHANGED = "changed"


STATE_LABELS: dict[LinkState, "_StrPromise"] = {
    LinkState.WAITING: gettext_lazy("Being sent"),
    LinkState.SENT: pgettext_lazy("link", "Sent"),
    LinkState.COPIED: pgettext_lazy("link", "Copied"),
    LinkState.OPENED: pgettext_lazy("link", "Opened"),
    LinkState.FAILED: gettext_lazy("Could not be emailed"),
    LinkState.USED: pgettext_lazy("link", "Used"),
    LinkState.EXPIRED: pgettext_lazy("link", "Expired"),
    LinkState.REPLACED: pgettext_lazy("link", "Replaced"),
    LinkState.WITHDRAWN: pgettext_lazy("link", "Withdrawn"),
    LinkState.CHANGED: gettext_lazy("Ended by a change"),
}
TONES = {LinkState.USED: "good", LinkState.FAILED: "bad", LinkState.EXPIRED: "warning"}
# Those that still work, or would once their email has left.
LIVE = (LinkState.WAITING, LinkState.SENT, LinkState.COPIED, LinkState.OPENED, LinkState.FAILED)


def records(account_id: int, now: datetime) -> QuerySet[LinkRecord]:
    """Newest first, with `state`, `over_at`, and whether the person `is_there`.

    The person's nonce tells whether a reset, a new password or a deactivation ended a link, the audit trail
    tells when. A link replaced or withdrawn after its time was over has expired.
    """
    person = Operator.objects.filter(pk=OuterRef("person_id"), account=account_id)
    changes = changes_since(OuterRef("asked_at"), account_id, OuterRef("person_id"))
    changed = ~Exists(person.filter(session_nonce=OuterRef("nonce")))
    changed_at = Case(When(changed, then=Subquery(changes.values("at")[:1])))
    # A link's life begins when its email leaves: until then it cannot expire.
    unborn = Q(sent_at=None, failed_at=None, copied_at=None)
    ended = Q(ended_at__lte=F("expires_at")) | Q(unborn, ended_at__isnull=False)
    changed_in_time = Q(changed_at__lte=F("expires_at")) | Q(unborn, changed_at__isnull=False)
    over = Q(expires_at__lte=now) & ~unborn
    state = Case(
        When(ended, then=F("end")),
        When(changed_in_time, then=Value(LinkState.CHANGED)),
        When(over, then=Value(LinkState.EXPIRED)),
        When(changed, then=Value(LinkState.CHANGED)),
        When(opened_at__isnull=False, then=Value(LinkState.OPENED)),
        When(failed_at__isnull=False, then=Value(LinkState.FAILED)),
        When(copied_at__isnull=False, then=Value(LinkState.COPIED)),
        When(sent_at__isnull=False, then=Value(LinkState.SENT)),
        default=Value(LinkState.WAITING),
        output_field=CharField(),
    )
    over_at = Case(
        When(ended, then=F("ended_at")),
        When(changed_in_time, then=F("changed_at")),
        When(over, then=F("expires_at")),
        output_field=DateTimeField(),
    )
    listed = LinkRecord.objects.filter(account=account_id, kind__in=LISTED).annotate(changed_at=changed_at)
    return listed.annotate(state=state, over_at=over_at, is_there=Exists(person)).order_by("-pk")


class LinkFilters(ListFilters[LinkRecord]):
    search = SearchField(gettext_lazy("Search name or email"))
    kind = FilterField(
        gettext_lazy("Kind"),
        [("", gettext_lazy("Any kind")), *((kind.value, kind.label) for kind in LISTED)],
    )
    state = FilterField(gettext_lazy("State"), [("", gettext_lazy("Any state")), *STATE_LABELS.items()])

    def by_search(self, rows: QuerySet[LinkRecord], text: str) -> QuerySet[LinkRecord]:
        return rows.filter(contains(text, "people_key"))

    def by_kind(self, rows: QuerySet[LinkRecord], kind: str) -> QuerySet[LinkRecord]:
        return rows.filter(kind=kind)

    def by_state(self, rows: QuerySet[LinkRecord], state: str) -> QuerySet[LinkRecord]:
        return rows.filter(state=state)  # type: ignore[misc]  # annotated by records()


def columns() -> tuple[Column[Any], ...]:
    states = {state: str(label) for state, label in STATE_LABELS.items()}
    kinds = {kind: str(label) for kind, label in LinkRecord.Kind.choices}
    return (
        Column("for", _("For"), lambda link: link.person_name),
        Column("kind", _("Kind"), lambda link: kinds[link.kind]),
        Column("asked_by", _("Asked by"), lambda link: link.asked_by),
        Column("state", _("State"), lambda link: states[link.state]),
        Column("asked", _("Asked"), lambda link: link.asked_at),
        Column("sent", _("Sent"), lambda link: link.sent_at),
        Column("failed", _("Failed"), lambda link: link.failed_at),
        Column("copied", _("Copied"), lambda link: link.copied_at),
        Column("opened", _("Opened"), lambda link: link.opened_at),
        Column(
            "works_until",
            _("Works until"),
            lambda link: None if link.state == LinkState.WAITING else link.expires_at,
        ),
        Column("ended", _("Ended"), lambda link: link.over_at),
    )
