"""Operators: one row for each person, with what a sign-in and the pages ask of it."""

import secrets
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password, make_password
from django.db import models
from django.db.models import Exists, Expression, Func, JSONField, OuterRef, Q, Subquery, Value
from django.db.models.functions import JSONArray, Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.addresses import normalize_email
from accounts.compiled import CompiledQuery, Parameter
from accounts.days import last_day
from accounts.models import POLICY_CHOICES, TEXT_LENGTH, Account
from accounts.policy import Effective, Override, effective_policy, is_exception
from accounts.search_keys import KeyedModel, KeyedQuerySet, SearchKey
from accounts.text import isolated, sorted_alike
from invitations.models import Link
from operators.models.group import Group, Membership, SubAccount
from operators.models.session import Session
from operators.rules.status import Facts, Status, status_of
from twofactor.code_limits import FAILURES_THAT_LOCK
from twofactor.models import TwoFactorUser

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler


class JSONList(Func):
    """All rows of a subquery as one JSON list. Django need not know that it is an aggregate: no GROUP BY."""

    function = "JSON_GROUP_ARRAY"
    output_field = JSONField()

    def as_postgresql(  # pragma: no cover  the suite runs on PostgreSQL too
        self, compiler: "SQLCompiler", connection: "BaseDatabaseWrapper", **context: Any
    ) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_AGG", **context)


def _live_links(now: "datetime | Parameter", operator: str = "") -> models.QuerySet[Link]:
    """Return the links that work, of the operator in the query around (`user__`: of that of a session)."""
    return Link.objects.filter(
        user=OuterRef(f"{operator}pk"),
        nonce=OuterRef(f"{operator}session_nonce"),
        spent_at=None,
        expires_at__gt=now,
    )


def _found_links(now: "datetime | Parameter", operator: str = "") -> Subquery:
    """Return the links that work as one value: [[purpose, address, when sent], …]."""
    links = _live_links(now, operator)
    return Subquery(links.values(found=JSONList(JSONArray("purpose", "email", "sent_at"))))


def _group_names(operator: str = "") -> Subquery:
    """Return the groups with a row of membership as one value: [[kind, name], …]."""
    groups = Membership.objects.filter(operator=OuterRef(f"{operator}pk"))
    return Subquery(groups.values(names=JSONList(JSONArray("group__kind", "group__name"))))


def forms_of_address(typed: str) -> tuple[str, str]:
    """Return the text as typed, and the one form of it.

    An address from before addresses had one form may stand as it was, where somebody else had that form
    already: then the one goes by the text as typed, the other by the form.
    """
    return typed.strip().lower(), normalize_email(typed)


def whose_address(found: "Iterable[Operator]", forms: tuple[str, str]) -> "Operator | None":
    """Return who has the first of these forms, or else the second."""
    same = [one for one in found if one.email in forms]
    return min(same, key=lambda one: one.email != forms[0], default=None)


class OperatorQuerySet(KeyedQuerySet["Operator"]):
    """Operators, with what almost every page needs of them."""

    def with_email(self, typed: str) -> "Operator | None":
        """Return whose address it is, however it is typed."""
        forms = forms_of_address(typed)
        return whose_address(self.addressed(*map(Value, forms)), forms)

    def addressed(self, *addresses: Expression) -> Self:
        """Return who has one of these addresses in any case: the unique index is over small letters."""
        return self.alias(lower=Lower("email")).filter(lower__in=[Lower(each) for each in addresses])

    def complete(self) -> Self:
        """Add account, sub account, authenticator and groups, all in the one query."""
        return self.select_related("account").with_relations()

    def with_relations(self) -> Self:
        """Add all that but the account, which the operators of `account.operators` have and share."""
        return self.select_related("sub_account", "authenticator").annotate(group_names=_group_names())

    def with_links(self) -> Self:
        """Add the links that still work, or will once their email has left."""
        return self.annotate(live_links=_found_links(timezone.now()))

    def invited(self, *, live: bool) -> Self:
        """Who has not joined, and has a link to accept the invitation with, or has none any more."""
        found = Exists(_live_links(timezone.now()).filter(purpose=Link.Purpose.INVITATION))
        return self.filter(found if live else ~found, joined_at=None)

    def administrators(self) -> Self:
        return self.filter(
            pk__in=Membership.objects.filter(group__kind=Group.Kind.ADMINISTRATORS).values("operator")
        )

    def with_a_password(self) -> Self:
        """Whose way in is a password, perhaps only once the sign-in is freed: joined and active."""
        return self.filter(
            is_active=True, joined_at__isnull=False, sign_in_method=Operator.SignInMethod.PASSWORD
        )

    def with_a_way_in(self) -> Self:
        """Who can sign in today: by password, as no identity provider is set up."""
        return self.with_a_password().filter(frozen_at=None)


# What Facts are read from, beside the authenticator.
STATUS_COLUMNS = (
    "joined_at",
    "is_active",
    "frozen_at",
    "sign_in_method",
    "two_factor_override",
    "override_until",
    "code_failures",
)


class OperatorManager(models.Manager.from_queryset(OperatorQuerySet)):  # type: ignore[misc]
    """Finds operators; addresses are compared without regard to letter case."""

    def get_by_natural_key(self, email: str) -> "Operator":
        operator: Operator | None = self.all().with_email(email)
        if operator is None:
            raise Operator.DoesNotExist
        return operator


def new_nonce() -> str:
    """Return a session nonce: 128 random bits."""
    return secrets.token_hex(16)


class Operator(KeyedModel, TwoFactorUser, AbstractBaseUser):
    """A user of exactly one account.

    An invited operator has a row from the start, but neither a password nor `joined_at`, and is inactive.
    """

    class SignInMethod(models.TextChoices):
        PASSWORD = "password", pgettext_lazy("sign-in method", "Password")
        SINGLE_SIGN_ON = "single_sign_on", _("Single sign-on")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="operators")
    sub_account = models.ForeignKey(
        SubAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="operators"
    )
    email = models.EmailField(_("email"), max_length=TEXT_LENGTH)
    name = models.CharField(_("name"), max_length=TEXT_LENGTH)
    name_key = SearchKey(of=("name",))
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(null=True, blank=True)
    sign_in_method = models.CharField(
        max_length=20, choices=SignInMethod.choices, default=SignInMethod.PASSWORD
    )
    two_factor_override = models.CharField(max_length=10, choices=POLICY_CHOICES, blank=True)
    # Why, by whom and until when there is an override; it ends by itself then, without a change of the row.
    override_reason = models.CharField(max_length=TEXT_LENGTH, blank=True, editable=False)
    override_by = models.CharField(max_length=TEXT_LENGTH, blank=True, editable=False)
    override_at = models.DateTimeField(null=True, editable=False)
    override_until = models.DateTimeField(null=True, editable=False)
    # Of which end the operator has been told ahead; see operators.overrides.exception_ends.
    override_told_for = models.DateTimeField(null=True, editable=False)
    # When the operator was last asked by mail to set up; see operators.reminders.reminding.
    reminded_at = models.DateTimeField(null=True, editable=False)
    # Since when nobody can sign in, and when that ended the last time; see operators.signin.frozen.
    frozen_at = models.DateTimeField(null=True, editable=False)
    freed_at = models.DateTimeField(null=True, editable=False)
    # Part of every session's hash, waiting sign-in and emailed link: a new value ends them all.
    session_nonce = models.CharField(max_length=32, default=new_nonce, editable=False)

    objects = OperatorManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    # Filled by OperatorQuerySet.complete(): [[kind, name], …]
    group_names: list[list[str]] | None
    # Filled by OperatorQuerySet.with_links(): [[purpose, address, when sent], …]
    live_links: list[list[str | None]] | None
    # login() stores it in the session: by which of AUTHENTICATION_BACKENDS the operator is loaded again.
    backend = "operators.backends.PasswordBackend"

    if TYPE_CHECKING:
        account_id: int

    class Meta:
        constraints = (
            models.UniqueConstraint(Lower("email"), name="operator_email"),
            models.CheckConstraint(
                condition=Q(joined_at__isnull=False) | Q(is_active=False),
                name="invited_operators_are_inactive",
            ),
        )
        indexes = (
            # With all that a status depends on, so that the rows themselves are read for one page only.
            models.Index(fields=("account", "name_key", "id", *STATUS_COLUMNS), name="operator_by_name"),
            models.Index(fields=("account", "email", "id"), name="operator_by_email"),
            models.Index(fields=("account", "last_login", "id"), name="operator_by_last_login"),
            # See operators.postgres for those of PostgreSQL alone.
            models.Index(
                fields=("account", "override_until"),
                condition=~Q(two_factor_override=""),
                name="operator_by_override",
            ),
            # The two kinds of locked operators, which are few: found without a look at all others.
            models.Index(
                fields=("account", "frozen_at"), condition=Q(frozen_at__isnull=False), name="operator_frozen"
            ),
            models.Index(
                fields=("account", "code_failures"),
                condition=Q(code_failures__gte=FAILURES_THAT_LOCK),
                name="operator_guessed_at",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.email})" if self.name else self.email

    def clean(self) -> None:
        self.email = normalize_email(self.email)

    @property
    def is_administrator(self) -> bool:
        return any(kind == Group.Kind.ADMINISTRATORS for kind, _name in self._memberships())

    @property
    def group_labels(self) -> list[str]:
        """The names of all groups, Everyone included, system groups first."""
        system, own = self._labels()
        return [*system, str(Group.Kind.EVERYONE.label), *own]

    @property
    def groups_in_words(self) -> str:
        """All of them in one line, none of which turns its neighbors round."""
        return ", ".join(map(isolated, self.group_labels))

    @property
    def groups_in_short(self) -> str:
        """The same in one line without Everyone: every operator is in it."""
        system, own = self._labels()
        return ", ".join(map(isolated, [*system, *own])) or "—"

    def _labels(self) -> tuple[list[str], list[str]]:
        """Return the names of the system groups and of the own ones, each list in its order."""
        named = self._memberships()
        system = [Group.label_of(kind, name) for kind, name in named if kind != Group.Kind.OWN]
        return system, sorted((name for kind, name in named if kind == Group.Kind.OWN), key=sorted_alike)

    def _memberships(self) -> list[list[str]]:
        """Return [kind, name] of each group with a row of membership."""
        if "group_names" not in self.__dict__:
            self.group_names = [list(row) for row in self.groups.values_list("kind", "name")]
        return self.group_names or []

    @property
    def effective(self) -> Effective:
        return effective_policy(
            self.account.rule,
            self.override,
            single_sign_on=self.is_single_sign_on,
            now=timezone.now(),
        )

    @property
    def facts(self) -> Facts:
        return Facts(
            invited=self.is_invited,
            active=self.is_active,
            frozen=self.frozen_at is not None,
            single_sign_on=self.is_single_sign_on,
            enrolled=self.is_enrolled,
            locked=self.is_locked,
            override=self.override,
        )

    @property
    def override(self) -> Override:
        """The operator's own policy and its end."""
        return Override(self.two_factor_override, self.override_until)

    @property
    def override_in_force(self) -> bool:
        """Whether there is an override that has not ended."""
        return bool(self.override.at(timezone.now()))

    @property
    def override_last_day(self) -> date | None:
        """The last day on which the override counts, by the server's clock; None where it has no end."""
        return last_day(self.override_until) if self.override_until else None

    @property
    def is_exception(self) -> bool:
        """Whether an override asks less of this operator than the account asks of others."""
        rule = self.account.rule
        return is_exception(rule, self.override, timezone.now(), single_sign_on=self.is_single_sign_on)

    @property
    def is_single_sign_on(self) -> bool:
        return self.sign_in_method == self.SignInMethod.SINGLE_SIGN_ON

    @property
    def is_invited(self) -> bool:
        """Whether the invitation has not been accepted yet."""
        return self.joined_at is None

    @property
    def last_login_label(self) -> str:
        """The Last login column: when, in the reader's time zone, or how far the invitation has come."""
        if self.is_invited:
            return str(_("Invited") if self.has_live_invitation else _("Invitation expired"))
        if self.last_login is None:
            return str(pgettext_lazy("last login", "None"))
        here = timezone.localtime(self.last_login)
        if here.date() == timezone.localdate():
            return str(_("Today, %(time)s")) % {"time": date_format(here, "TIME_FORMAT")}
        return date_format(here, "DATETIME_FORMAT")

    @property
    def has_live_invitation(self) -> bool:
        """Whether the invitation can still be accepted."""
        return self._has_live(Link.Purpose.INVITATION)

    @property
    def has_live_setup_link(self) -> bool:
        """Whether a setup link is out that can still be used."""
        return self._has_live(Link.Purpose.SETUP)

    @property
    def new_email(self) -> str | None:
        """The address that waits for its confirmation, from when the email to it has been sent."""
        sent = (email for purpose, email, at in self._links() if purpose == Link.Purpose.EMAIL and at)
        return next(sent, None)

    def _has_live(self, wanted: Link.Purpose) -> bool:
        return any(purpose == wanted for purpose, _email, _at in self._links())

    def _links(self) -> list[list[str | None]]:
        """Return the links that the query has found; without one that asked, ask now."""
        if "live_links" not in self.__dict__:
            found = Operator.objects.filter(pk=self.pk).with_links()
            self.live_links = found.values_list("live_links", flat=True).get()
        return self.live_links or []

    @property
    def status(self) -> Status:
        """The two-factor status as the operators list shows it."""
        return status_of(self.facts, self.effective)

    @property
    def initials(self) -> str:
        """One or two letters that stand for the operator where there is no room for the name."""
        words = (self.name or self.email).split()
        return "".join(word[0] for word in [*words[:1], *words[1:][-1:]]).upper()

    def get_absolute_url(self) -> str:
        return reverse("operators:detail", args=[self.pk])

    def landing_url(self) -> str:
        """Return where a sign-in ends that was not on its way anywhere: administrators see the list."""
        return reverse("operators:list") if self.is_administrator else self.get_absolute_url()

    def renew_session_nonce(self, *with_fields: str, keep: str | None = None) -> None:
        """End the operator's sessions, waiting sign-ins and unspent links; save other fields with it.

        `keep` is the key of the session in which it happens; the caller gives that one the new hash.
        """
        self._renew_nonce(self._row(), with_fields, keep)

    def renew_nonce_as_read(self, *with_fields: str, keep: str | None = None) -> bool:
        """Do the same as long as the sign-in is as it was read; false, and nothing stored, where it is not.

        For acts of the operator: a freeze, a new password or "End sessions" that came meanwhile has ended
        what they act from. The conditions stand in the row itself: see `accept_step`.
        """
        return self._renew_nonce(self.row_as_read(), with_fields, keep)

    def row_as_read(self) -> "OperatorQuerySet":
        """Return the stored row while nothing has ended what was opened for the operator as read here."""
        row: OperatorQuerySet = Operator.objects.filter(
            pk=self.pk, session_nonce=self.session_nonce, is_active=self.is_active, frozen_at=self.frozen_at
        )
        return row

    def _renew_nonce(
        self, row: "models.QuerySet[Operator]", fields: tuple[str, ...], keep: str | None
    ) -> bool:
        """Give that row, if it is there, a new nonce and what these fields hold here; end the sessions."""
        nonce = new_nonce()
        if not row.update(session_nonce=nonce, **{field: getattr(self, field) for field in fields}):
            return False
        self.session_nonce = nonce
        self.delete_sessions(keep)
        return True

    def delete_sessions(self, keep: str | None = None) -> int:
        """Delete the rows of the operator's sessions but that one; return how many there were."""
        mine = Session.objects.filter(user=self.pk)
        deleted, _each = (mine.exclude(session_key=keep) if keep else mine).delete()
        return deleted

    def administrators_to_tell(self) -> "OperatorQuerySet":
        """Return the other administrators of the account who can sign in."""
        others = Operator.objects.filter(account=self.account_id).exclude(pk=self.pk)
        found: OperatorQuerySet = others.administrators().with_a_way_in()
        return found

    def join(self, name: str, password_hash: str, now: datetime) -> bool:
        """Make an invited operator a full one; false where the invitation that was read has ended."""
        given = {"name": name, "password": password_hash, "is_active": True, "joined_at": now}
        if not self.row_as_read().filter(joined_at=None).update(**given):
            return False
        for field, value in given.items():
            setattr(self, field, value)
        return True

    def check_password(self, raw_password: str | None) -> bool:
        """Compare, and bring an old hash up to date, as Django does, but in the place of that hash only.

        Django's own would write the password that was typed over a new one that was stored meanwhile.
        """

        def bring_up_to_date(password: str) -> None:
            new = make_password(password)
            if self._row().filter(password=self.password).update(password=new):
                self.password = new

        return check_password(raw_password, self.password, bring_up_to_date)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return what every session of this operator must carry; Django compares it at each request."""
        value = f"{self.session_nonce}{self.password}"
        return salted_hmac("operators.session", value, secret=secret, algorithm="sha256").hexdigest()


def _sessions_with_person() -> models.QuerySet[Session]:
    """Return the session of a key that has not expired, with all that pages read of its operator."""
    now = Parameter("now", models.DateTimeField())
    return (
        Session.objects.select_related("user__account", "user__authenticator")
        .annotate(group_names=_group_names("user__"), live_links=_found_links(now, "user__"))
        .defer("answer")  # up to 100,000 characters, for `Session.kept` alone
        .filter(session_key=Parameter("key", models.CharField()), expire_date__gt=now)
    )


_session_with_person = CompiledQuery(_sessions_with_person)


def session_with_person(key: str) -> Session | None:
    """Return a session that has not expired, with its operator, their account, groups and links.

    All in one query: every request begins with it.
    """
    session: Any = _session_with_person.first(key=key, now=timezone.now())
    if session is not None and session.user is not None:
        session.user.group_names, session.user.live_links = session.group_names, session.live_links
    return session  # type: ignore[no-any-return]
