"""Groups of operators and the sub accounts of an account."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import TEXT_LENGTH, Account
from accounts.search_keys import KeyedModel, KeyedQuerySet, NameKey

if TYPE_CHECKING:
    from operators.models.operator import Operator


class SubAccount(KeyedModel):
    """Part of an account, with operators of its own; the account's two-factor policy applies in it too."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="sub_accounts")
    name = models.CharField(_("name"), max_length=TEXT_LENGTH)
    name_key = NameKey(of=("name",))

    objects = KeyedQuerySet["SubAccount"].as_manager()

    class Meta:
        ordering = ("name_key", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("account", "name_key"),
                name="sub_account_name",
                violation_error_message=_("There is a sub account of this name already."),
            ),
        )

    def __str__(self) -> str:
        return self.name


class Group(KeyedModel):
    """A group of operators. Everyone has no membership rows: every operator is in it."""

    class Kind(models.TextChoices):
        """The system groups, all but OWN, are made with the account and cannot be deleted."""

        ADMINISTRATORS = "administrators", _("Administrators")
        EVERYONE = "everyone", _("Everyone")
        OWN = "own", _("Own group")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="groups")
    name = models.CharField(_("name"), max_length=TEXT_LENGTH)
    name_key = NameKey(of=("name",))
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.OWN, editable=False)
    members: "models.ManyToManyField[Operator, Membership]" = models.ManyToManyField(
        "Operator", through="Membership", related_name="groups"
    )

    objects = KeyedQuerySet["Group"].as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("account", "name_key"),
                name="group_name",
                violation_error_message=_("There is a group of this name already."),
            ),
            models.UniqueConstraint(
                fields=("account", "kind"), condition=~Q(kind="own"), name="one_system_group_of_a_kind"
            ),
        )

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return self.label_of(self.kind, self.name)

    @classmethod
    def label_of(cls, kind: str, name: str) -> str:
        return name if kind == cls.Kind.OWN else str(cls.Kind(kind).label)


class Membership(models.Model):
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    operator = models.ForeignKey("Operator", on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("operator", "group"), name="one_membership"),)

    def __str__(self) -> str:
        return f"{self.operator_id} in {self.group_id}"


def create_account(name: str) -> Account:
    account = Account.objects.create(name=name)
    Group.objects.bulk_create(
        Group(account=account, name=str(kind.label), kind=kind)
        for kind in (Group.Kind.ADMINISTRATORS, Group.Kind.EVERYONE)
    )
    return account
