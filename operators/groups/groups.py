"""Groups and their members: what administrators do with them."""

from collections.abc import Callable, Iterable

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action
from operators.administrators import keep_an_administrator
from operators.groups.names import changing_names
from operators.models import Group, Membership, Operator


class UnchangeableError(Exception):
    """System groups keep their names, and Everyone its members."""


def groups_of(account_id: int) -> QuerySet[Group]:
    """Return the groups of an account, system groups first, each with `size`, its rows of members."""
    groups = Group.objects.filter(account=account_id).annotate(size=Count("memberships"))
    return groups.order_by("kind", "name_key", "pk")


def members_of(group: Group) -> QuerySet[Operator]:
    """Return the members by name."""
    return _by_name(group).filter(_membership_in(group))


def others_of(group: Group) -> QuerySet[Operator]:
    """Return by name the operators of the account who are no members."""
    return _by_name(group).filter(~_membership_in(group))


def _by_name(group: Group) -> QuerySet[Operator]:
    operators: QuerySet[Operator] = Operator.objects.filter(account=group.account_id)
    return operators.order_by("name_key", "pk")


def _membership_in(group: Group) -> Exists:
    return Exists(Membership.objects.filter(operator=OuterRef("pk"), group=group))


def create_group(account: Account, name: str, by: Origin) -> Group:
    """Add a group; raises NameTakenError."""
    with changing_names(account):
        group = Group.objects.create(account=account, name=name)
        record(Action.GROUP_CREATED, by=by, account=account, new=name)
    return group


def rename_group(group: Group, name: str, by: Origin) -> bool:
    """Give an own group another name; return whether it differs.

    Raises NameTakenError, UnchangeableError, and Group.DoesNotExist for one that has gone.
    """
    if group.kind != Group.Kind.OWN:
        raise UnchangeableError
    with changing_names(group.account):
        old = Group.objects.get(pk=group.pk).name
        if name == old:
            return False
        Group.objects.filter(pk=group.pk).update(name=name)
        record(Action.GROUP_RENAMED, by=by, account=group.account, old=old, new=name)
    return True


def delete_group(group: Group, by: Origin) -> bool:
    """Delete an own group; return whether it was still there. Raises UnchangeableError."""
    if group.kind != Group.Kind.OWN:
        raise UnchangeableError
    # In turn with changes of members, or one would be put into a group that is going.
    with keep_an_administrator(group.account):
        if not Group.objects.filter(pk=group.pk).delete()[0]:
            return False
        record(Action.GROUP_DELETED, by=by, account=group.account, old=group.name)
    return True


def set_groups(operator: Operator, groups: Iterable[Group], by: Origin) -> bool:
    """Make an operator a member of exactly these groups and Everyone; return whether anything changed.

    Raises LastAdministratorError, and Group.DoesNotExist for a group of another account or one that has gone.
    """
    wanted = {group.pk for group in groups if group.kind != Group.Kind.EVERYONE}
    return _change(operator, by, lambda _old: wanted)


def add_member(group: Group, operator: Operator, by: Origin) -> bool:
    """Put an operator into a group; return whether they were not in it.

    Raises UnchangeableError, and Group.DoesNotExist for a group of another account or one that has gone.
    """
    _refuse_everyone(group)
    return _change(operator, by, lambda old: old | {group.pk})


def add_members(group: Group, operators: Iterable[Operator], by: Origin) -> list[Operator]:
    """Put all of these operators into a group, or none; return those who were not in it.

    Raises what add_member raises.
    """
    with transaction.atomic():
        return [operator for operator in operators if add_member(group, operator, by)]


def remove_member(group: Group, operator: Operator, by: Origin) -> bool:
    """Take an operator out of a group; return whether they were in it.

    Raises LastAdministratorError and UnchangeableError.
    """
    _refuse_everyone(group)
    return _change(operator, by, lambda old: old - {group.pk})


def _change(operator: Operator, by: Origin, choose: Callable[[set[int]], set[int]]) -> bool:
    """Replace the groups of an operator; `choose` is told the old ones while nobody else can change them."""
    with keep_an_administrator(operator.account):
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
            labels.append(", ".join(operator.group_labels))
        record(Action.GROUPS_CHANGED, by=by, subject=operator, old=labels[0], new=labels[1])
    return True


def _refuse_everyone(group: Group) -> None:
    if group.kind == Group.Kind.EVERYONE:
        raise UnchangeableError
