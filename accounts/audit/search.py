"""Which audit entries does somebody ask for, and which page of them?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.filters import FilterField, ListFilters, SearchField
from accounts.models import Action, AuditEntry
from accounts.row_keys import row_key
from accounts.text_search import contains

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PAGE_SIZE = 50
# Entries whose new value is a reason and nothing else.
ONLY_A_REASON = (Action.TWO_FACTOR_RESET, Action.FREED)
# Between an override's setting and its reason, in the words of an entry.
REASON_AFTER = ": "
# Days near the ends of the calendar have no midnight in every time zone.
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)


def entries_about(account_id: int, operator_id: int) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(Q(subject_id=operator_id) | Q(actor_id=operator_id), account=account_id)


def own_entries(account_id: int, operator_id: int) -> QuerySet[AuditEntry]:
    """What one has done to others, perhaps as an administrator once, is theirs to read."""
    return AuditEntry.objects.filter(subject_id=operator_id, account=account_id)


def hide_what_is_others(operator_id: int, entries: list[AuditEntry]) -> None:
    """Take out of entries about an operator what that operator may not read of others.

    Of whoever else acted that is the network address, and the reasons, which administrators write for each
    other. The address of a stranger who tried the operator's own login stays.
    """
    for entry in entries:
        if entry.actor_id == operator_id:
            continue
        if entry.actor_name:
            entry.address = None
        if entry.action in ONLY_A_REASON:
            entry.new = ""
        if entry.action == Action.OVERRIDE:
            entry.old, entry.new = without_reason(entry.old), without_reason(entry.new)


class DayField(forms.DateField):
    def __init__(self, label: "_StrPromise") -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        validators = [MinValueValidator(EARLIEST), MaxValueValidator(LATEST)]
        super().__init__(label=label, required=False, widget=widget, validators=validators)


class AuditFilters(ListFilters[AuditEntry]):
    search = SearchField(_("Search person"))
    action = FilterField(
        _("Action"),
        [("", _("Any action")), *Action.choices],
        error_messages={"invalid_choice": _("There is no such action. Choose one from the list.")},
    )
    date_from = DayField(_("From"))
    date_to = DayField(_("To"))

    def by_search(self, rows: QuerySet[AuditEntry], text: str) -> QuerySet[AuditEntry]:
        return rows.filter(contains(text, "people_key"))

    def by_action(self, rows: QuerySet[AuditEntry], action: str) -> QuerySet[AuditEntry]:
        return rows.filter(action=action)

    def by_date_from(self, rows: QuerySet[AuditEntry], day: date) -> QuerySet[AuditEntry]:
        return rows.filter(at__gte=_midnight(day))

    def by_date_to(self, rows: QuerySet[AuditEntry], day: date) -> QuerySet[AuditEntry]:
        return rows.filter(at__lt=_midnight(day + timedelta(days=1)))


def without_reason(words: str) -> str:
    return words.partition(REASON_AFTER)[0]


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Some entries, newest first; the pages beside it begin at `newer` and `older`, where there are any."""

    entries: list[AuditEntry]
    newer: int | None = None
    older: int | None = None


def page_of(entries: QuerySet[AuditEntry], query: Mapping[str, str]) -> EntryPage:
    """Nothing is counted and nothing skipped: the last page of a long trail is as quick as the first."""
    before, after = row_key(query.get("before", "")), row_key(query.get("after", ""))
    if after is not None:
        rows = list(entries.filter(pk__gt=after).order_by("pk")[: PAGE_SIZE + 1])
        if len(rows) > PAGE_SIZE:
            rows = rows[PAGE_SIZE - 1 :: -1]
            return EntryPage(rows, newer=rows[0].pk, older=rows[-1].pk)
    elif before is not None:
        rows = list(entries.filter(pk__lt=before)[: PAGE_SIZE + 1])
        if rows:
            return EntryPage(rows[:PAGE_SIZE], newer=rows[0].pk, older=_next(rows))
    rows = list(entries[: PAGE_SIZE + 1])
    return EntryPage(rows[:PAGE_SIZE], older=_next(rows))


def _next(rows: list[AuditEntry]) -> int | None:
    return rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None
