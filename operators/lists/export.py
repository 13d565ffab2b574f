"""Every operator's two-factor status as a table: what an auditor asks for, in plain words.

The rules are asked once for each kind of operators who are alike to them, not for each operator.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Count, Max, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import POLICY_LABELS, Account, Action, AuditEntry
from accounts.policy import Policy, Source
from accounts.spreadsheet import BATCH, Column, in_zone
from operators.models import Operator
from operators.status.explanation import explain_without_address, with_address
from operators.status.labels import STATUS_LABELS, group_labels
from twofactor import recovery
from twofactor.code_limits import FAILURES_THAT_LOCK
from twofactor.models import Authenticator

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

TITLE = gettext_lazy("Status of operators")
NO_RESET: tuple[int, datetime | None] = (0, None)
# Kinds and lists of groups that are remembered at most; of both there are few, however many operators.
REMEMBERED = 1000
SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_SOURCES: dict[Source, "_StrPromise"] = {
    Source.ACCOUNT: gettext_lazy("Account"),
    Source.OVERRIDE: gettext_lazy("Override"),
    Source.ACCOUNT_DISABLED: gettext_lazy("Disabled for the whole account"),
    Source.SINGLE_SIGN_ON: gettext_lazy("Single sign-on"),
}
_FIELDS = """
pk name email sub_account__name is_active joined_at frozen_at last_login sign_in_method code_failures
last_code_at authenticator__confirmed_at authenticator__recovery_hashes
two_factor_override override_reason override_by override_at override_until group_names live_links
""".split()  # noqa: SIM905  a list of words reads better as a text


class Kind(NamedTuple):
    """What the rules ask of an operator, as fields of one; as little as possible, so that many are alike."""

    joined_at: datetime | None
    is_active: bool
    frozen_at: datetime | None
    sign_in_method: str
    code_failures: int
    two_factor_override: str
    override_until: datetime | None


class Words(NamedTuple):
    is_enrolled: bool
    set_up: str
    status: str
    policy: str
    source: str
    exception: str
    override: str
    explanation: str


class Line(NamedTuple):
    row: Any
    words: Words
    groups: str
    is_administrator: bool
    resets: int
    last_reset: datetime | None


def columns() -> tuple[Column[Line], ...]:
    yes, no = _("Yes"), _("No")
    return (
        Column("name", _("Name"), lambda line: line.row.name),
        Column("email", _("Email"), lambda line: line.row.email),
        Column("groups", _("Groups"), lambda line: line.groups),
        Column("sub_account", _("Sub account"), lambda line: line.row.sub_account__name),
        Column("administrator", _("Administrator"), lambda line: yes if line.is_administrator else no),
        Column("status", _("Status"), lambda line: line.words.status),
        Column("policy", _("Policy"), lambda line: line.words.policy),
        Column("source", _("Source"), lambda line: line.words.source),
        Column("set_up", _("Set up"), lambda line: line.words.set_up),
        Column("set_up_since", in_zone(_("Set up since")), lambda line: line.row.authenticator__confirmed_at),
        Column(
            "last_code",
            in_zone(_("Last code")),
            lambda line: line.row.last_code_at if line.words.is_enrolled else None,
        ),
        Column("recovery_codes_left", _("Recovery codes left"), _recovery_codes_left),
        Column("exception", _("Exception"), lambda line: line.words.exception),
        Column("override", _("Override"), lambda line: line.words.override),
        Column("override_reason", _("Override reason"), _if_overridden(lambda row: row.override_reason)),
        Column("override_set_by", _("Override set by"), _if_overridden(lambda row: row.override_by)),
        Column("override_set", in_zone(_("Override set")), _if_overridden(lambda row: row.override_at)),
        Column(
            "override_until", in_zone(_("Override until")), _if_overridden(lambda row: row.override_until)
        ),
        Column("last_login", in_zone(_("Last login")), lambda line: line.row.last_login),
        Column("resets", _("Resets"), lambda line: str(line.resets)),
        Column("last_reset", in_zone(_("Last reset")), lambda line: line.last_reset),
        Column(
            "explanation",
            _("Explanation"),
            lambda line: with_address(line.words.explanation, line.row.email),
        ),
    )


def _recovery_codes_left(line: Line) -> str:
    hashes = line.row.authenticator__recovery_hashes
    return str(recovery.number_of(hashes)) if line.words.is_enrolled else ""


def _if_overridden(value: Callable[[Any], str | datetime | None]) -> Callable[[Line], str | datetime | None]:
    # Also of one that has ended or has no effect.
    return lambda line: value(line.row) if line.row.two_factor_override else None


def lines(account: Account, operators: QuerySet[Operator]) -> Iterator[Line]:
    """Return these operators of the account in their order, read from the database as they are asked for.

    Only the keys are read in one go; each batch of them takes two queries. The words are those of the moment
    of this call, not of the reading.
    """
    return _lines(account, operators, translation.get_language())


def _lines(account: Account, operators: QuerySet[Operator], language: str | None) -> Iterator[Line]:
    words_of = lru_cache(REMEMBERED)(partial(_words, account))
    groups_of = lru_cache(REMEMBERED)(_groups)
    with closing(_keys(operators)) as keys:
        while batch := list(islice(keys, BATCH)):
            with translation.override(language):
                resets = _resets(account, batch)
                found = [
                    Line(
                        row,
                        words_of(_kind(row), row.authenticator__confirmed_at is not None, _links(row)),
                        *groups_of(tuple(map(tuple, row.group_names or ()))),
                        *resets.get(row.pk, NO_RESET),
                    )
                    for row in _rows(batch)
                ]
            yield from found


def _keys(operators: QuerySet[Operator]) -> Generator[int, None, None]:
    """Return the keys in their order, from a cursor of PostgreSQL that stays open meanwhile.

    Whoever stops early has to close it, also after an error. If the collector of cycles did it, in the middle
    of a statement of the same connection, psycopg would wait for the end of that statement for ever.
    """
    yield from operators.values_list("pk", flat=True).iterator(chunk_size=BATCH)


def _rows(keys: list[int]) -> list[Any]:
    operators = Operator.objects.with_relations().with_links().filter(pk__in=keys)
    found = {row.pk: row for row in operators.values_list(*_FIELDS, named=True)}
    return [found[key] for key in keys if key in found]


def _resets(account: Account, keys: list[int]) -> dict[int, tuple[int, datetime | None]]:
    entries = AuditEntry.objects.filter(account=account, subject_id__in=keys, action=Action.TWO_FACTOR_RESET)
    found = entries.order_by().values_list("subject_id").annotate(Count("pk"), Max("at"))
    return {key: (number, last) for key, number, last in found}


def _links(row: Any) -> tuple[str, ...]:
    return tuple(purpose for purpose, _email, _at in row.live_links or ())


def _groups(names: tuple[tuple[str, str], ...]) -> tuple[str, bool]:
    member = Operator()
    member.group_names = list(map(list, names))
    return ", ".join(group_labels(member)), member.is_administrator


def _kind(row: Any) -> Kind:
    return Kind(
        # Of these it is enough that there is one.
        joined_at=row.joined_at and SOME_TIME,
        frozen_at=row.frozen_at and SOME_TIME,
        is_active=row.is_active,
        sign_in_method=row.sign_in_method,
        code_failures=FAILURES_THAT_LOCK if row.code_failures >= FAILURES_THAT_LOCK else 0,
        two_factor_override=row.two_factor_override,
        override_until=row.override_until,
    )


def _words(account: Account, kind: Kind, enrolled: bool, links: tuple[str, ...]) -> Words:  # noqa: FBT001
    one = Operator(account=account, **kind._asdict())
    one.live_links = [[purpose, None, None] for purpose in links]
    if enrolled:
        Authenticator(user=one)
    effective, stored = one.effective, one.two_factor_override
    return Words(
        is_enrolled=enrolled,
        set_up=_("Yes") if enrolled else _("No"),
        status=str(STATUS_LABELS[one.status]),
        policy=str(POLICY_LABELS[effective.policy]) if effective.policy else _("Does not apply"),
        source=str(_SOURCES[effective.source]),
        exception=_("Yes") if one.is_exception else _("No"),
        override=str(POLICY_LABELS.get(stored, POLICY_LABELS[Policy.REQUIRED])) if stored else "",
        explanation=explain_without_address(one).sentence,
    )
