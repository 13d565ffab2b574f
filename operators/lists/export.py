"""Every operator's two-factor status as a table: what an auditor asks for, in plain words."""

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import datetime, tzinfo
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from django.db.models import Count, Max, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import POLICY_LABELS, Action, AuditEntry
from accounts.policy import Policy, Source
from accounts.spreadsheet import in_zone
from operators.models import Operator
from operators.status.explanation import explain
from operators.status.labels import STATUS_LABELS
from twofactor.models import Authenticator

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

BATCH = 500  # operators that are in memory at once

Resets: TypeAlias = tuple[int, datetime | None]
NO_RESET: Resets = (0, None)
_SOURCES: dict[Source, "_StrPromise"] = {
    Source.ACCOUNT: gettext_lazy("Account"),
    Source.OVERRIDE: gettext_lazy("Override"),
    Source.ACCOUNT_DISABLED: gettext_lazy("Disabled for the whole account"),
    Source.SINGLE_SIGN_ON: gettext_lazy("Single sign-on"),
}


# The columns, for scripts: these names stay, in whichever language the titles are.
KEYS = (
    "name",
    "email",
    "groups",
    "sub_account",
    "administrator",
    "status",
    "policy",
    "source",
    "set_up",
    "set_up_since",
    "last_code",
    "recovery_codes_left",
    "exception",
    "override",
    "override_reason",
    "override_set_by",
    "override_set",
    "override_until",
    "last_login",
    "resets",
    "last_reset",
    "explanation",
)


def what() -> str:
    return _("Status of operators")


def header() -> list[str]:
    return [
        _("Name"),
        _("Email"),
        _("Groups"),
        _("Sub account"),
        _("Administrator"),
        _("Status"),
        _("Policy"),
        _("Source"),
        _("Set up"),
        in_zone(_("Set up since")),
        in_zone(_("Last code")),
        _("Recovery codes left"),
        _("Exception"),
        _("Override"),
        _("Override reason"),
        _("Override set by"),
        in_zone(_("Override set")),
        in_zone(_("Override until")),
        in_zone(_("Last login")),
        _("Resets"),
        in_zone(_("Last reset")),
        _("Explanation"),
    ]


def rows(operators: QuerySet[Operator]) -> Iterator[list[str]]:
    """Return one row for each operator, in their order, read from the database as they are asked for.

    Only the keys are read in one go; each batch of them takes two queries. Time zone and words are those
    of the moment of this call, not of the reading.
    """
    return _rows(operators, timezone.get_current_timezone(), translation.get_language())


def _rows(operators: QuerySet[Operator], zone: tzinfo, language: str | None) -> Iterator[list[str]]:
    """Return the rows; zone and language are never left behind for whoever reads them."""
    with closing(_keys(operators)) as keys:
        while batch := list(islice(keys, BATCH)):
            with timezone.override(zone), translation.override(language):
                found = _batch(batch)
            yield from found


def _keys(operators: QuerySet[Operator]) -> Generator[int, None, None]:
    """Return the keys in their order, from a cursor of PostgreSQL that stays open meanwhile.

    Whoever stops early has to close it, also after an error. If the collector of cycles did it, in the middle
    of a statement of the same connection, psycopg would wait for the end of that statement for ever.
    """
    yield from operators.values_list("pk", flat=True).iterator(chunk_size=BATCH)


def _batch(keys: list[int]) -> list[list[str]]:
    """Return the rows of these operators, without those who have been deleted meanwhile."""
    complete = Operator.objects.complete().with_links()
    operators = complete.in_bulk(keys)
    resets = _resets(operators)
    found = [_row(operators[key], resets.get(key, NO_RESET)) for key in keys if key in operators]
    for operator in operators.values():
        _take_apart(operator)
    return found


def _take_apart(operator: Operator) -> None:
    """Let an authenticator forget its operator: while both know each other, only the collector frees them."""
    if operator.is_enrolled:
        Authenticator.user.field.delete_cached_value(operator.authenticator)


def _resets(operators: dict[int, Operator]) -> dict[int, Resets]:
    """Return how often the trail tells of a reset, and of the last one when."""
    accounts = {operator.account_id for operator in operators.values()}
    entries = AuditEntry.objects.filter(
        account__in=accounts, subject_id__in=operators, action=Action.TWO_FACTOR_RESET
    )
    found = entries.order_by().values_list("subject_id").annotate(Count("pk"), Max("at"))
    return {key: (number, last) for key, number, last in found}


def _row(operator: Operator, resets: Resets) -> list[str]:
    number, last = resets
    return [
        operator.name,
        operator.email,
        ", ".join(operator.group_labels),
        operator.sub_account.name if operator.sub_account else "",
        _yes(operator.is_administrator),
        str(STATUS_LABELS[operator.status]),
        *_policy(operator),
        *_authenticator(operator),
        *_override(operator),
        _time(operator.last_login),
        str(number),
        _time(last),
        explain(operator).sentence,
    ]


def _policy(operator: Operator) -> list[str]:
    """Return the policy in force and where it comes from."""
    effective = operator.effective
    policy = str(POLICY_LABELS[effective.policy]) if effective.policy else _("Does not apply")
    return [policy, str(_SOURCES[effective.source])]


def _authenticator(operator: Operator) -> list[str]:
    """Return whether there is one, since when, when it was last used, how many recovery codes are left."""
    if not operator.is_enrolled:
        return [_yes(answer=False), "", "", ""]
    own = operator.authenticator
    return [
        _yes(answer=True),
        _time(own.confirmed_at),
        _time(operator.last_code_at),
        str(own.recovery_codes_left),
    ]


def _override(operator: Operator) -> list[str]:
    """Return whether it is an exception, and the stored override, be it ended or without effect."""
    exception = _yes(operator.facts.is_exception(operator.account.rule, timezone.now()))
    stored = operator.two_factor_override
    if not stored:
        return [exception, "", "", "", "", ""]
    return [
        exception,
        str(POLICY_LABELS.get(stored, POLICY_LABELS[Policy.REQUIRED])),
        operator.override_reason,
        operator.override_by,
        _time(operator.override_at),
        _time(operator.override_until),
    ]


def _yes(answer: bool) -> str:  # noqa: FBT001  it says the value itself
    """Return yes or no."""
    return _("Yes") if answer else _("No")


def _time(at: datetime | None) -> str:
    """Return a moment in the reader's time zone, with its offset; "" for none."""
    return timezone.localtime(at).isoformat(timespec="seconds") if at else ""
