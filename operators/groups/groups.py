"""Creates, renames and deletes groups, and changes their members."""

from collections.abc import Callable, Iterable

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action
from operators.administrators import keep_an_administrator
from operators.groups.names import changing_names, rename
from operators.models import Group, Membership, Operator
from operators.status.labels import group_labels


class UnchangeableError(Exception):
    """System groups keep their names, and every operator is in Everyone."""


def groups_of(account_id: int) -> QuerySet[Group]:
    """System groups first, each with `size`, the number of its members; 0 for Everyone."""
    groups = Group.objects.filter(account=account_id).annotate(size=Count("memberships"))
    return groups.order_by("kind", "name_key", "pk")


def members_of(group: Group) -> QuerySet[Operator]:
    return _by_name(group).filter(_membership_in(group))


def others_of(group: Group) -> QuerySet[Operator]:
    return _by_name(group).filter(~_membership_in(group))


def _by_name(group: Group) -> QuerySet[Operator]:
    operators: QuerySet[Operator] = Operator.objects.filter(account=group.account_id)
    return operators.order_by("name_key", "pk")


def _membership_in(group: Group) -> Exists:
    return Exists(Membership.objects.filter(operator=OuterRef("pk"), group=group))


def create_group(account: Account, name: str, by: Origin) -> Group:
    """Raise NameTakenError if the account has a group of this name."""
    with changing_names(account):
        group = Group.objects.create(account=account, name=name)
        record(Action.GROUP_CREATED, by=by, account=account, new=name)
    return group


def rename_group(group: Group, name: str, by: Origin) -> bool:
    """Raises UnchangeableError, and what `rename` raises."""
    if group.kind != Group.Kind.OWN:
        raise UnchangeableError
    return rename(group, name, by, Action.GROUP_RENAMED)


def delete_group(group: Group, by: Origin) -> bool:
    """Return False if it was deleted already. Raises UnchangeableError."""
    if group.kind != Group.Kind.OWN:
        raise UnchangeableError
    # In turn with changes of members, or an operator could be added to a group being deleted.
    with transaction.atomic():
        Account.hold(group.account_id)
        if not Group.objects.filter(pk=group.pk).delete()[0]:
            return False
        record(Action.GROUP_DELETED, by=by, account=group.account, old=group.name)
    return True


def set_groups(operator: Operator, groups: Iterable[Group], by: Origin) -> bool:
    """Replace all groups; return False if nothing changed.

    Raises LastAdministratorError, and Group.DoesNotExist for a deleted group or one of another account.
    """
    wanted = {group.pk for group in groups if group.kind != Group.Kind.EVERYONE}
    return _change(operator, by, lambda _old: wanted)


def add_member(group: Group, operator: Operator, by: Origin) -> bool:
    """Return False for a member. Raises UnchangeableError, and Group.DoesNotExist as `set_groups` does."""
    _refuse_members_of_everyone(group)
    return _change(operator, by, lambda old: old | {group.pk})


def add_members(group: Group, operators: Iterable[Operator], by: Origin) -> list[Operator]:
    """Add all of them or none; return those who were not members. Raises what `add_member` raises."""
    with transaction.atomic():
        return [operator for operator in operators if add_member(group, operator, by)]


def remove_member(group: Group, operator: Operator, by: Origin) -> bool:
    """Return False for a non-member. Raises LastAdministratorError and UnchangeableError."""
    _refuse_members_of_everyone(group)
    return _change(operator, by, lambda old: old - {group.pk})


def _change(operator: Operator, by: Origin, choose: Callable[[set[int]], set[int]]) -> bool:
    """Replace the groups by what `choose` makes of the old ones, which nobody else can change then."""
    with keep_an_administrator(operator):
        memberships = operator.memberships.values_list("group", "group__kind", "group__name")
        old = {pk: [kind, name] for pk, kind, name in memberships}
        wanted = choose(set(old))
        if wanted == set(old):
            return False
        added = Group.objects.filter(account=operator.account_id, pk__in=wanted - set(old))
        new = {pk: named for pk, named in old.items() if pk in wanted}
        new |= {group.pk: [group.kind, group.name] for group in added}
        if set(new) != wanted:
            raise Group.DoesNotExist
        if gone := set(old) - wanted:
            operator.memberships.filter(group__in=gone).delete()
        Membership.objects.bulk_create(Membership(operator=operator, group=group) for group in added)
        labels = []
        for groups in (old, new):
            operator.group_names = list(groups.values())
            labels.append(", ".join(group_labels(operator)))
        record(Action.GROUPS_CHANGED, by=by, subject=operator, old=labels[0], new=labels[1])
    return True


def _refuse_members_of_everyone(group: Group) -> None:
    if group.kind == Group.Kind.EVERYONE:
        raise UnchangeableError
