"""The pages for sub accounts: the list, adding, renaming, deleting."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import administrators_only
from accounts.audit.trail import origin
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.text import isolated
from operators.groups.forms import GroupNameForm
from operators.groups.names import NameTakenError
from operators.groups.sub_accounts import (
    NotEmptyError,
    create_sub_account,
    delete_sub_account,
    rename_sub_account,
    sub_accounts_of,
)
from operators.lists.paging import numbered_page
from operators.models import SubAccount


@require_safe
@administrators_only
def sub_accounts(request: SignedInRequest) -> HttpResponse:
    page = numbered_page(sub_accounts_of(request.user.account_id), request.GET.get("page"))
    return render(request, "operators/groups/sub_accounts.html", {"page": page})


@require_get_or_post
@administrators_only
def add(request: SignedInRequest) -> HttpResponse:
    form = GroupNameForm(data_of(request))
    if form.is_valid():
        try:
            sub_account = create_sub_account(request.user.account, form.cleaned_data["name"], origin(request))
        except NameTakenError:
            form.refuse_taken()
        else:
            messages.success(request, _("%(name)s is added.") % {"name": isolated(sub_account.name)})
            return redirect("operators:sub-accounts")
    return render(request, "operators/groups/sub_account_add.html", {"form": form})


@require_get_or_post
@administrators_only
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    sub_account = _sub_account(request, pk)
    form = GroupNameForm(data_of(request), initial={"name": sub_account.name})
    if form.is_valid() and _rename(request, sub_account, form):
        return redirect("operators:sub-accounts")
    return render(request, "operators/groups/sub_account.html", {"sub_account": sub_account, "form": form})


@require_get_or_post
@administrators_only
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    sub_account = _sub_account(request, pk)
    if request.method != "POST":
        context = {"sub_account": sub_account, "size": sub_account.operators.count()}
        return render(request, "operators/groups/sub_account_delete.html", context)
    words = {"name": isolated(sub_account.name)}
    try:
        delete_sub_account(sub_account, origin(request))
    except NotEmptyError:
        messages.error(
            request, _("%(name)s still has operators. Move them to another sub account first.") % words
        )
    else:
        messages.success(request, _("%(name)s is deleted.") % words)
    return redirect("operators:sub-accounts")


def _sub_account(request: SignedInRequest, pk: int) -> SubAccount:
    return get_object_or_404(
        SubAccount.objects.select_related("account"), account=request.user.account_id, pk=pk
    )


def _rename(request: SignedInRequest, sub_account: SubAccount, form: GroupNameForm) -> bool:
    name = form.cleaned_data["name"]
    try:
        changed = rename_sub_account(sub_account, name, origin(request))
    except NameTakenError:
        form.refuse_taken()
        return False
    except SubAccount.DoesNotExist as error:
        raise Http404 from error
    if changed:
        messages.success(request, _("The sub account is now called %(name)s.") % {"name": isolated(name)})
    else:
        messages.info(request, _("Nothing changed: that was the name already."))
    return True
