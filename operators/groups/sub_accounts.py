"""Creates, renames and deletes sub accounts, and assigns operators to them."""

from django.db import transaction
from django.db.models import Count, ProtectedError, QuerySet

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action
from operators.groups.names import changing_names, rename
from operators.models import Operator, SubAccount


class NotEmptyError(Exception):
    """The sub account still has operators."""


def sub_accounts_of(account_id: int) -> QuerySet[SubAccount]:
    """Each comes with `size`, the number of its operators."""
    sub_accounts = SubAccount.objects.filter(account=account_id).annotate(size=Count("operators"))
    return sub_accounts.order_by("name_key", "pk")


def create_sub_account(account: Account, name: str, by: Origin) -> SubAccount:
    """Raise NameTakenError if the account has a sub account of this name."""
    with changing_names(account):
        sub_account = SubAccount.objects.create(account=account, name=name)
        record(Action.SUB_ACCOUNT_CREATED, by=by, account=account, new=name)
    return sub_account


def rename_sub_account(sub_account: SubAccount, name: str, by: Origin) -> bool:
    return rename(sub_account, name, by, Action.SUB_ACCOUNT_RENAMED)


def delete_sub_account(sub_account: SubAccount, by: Origin) -> bool:
    """Return False if it was deleted already. Raises NotEmptyError if it has operators."""
    with transaction.atomic():
        Account.hold(sub_account.account_id)
        try:
            if not SubAccount.objects.filter(pk=sub_account.pk).delete()[0]:
                return False
        except ProtectedError as error:
            raise NotEmptyError from error
        record(Action.SUB_ACCOUNT_DELETED, by=by, account=sub_account.account, old=sub_account.name)
    return True


def assign(operator: Operator, sub_account: SubAccount | None, by: Origin) -> bool:
    """Return False if nothing changed.

    Raises SubAccount.DoesNotExist for a deleted one or one of another account.
    """
    new = sub_account.pk if sub_account else None
    with transaction.atomic():
        # In turn with deletions, or an operator could be put into a sub account being deleted.
        Account.hold(operator.account_id)
        names = dict(SubAccount.objects.filter(account=operator.account_id).values_list("pk", "name"))
        if new is not None and new not in names:
            raise SubAccount.DoesNotExist
        old = Operator.objects.values_list("sub_account", flat=True).get(pk=operator.pk)
        if new == old:
            return False
        operator.sub_account = sub_account
        operator.save(update_fields=["sub_account"])
        record(
            Action.SUB_ACCOUNT_CHANGED,
            by=by,
            subject=operator,
            old=names.get(old or 0, ""),
            new=names.get(new or 0, ""),
        )
    return True
