"""Operators, the users of an account: one row a person."""

import secrets
from collections.abc import Iterable
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password, make_password
from django.db import models
from django.db.models import Exists, Expression, Func, JSONField, OuterRef, Q, Subquery, Value
from django.db.models.functions import JSONArray, Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.addresses import normalize_email
from accounts.compiled import CompiledQuery, Parameter
from accounts.days import last_day
from accounts.models import POLICY_CHOICES, TEXT_LENGTH, Account
from accounts.policy import Effective, Override, effective_policy, is_exception
from accounts.search_keys import KeyedModel, KeyedQuerySet, SearchKey
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
    """All rows of a subquery as one JSON list; not an Aggregate, or Django would add a GROUP BY."""

    function = "JSON_GROUP_ARRAY"
    output_field = JSONField()

    def as_postgresql(  # pragma: no cover  the suite runs on PostgreSQL too
        self, compiler: "SQLCompiler", connection: "BaseDatabaseWrapper", **context: Any
    ) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_AGG", **context)


def _live_links(now: "datetime | Parameter", operator: str = "") -> models.QuerySet[Link]:
    """Links that work, of the outer query's operator (with `user__`: of its session's operator)."""
    return Link.objects.filter(
        user=OuterRef(f"{operator}pk"),
        nonce=OuterRef(f"{operator}session_nonce"),
        spent_at=None,
        expires_at__gt=now,
    )


def _found_links(now: "datetime | Parameter", operator: str = "") -> Subquery:
    """Select the links that work as one value: [[purpose, address, when sent], …]."""
    links = _live_links(now, operator)
    return Subquery(links.values(found=JSONList(JSONArray("purpose", "email", "sent_at"))))


def _group_names(operator: str = "") -> Subquery:
    """Select the groups as one value, without Everyone: [[kind, name], …]."""
    groups = Membership.objects.filter(operator=OuterRef(f"{operator}pk"))
    return Subquery(groups.values(names=JSONList(JSONArray("group__kind", "group__name"))))


def forms_of_address(typed: str) -> tuple[str, str]:
    """Return the address as typed and its normalized form.

    An address stored before addresses were normalized was left alone where somebody else had its normal form
    already. Those two operators are told apart by this order.
    """
    return typed.strip().lower(), normalize_email(typed)


def whose_address(operators: "Iterable[Operator]", forms: tuple[str, str]) -> "Operator | None":
    """Prefer whoever has the first form to whoever has the second."""
    candidates = [operator for operator in operators if operator.email in forms]
    return min(candidates, key=lambda operator: operator.email != forms[0], default=None)


class OperatorQuerySet(KeyedQuerySet["Operator"]):
    def with_email(self, typed: str) -> "Operator | None":
        forms = forms_of_address(typed)
        return whose_address(self.addressed(*map(Value, forms)), forms)

    def addressed(self, *addresses: Expression) -> Self:
        """Compare in lower case, which is what the unique index holds."""
        return self.alias(lower=Lower("email")).filter(lower__in=[Lower(address) for address in addresses])

    def complete(self) -> Self:
        return self.select_related("account").with_relations()

    def with_relations(self) -> Self:
        """As `complete`, without the account: the operators of `account.operators` share that already."""
        return self.select_related("sub_account", "authenticator").annotate(group_names=_group_names())

    def with_links(self, now: "Parameter | None" = None) -> Self:
        """Add the links that work, or will once their email has left."""
        return self.annotate(live_links=_found_links(now or timezone.now()))

    def invited(self, *, live: bool) -> Self:
        """Those who have not joined, with a link that still works (`live`) or without one."""
        has_link = Exists(_live_links(timezone.now()).filter(purpose=Link.Purpose.INVITATION))
        return self.filter(has_link if live else ~has_link, joined_at=None)

    def administrators(self) -> Self:
        return self.filter(
            pk__in=Membership.objects.filter(group__kind=Group.Kind.ADMINISTRATORS).values("operator")
        )

    def with_a_password(self) -> Self:
        """Those who log in by password, frozen or not."""
        return self.filter(
            is_active=True, joined_at__isnull=False, sign_in_method=Operator.SignInMethod.PASSWORD
        )

    def with_a_way_in(self) -> Self:
        """Those who can log in today: by password, as no identity provider is set up."""
        return self.with_a_password().filter(frozen_at=None)


# The columns behind Facts; the authenticator has a table of its own.
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
    def get_by_natural_key(self, email: str) -> "Operator":
        operator: Operator | None = self.all().with_email(email)
        if operator is None:
            raise Operator.DoesNotExist
        return operator


def new_nonce() -> str:
    """128 random bits."""
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
    # Why, by whom and until when there is an override. It ends by itself, without a change of the row.
    override_reason = models.CharField(max_length=TEXT_LENGTH, blank=True, editable=False)
    override_by = models.CharField(max_length=TEXT_LENGTH, blank=True, editable=False)
    override_at = models.DateTimeField(null=True, editable=False)
    override_until = models.DateTimeField(null=True, editable=False)
    # The end of an exception that the operator was warned of; see operators.overrides.exception_ends.
    override_told_for = models.DateTimeField(null=True, editable=False)
    # When the operator was last reminded by email to set it up; see operators.reminders.reminding.
    reminded_at = models.DateTimeField(null=True, editable=False)
    # Since when nobody can log in, and when that last ended; see operators.signin.frozen.
    frozen_at = models.DateTimeField(null=True, editable=False)
    freed_at = models.DateTimeField(null=True, editable=False)
    # Part of every session's hash, waiting login and emailed link: a new value ends them all.
    session_nonce = models.CharField(max_length=32, default=new_nonce, editable=False)

    objects = OperatorManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    # login() stores it in the session, to load the operator by it again.
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
            # Holds all that a status depends on, so that only the rows of the page shown are read themselves.
            models.Index(fields=("account", "name_key", "id", *STATUS_COLUMNS), name="operator_by_name"),
            models.Index(fields=("account", "email", "id"), name="operator_by_email"),
            models.Index(fields=("account", "last_login", "id"), name="operator_by_last_login"),
            # See operators.postgres for those of PostgreSQL alone.
            models.Index(
                fields=("account", "override_until"),
                condition=~Q(two_factor_override=""),
                name="operator_by_override",
            ),
            # The two kinds of locked operators, who are few: found without reading all others.
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
        return any(kind == Group.Kind.ADMINISTRATORS for kind, _name in self.group_names or ())

    @cached_property
    def group_names(self) -> list[list[str]] | None:
        """[kind, name] of each group with a row of membership; with_relations() brings them."""
        return [list(row) for row in self.groups.values_list("kind", "name")]

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
        return Override(self.two_factor_override, self.override_until)

    @property
    def override_in_force(self) -> bool:
        return bool(self.override.at(timezone.now()))

    @property
    def override_last_day(self) -> date | None:
        """The last day of the override in the server's time zone; None where it has no end."""
        return last_day(self.override_until) if self.override_until else None

    @property
    def is_exception(self) -> bool:
        rule = self.account.rule
        return is_exception(rule, self.override, timezone.now(), single_sign_on=self.is_single_sign_on)

    @property
    def is_single_sign_on(self) -> bool:
        return self.sign_in_method == self.SignInMethod.SINGLE_SIGN_ON

    @property
    def is_invited(self) -> bool:
        return self.joined_at is None

    @property
    def has_live_invitation(self) -> bool:
        return self._has_live(Link.Purpose.INVITATION)

    @property
    def has_live_setup_link(self) -> bool:
        return self._has_live(Link.Purpose.SETUP)

    @property
    def new_email(self) -> str | None:
        """The address waiting to be confirmed, once the email to it has left."""
        sent = (email for purpose, email, at in self.live_links or () if purpose == Link.Purpose.EMAIL and at)
        return next(sent, None)

    def _has_live(self, wanted: Link.Purpose) -> bool:
        return any(purpose == wanted for purpose, _email, _at in self.live_links or ())

    @cached_property
    def live_links(self) -> list[list[str | None]] | None:
        """[purpose, address, when sent] of each link that works; with_links() brings them."""
        row = Operator.objects.filter(pk=self.pk).with_links()
        return row.values_list("live_links", flat=True).get()  # type: ignore[no-any-return]

    @property
    def status(self) -> Status:
        return status_of(self.facts, self.effective)

    def get_absolute_url(self) -> str:
        return reverse("operators:detail", args=[self.pk])

    def landing_url(self) -> str:
        """Where a login leads that began at no other page."""
        return reverse("operators:list") if self.is_administrator else self.get_absolute_url()

    def renew_session_nonce(self, *with_fields: str, keep: str | None = None) -> None:
        """End the operator's sessions, waiting logins and unspent links, and save these fields with it.

        `keep` is the key of the session it happens in; the caller must give that one the new hash.
        """
        self._renew_nonce(self._row(), with_fields, keep)

    def renew_nonce_as_read(self, *with_fields: str, keep: str | None = None) -> bool:
        """Do the same in an act of the operator; false, and nothing stored, if their session has ended.

        A freeze, a new password or "End sessions" may come in between. The conditions are on the row itself:
        see `accept_step`.
        """
        return self._renew_nonce(self.row_as_read(), with_fields, keep)

    def row_as_read(self) -> "OperatorQuerySet":
        """Match the stored row only while nothing has ended the operator's sessions since it was read."""
        row: OperatorQuerySet = Operator.objects.filter(
            pk=self.pk, session_nonce=self.session_nonce, is_active=self.is_active, frozen_at=self.frozen_at
        )
        return row

    def _renew_nonce(
        self, row: "models.QuerySet[Operator]", fields: tuple[str, ...], keep: str | None
    ) -> bool:
        """Return False if the row is not there; nothing is ended then."""
        nonce = new_nonce()
        if not row.update(session_nonce=nonce, **{field: getattr(self, field) for field in fields}):
            return False
        self.session_nonce = nonce
        self.delete_sessions(keep)
        return True

    def delete_sessions(self, keep: str | None = None) -> int:
        """Delete all sessions but `keep`; return how many there were."""
        sessions = Session.objects.filter(user=self.pk)
        deleted, _each = (sessions.exclude(session_key=keep) if keep else sessions).delete()
        return deleted

    def administrators_to_tell(self) -> "OperatorQuerySet":
        others = Operator.objects.filter(account=self.account_id).exclude(pk=self.pk)
        administrators: OperatorQuerySet = others.administrators().with_a_way_in()
        return administrators

    def join(self, name: str, password_hash: str, now: datetime) -> bool:
        """Return False if the invitation has ended since it was read."""
        values = {"name": name, "password": password_hash, "is_active": True, "joined_at": now}
        if not self.row_as_read().filter(joined_at=None).update(**values):
            return False
        for field, value in values.items():
            setattr(self, field, value)
        return True

    def check_password(self, raw_password: str | None) -> bool:
        """Upgrade an old hash as Django does, but never overwrite a new password stored in between."""

        def upgrade_hash(password: str) -> None:
            new = make_password(password)
            if self._row().filter(password=self.password).update(password=new):
                self.password = new

        return check_password(raw_password, self.password, upgrade_hash)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Every session of this operator must carry it: Django compares at each request."""
        value = f"{self.session_nonce}{self.password}"
        return salted_hmac("operators.session", value, secret=secret, algorithm="sha256").hexdigest()


def _sessions_with_person() -> models.QuerySet[Session]:
    now = Parameter("now", models.DateTimeField())
    return (
        Session.objects.select_related("user__account", "user__authenticator")
        .annotate(group_names=_group_names("user__"), live_links=_found_links(now, "user__"))
        .defer("answer")  # up to 100,000 characters, for `Session.kept` alone
        .filter(session_key=Parameter("key", models.CharField()), expire_date__gt=now)
    )


_session_with_person = CompiledQuery(_sessions_with_person)


def session_with_person(key: str) -> Session | None:
    """Return an unexpired session with its operator, in one query: every request begins with it."""
    session: Any = _session_with_person.first(key=key, now=timezone.now())
    if session is not None and session.user is not None:
        session.user.group_names, session.user.live_links = session.group_names, session.live_links
    return session  # type: ignore[no-any-return]
