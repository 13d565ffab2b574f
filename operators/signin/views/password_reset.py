"""The pages for a forgotten password."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts.audit.trail import origin
from accounts.forms import NewPasswordForm
from accounts.http import data_of, require_get_or_post, typed_before
from accounts.limits import password_limits
from accounts.limits.refusals import What, admit_network
from accounts.session_store import ours
from invitations import opened_links, opening
from invitations.dead_link import dead_link
from invitations.link_tries import may_hash
from invitations.models import Link, lifetime
from operators.backends import PasswordBackend
from operators.models import Operator
from operators.signin.forms import LinkForm, NewPasswordAndCodeForm
from operators.signin.password_reset import reset_password, send_link
from twofactor import codes
from twofactor.forms import refuse

PURPOSE = Link.Purpose.PASSWORD_RESET
MAILS_BY_ADDRESS, HOUR = 30, 60 * 60
# The address entered in this browser, for the next page.
ADDRESS_KEY = "password_reset_address"


@login_not_required
@require_get_or_post
def request_link(request: HttpRequest) -> HttpResponse:
    """The answer is the same for every address, so that it doesn't reveal who exists."""
    form = LinkForm(data_of(request), initial=typed_before(request, "email"))
    # Counted before the form is checked: it may hold anything, and checking costs time.
    if form.is_bound and _may_ask(request, form) and form.is_valid():
        email = form.cleaned_data["email"]
        request.session[ADDRESS_KEY] = email
        send_link(email, origin(request))
        return redirect("operators:password-reset-sent")
    return render(request, "operators/signin/password_reset.html", {"form": form})


def _may_ask(request: HttpRequest, form: LinkForm) -> bool:
    """Limit one network address, whatever email addresses it asks for."""
    wait = admit_network(request, What.RESET_LINKS, MAILS_BY_ADDRESS, HOUR)
    if wait:
        form.refuse_for(wait)
    return not wait


@login_not_required
@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    email = request.session.get(ADDRESS_KEY)
    if email is None:
        return redirect("operators:password-reset")
    context = {"email": email, "days": lifetime(PURPOSE).days}
    return render(request, "operators/signin/password_reset_sent.html", context)


@login_not_required
@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    return opening.open_link(request, PURPOSE, token, "operators:password-reset-choose")


@login_not_required
@sensitive_post_parameters("new_password", "new_password_again")
@require_get_or_post
def choose(request: HttpRequest) -> HttpResponse:
    link = opened_links.opened(request, PURPOSE)
    if link is None or not PasswordBackend.has_password(link.user):
        return dead_link(request, PURPOSE)
    # OWASP ASVS 5.0, 6.4.3: a mailbox alone must not bypass the second factor, whatever the policy is today.
    with_code = link.user.is_enrolled
    # The code also frees a frozen sign-in; without an authenticator an administrator has to.
    frees = bool(link.user.frozen_at) and with_code
    kind = NewPasswordAndCodeForm if with_code else NewPasswordForm
    form = kind(data_of(request), operator=link.user)
    in_own_session = request.user == link.user
    if form.is_valid() and may_hash(request, form, link) and _code_is_right(request, form, link):
        if not reset_password(
            link, form.cleaned_data["new_password"], origin(request, link.user), frees=frees
        ):
            return dead_link(request, PURPOSE)
        # The link proves the mailbox: strangers who guess elsewhere must not lock its owner out here.
        password_limits.remember_browser(request, link.user.email)
        if in_own_session:
            ours(request.session).restart()
        _confirm_to_user(request, link.user, frees=frees)
        return redirect("operators:login")
    return render(
        request, "operators/signin/password_reset_choose.html", {"form": form, "operator": link.user}
    )


def _code_is_right(request: HttpRequest, form: NewPasswordForm, link: Link) -> bool:
    if "code" not in form.fields:
        return True
    refusal = codes.check_any(link.user, form.cleaned_data["code"], origin(request, link.user))
    if refusal:
        refuse(form, refusal)
    return refusal is None


def _confirm_to_user(request: HttpRequest, operator: Operator, *, frees: bool) -> None:
    if operator.frozen_at and not frees:
        messages.warning(
            request,
            _("Your password is changed. Your sign-in is still frozen: ask an administrator to free it."),
        )
    else:
        messages.success(request, _("Your password is changed. Log in with the new one."))
