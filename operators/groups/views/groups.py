"""The pages for groups: the list, adding, one group with its members, deleting."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts.access import administrators_only, needs_proof_to_post
from accounts.audit.trail import origin
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.row_keys import row_keys
from accounts.text import isolated
from operators.administrators import LastAdministratorError, last_administrator_message
from operators.groups.forms import GroupNameForm
from operators.groups.groups import (
    UnchangeableError,
    add_members,
    create_group,
    delete_group,
    groups_of,
    members_of,
    others_of,
    remove_member,
    rename_group,
)
from operators.groups.names import NameTakenError
from operators.lists.filters import PersonFilters
from operators.lists.paging import numbered_page
from operators.models import Group, Operator

CANDIDATES = 10


@require_safe
@administrators_only
def groups(request: SignedInRequest) -> HttpResponse:
    account_id = request.user.account_id
    page = numbered_page(groups_of(account_id), request.GET.get("page"))
    everyone = Operator.objects.filter(account=account_id).count()
    return render(request, "operators/groups/groups.html", {"page": page, "everyone": everyone})


@require_get_or_post
@administrators_only
def add(request: SignedInRequest) -> HttpResponse:
    form = GroupNameForm(data_of(request))
    if form.is_valid():
        try:
            group = create_group(request.user.account, form.cleaned_data["name"], origin(request))
        except NameTakenError:
            form.refuse_taken()
        else:
            messages.success(
                request, _("%(group)s is added. Choose its members.") % {"group": isolated(group.label)}
            )
            return redirect("operators:group", group.pk)
    return render(request, "operators/groups/group_add.html", {"form": form})


@needs_proof_to_post
@require_get_or_post
@administrators_only
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    group = _group(request, pk)
    if "add" in request.POST:
        return _add(request, group)
    if "remove" in request.POST:
        return _remove(request, group)
    form = GroupNameForm(data_of(request), initial={"name": group.name})
    if form.is_valid() and _rename(request, group, form):
        return redirect("operators:group", group.pk)
    return render(
        request, "operators/groups/group.html", {"group": group, "form": form, **_lists(request, group)}
    )


@needs_proof_to_post
@require_get_or_post
@administrators_only
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    group = _group(request, pk, kind=Group.Kind.OWN)
    if request.method == "POST":
        delete_group(group, origin(request))
        messages.success(request, _("%(group)s is deleted.") % {"group": isolated(group.label)})
        return redirect("operators:groups")
    return render(
        request, "operators/groups/group_delete.html", {"group": group, "size": group.memberships.count()}
    )


def _group(request: SignedInRequest, pk: int, **conditions: str) -> Group:
    groups = Group.objects.select_related("account").filter(account=request.user.account_id, **conditions)
    return get_object_or_404(groups, pk=pk)


def _lists(request: SignedInRequest, group: Group) -> dict[str, object]:
    if group.kind == Group.Kind.EVERYONE:
        return {"everyone": Operator.objects.filter(account=group.account_id).count()}
    filters = PersonFilters(request.GET, queryset=members_of(group))
    others = PersonFilters(request.GET, queryset=others_of(group)).qs[: CANDIDATES + 1]
    return {
        "filters": filters,
        "page": numbered_page(filters.qs, request.GET.get("page")),
        "others": others[:CANDIDATES],
        "more": len(others) > CANDIDATES,
    }


def _rename(request: SignedInRequest, group: Group, form: GroupNameForm) -> bool:
    try:
        changed = rename_group(group, form.cleaned_data["name"], origin(request))
    except NameTakenError:
        form.refuse_taken()
        return False
    except (UnchangeableError, Group.DoesNotExist) as error:
        raise Http404 from error
    if changed:
        messages.success(
            request, _("The group is now called %(group)s.") % {"group": isolated(form.cleaned_data["name"])}
        )
    else:
        messages.info(request, _("Nothing changed: that was the name already."))
    return True


def _add(request: SignedInRequest, group: Group) -> HttpResponse:
    try:
        added = add_members(group, _chosen(request, "add"), origin(request))
    except (UnchangeableError, Group.DoesNotExist) as error:
        raise Http404 from error
    if added:
        sentence = ngettext(
            "%(name)s is now a member of %(group)s.",
            "%(count)d operators are now members of %(group)s.",
            len(added),
        )
        words = {
            "name": isolated(added[0].name or added[0].email),
            "count": len(added),
            "group": isolated(group.label),
        }
        messages.success(request, sentence % words)
    else:
        messages.info(request, _("Nothing changed: nobody was chosen who is not a member already."))
    return redirect(request.get_full_path())


def _remove(request: SignedInRequest, group: Group) -> HttpResponse:
    chosen = _chosen(request, "remove")
    if not chosen:
        raise Http404
    operator = chosen[0]
    try:
        remove_member(group, operator, origin(request))
    except UnchangeableError as error:
        raise Http404 from error
    except LastAdministratorError:
        messages.error(request, last_administrator_message(operator))
        return redirect(request.get_full_path())
    words = {"name": isolated(operator.name or operator.email), "group": isolated(group.label)}
    messages.success(request, _("%(name)s is no longer a member of %(group)s.") % words)
    # Someone who stops being an administrator may not see this page anymore.
    stepped_down = operator == request.user and group.kind == Group.Kind.ADMINISTRATORS
    return redirect(operator if stepped_down else request.get_full_path())


def _chosen(request: SignedInRequest, field: str) -> list[Operator]:
    keys = row_keys(request.POST.getlist(field))
    return list(Operator.objects.complete().filter(account=request.user.account_id, pk__in=keys))
