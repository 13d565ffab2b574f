"""The popups that change a name, an address or a password, and the page that confirms an address."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts.access import needs_proof, needs_proof_for_others
from accounts.audit.trail import origin
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.limits import password_limits
from accounts.text import isolated
from invitations import opened_links
from invitations.dead_link import dead_link
from invitations.models import Link, TooSoonError
from invitations.opening import open_link
from operators.access import to_edit
from operators.models import Operator
from operators.people import profile
from operators.people.forms_profile import ChangePasswordForm, EmailForm, OperatorNameForm


@needs_proof_for_others
@require_get_or_post
def change_name(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = to_edit(request.user, pk)
    form = OperatorNameForm(data_of(request), initial={"name": operator.name})
    if form.is_valid():
        name = form.cleaned_data["name"]
        if profile.change_name(operator, name, origin(request)):
            messages.success(request, _("The name is %(name)s now.") % {"name": isolated(name)})
        else:
            messages.info(request, _("Nothing changed: that was the name already."))
        return redirect(operator)
    context = {"form": form, "operator": operator, "is_self": operator.pk == request.user.pk}
    return render(request, "operators/people/change_name.html", context)


@needs_proof
@require_get_or_post
def change_email(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = to_edit(request.user, pk)
    if operator.is_invited:
        return render(request, "operators/people/change_email_invited.html", {"operator": operator})
    form = EmailForm(data_of(request), operator=operator, viewer=request.user)
    if form.is_valid() and _request_email(request, operator, form):
        messages.success(
            request,
            _("A link is on its way to %(email)s. The address changes when the link is opened and confirmed.")
            % {"email": form.cleaned_data["email"]},
        )
        return redirect(operator)
    context = {"form": form, "operator": operator, "is_self": operator.pk == request.user.pk}
    return render(request, "operators/people/change_email.html", context)


def _request_email(request: SignedInRequest, operator: Operator, form: EmailForm) -> bool:
    try:
        if not profile.request_email(operator, form.cleaned_data["email"], origin(request)).has_failed:
            return True
        form.mail_failed()
    except TooSoonError as error:
        form.refuse_for(error.wait)
    return False


@login_not_required
@require_safe
def open_email_link(request: HttpRequest, token: str) -> HttpResponse:
    return open_link(request, Link.Purpose.EMAIL, token, "operators:email-confirm")


@login_not_required
@require_get_or_post
def confirm_email(request: HttpRequest) -> HttpResponse:
    link = opened_links.opened(request, Link.Purpose.EMAIL)
    if link is None:
        return dead_link(request, Link.Purpose.EMAIL)
    if request.method != "POST":
        return render(
            request, "operators/people/confirm_email.html", {"operator": link.user, "email": link.email}
        )
    try:
        # The owner of the mailbox acts, even in a browser where somebody else is logged in.
        operator = profile.confirm_email(link, origin(request, link.user))
    except profile.AddressTakenError:
        return render(request, "operators/people/confirm_email_taken.html", {"email": link.email}, status=409)
    if operator is None:
        return dead_link(request, Link.Purpose.EMAIL)
    return _email_changed(request, operator)


def _email_changed(request: HttpRequest, operator: Operator) -> HttpResponse:
    # The link proves the mailbox: the browser counts as known under the new address.
    password_limits.remember_browser(request, operator.email)
    messages.success(
        request,
        _("The address is %(email)s now: from now on it is what to log in with.") % {"email": operator.email},
    )
    if request.user != operator:
        return redirect("operators:login")
    update_session_auth_hash(request, operator)
    return redirect(operator)


@needs_proof
@sensitive_post_parameters("current_password", "new_password", "new_password_again")
@require_get_or_post
def change_password(request: SignedInRequest) -> HttpResponse:
    operator = request.user
    if operator.is_single_sign_on:
        raise Http404(_("You sign in by single sign-on, without a password here."))
    form = ChangePasswordForm(request)
    if not form.is_valid():
        return render(request, "operators/people/change_password.html", {"form": form, "operator": operator})
    if profile.change_password(operator, form.cleaned_data["new_password"], origin(request)):
        update_session_auth_hash(request, operator)
        messages.success(request, _("Your password is changed. Everywhere else you are logged out."))
    else:
        messages.error(request, _("Nothing changed: your password was changed elsewhere in the meantime."))
    return redirect(operator)
