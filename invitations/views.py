"""The pages behind setup links and invitations."""

from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.audit.trail import origin, record
from accounts.days import announced_day
from accounts.durations import duration
from accounts.http import data_of, require_get_or_post, typed_before
from accounts.limits import password_limits
from accounts.masking import mask
from accounts.models import Action
from accounts.policy import Policy
from accounts.session_store import ours
from accounts.text import isolated
from invitations import invite, opened_links, setup_link
from invitations.dead_link import dead_link
from invitations.forms import AcceptForm, PasswordForm
from invitations.link_tries import may_hash
from invitations.models import Link, lifetime
from invitations.opening import open_link
from invitations.setup_link import DeadLinkError
from twofactor import enrollment, fresh_codes, pending
from twofactor.forms import EnrollmentForm
from twofactor.made_by import MadeBy

SETUP = Link.Purpose.SETUP
INVITATION = Link.Purpose.INVITATION
# What was typed before the last step of accepting; the password only as a hash.
ACCEPT_KEY = "invitation_details"


# Setting it up at login


@login_not_required
@require_safe
def check_email(request: HttpRequest) -> HttpResponse:
    """To the page's own polling, answer only if there is something new."""
    waiting = pending.current(request, pending.Step.SETUP)
    if waiting is None:
        return pending.to_login(request)
    if waiting.user.effective.policy is not Policy.REQUIRED or waiting.user.is_enrolled:
        messages.info(request, _("You do not need a setup link any more. Log in again to go on."))
        return pending.to_login(request)
    mail, wait, live = setup_link.last_email(waiting.user)
    if mail and request.GET.get("seen") == mail.progress:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context = {
        "mail": mail,
        "live": live,
        "wait": wait,
        "wait_in_words": duration(wait),
        "address": mask(waiting.user.email),
        "lives": lifetime(SETUP),
        "operator": waiting.user,
        "day": announced_day(waiting.user.effective),
        "next": waiting.next_url,
    }
    return render(request, "invitations/check_email.html", context)


@login_not_required
@require_POST
def send_again(request: HttpRequest) -> HttpResponse:
    waiting = pending.current(request, pending.Step.SETUP)
    if waiting is None:
        return pending.to_login(request)
    if not waiting.user.is_enrolled:
        setup_link.send(waiting.user, origin(request, waiting.user), waiting.next_url, at_login=True)
    return redirect("invitations:check-email")


@login_not_required
@require_safe
def open_setup_link(request: HttpRequest, token: str) -> HttpResponse:
    """Change nothing: mail scanners follow links too."""
    return open_link(request, SETUP, token, "invitations:setup")


@login_not_required
@sensitive_post_parameters("code")
@require_get_or_post
def setup(request: HttpRequest) -> HttpResponse:
    """The link alone is not enough: the password must have been given in this browser too."""
    link = _setup_link(request)
    if link is None:
        return dead_link(request, SETUP)
    waiting = pending.current(request, pending.Step.SETUP)
    if waiting is None or waiting.user.pk != link.user_id:
        return redirect("invitations:setup-password")
    return _setup_with_code(request, link, waiting)


def _setup_with_code(request: HttpRequest, link: Link, waiting: pending.Pending) -> HttpResponse:
    form = EnrollmentForm(data_of(request))
    if form.is_valid():
        by = origin(request, waiting.user)
        try:
            codes = setup_link.finish(request.session, link, waiting.user, form.cleaned_data["code"], by)
        except enrollment.WrongCodeError as error:
            form.refuse(error)
        except (DeadLinkError, enrollment.AlreadyEnrolledError, enrollment.SignInChangedError):
            return dead_link(request, SETUP)
        else:
            return _signed_in(request, waiting, codes)
    offer = enrollment.offer(request.session, waiting.user)
    context = {"form": form, "enrollment": offer, "operator": waiting.user}
    return render(request, "invitations/setup.html", context)


def _setup_link(request: HttpRequest) -> Link | None:
    """None where it is not needed any more."""
    link = opened_links.opened(request, SETUP)
    if link is None or not link.user.is_active or link.user.is_enrolled or not link.user.effective.usable:
        return None
    return link


def _signed_in(request: HttpRequest, waiting: pending.Pending, codes: list[str]) -> HttpResponse:
    user = waiting.user
    pending.sign_in(request, user, MadeBy.SETUP_LINK, with_code=True)
    fresh_codes.keep(request.session, user, codes, waiting.next_url or user.landing_url())
    messages.success(
        request, _("Two-factor authentication is set up. From now on you type a code at every sign-in.")
    )
    return redirect("twofactor:recovery-codes")


@login_not_required
@sensitive_post_parameters("password")
@require_get_or_post
def setup_password(request: HttpRequest) -> HttpResponse:
    link = _setup_link(request)
    if link is None:
        return dead_link(request, SETUP)
    form = PasswordForm(data_of(request))
    if form.is_valid() and _password_is_right(request, form, link):
        pending.begin(request, link.user, pending.Step.SETUP, setup_link.next_url_of(link))
        opened_links.remember(request, SETUP, link.token_hash)
        return redirect("invitations:setup")
    context = {"form": form, "address": mask(link.user.email), "operator": link.user}
    return render(request, "invitations/setup_password.html", context)


def _password_is_right(request: HttpRequest, form: PasswordForm, link: Link) -> bool:
    """Count the attempt as one in a known browser: the link proves the mailbox."""
    tries = password_limits.admit(request, link.user.email, link.token_hash)
    if tries.wait:
        form.refuse_for(tries.wait)
        return False
    user = authenticate(request, email=link.user.email, password=form.cleaned_data["password"])
    if user is not None and user.pk == link.user_id:
        tries.forgive()
        return True
    record(Action.SIGN_IN_FAILED, by=origin(request), subject=link.user)
    form.add_error("password", _("That is not your password. Try again."))
    return False


# Accepting an invitation


@login_not_required
@require_safe
def open_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Change nothing: mail scanners follow links too."""
    request.session.pop(ACCEPT_KEY, None)
    return open_link(request, INVITATION, token, "invitations:accept")


@login_not_required
@sensitive_post_parameters("new_password", "new_password_again")
@require_get_or_post
def accept(request: HttpRequest) -> HttpResponse:
    link = _invitation_link(request)
    if link is None:
        return dead_link(request, INVITATION)
    if request.user.is_authenticated:
        context = {"invited": link.user, "stay": resolve_url(settings.LOGIN_REDIRECT_URL)}
        return render(request, "invitations/accept_other.html", context)
    form = AcceptForm(data_of(request), operator=link.user)
    form.initial.update(typed_before(request, "name"))
    if form.is_valid() and may_hash(request, form, link):
        request.session[ACCEPT_KEY] = {"link": link.token_hash, **form.details()}
        if link.user.effective.usable:
            return redirect("invitations:accept-two-factor")
        return _join(request, link, code=None)
    return render(request, "invitations/accept.html", {"form": form, "operator": link.user})


@login_not_required
@sensitive_post_parameters("code")
@require_get_or_post
def accept_two_factor(request: HttpRequest) -> HttpResponse:
    """The policy is read now, not when the invitation was sent."""
    link = _invitation_link(request)
    if link is None:
        return dead_link(request, INVITATION)
    if request.user.is_authenticated or not _details(request, link):
        return redirect("invitations:accept")
    effective = link.user.effective
    if not effective.required:
        # "Not now" counts only if the policy leaves the choice at this moment.
        if request.method == "POST" and ("not_now" in request.POST or not effective.usable):
            return _join(request, link, code=None)
        if request.method != "POST" and "now" not in request.GET:
            context = {"operator": link.user, "effective": effective, "day": announced_day(effective)}
            return render(request, "invitations/accept_choice.html", context)
    return _accept_with_code(request, link)


def _accept_with_code(request: HttpRequest, link: Link) -> HttpResponse:
    form = EnrollmentForm(data_of(request))
    if form.is_valid():
        try:
            return _join(request, link, code=form.cleaned_data["code"])
        except enrollment.WrongCodeError as error:
            form.refuse(error)
    context = {
        "form": form,
        "enrollment": enrollment.offer(request.session, link.user),
        "operator": link.user,
        "effective": link.user.effective,
    }
    return render(request, "invitations/accept_two_factor.html", context)


@login_not_required
@require_POST
def log_out_and_accept(request: HttpRequest) -> HttpResponse:
    link = opened_links.opened(request, INVITATION)
    if request.user.is_authenticated:
        record(Action.SIGNED_OUT, by=origin(request), subject=request.user)
    ours(request.session).restart()
    if link is not None:
        opened_links.remember(request, INVITATION, link.token_hash)
    return redirect("invitations:accept")


def _invitation_link(request: HttpRequest) -> Link | None:
    """None where the person has joined."""
    link = opened_links.opened(request, INVITATION)
    return link if link and link.user.is_invited and not link.user.is_single_sign_on else None


def _details(request: HttpRequest, link: Link) -> dict[str, str] | None:
    """None if it was typed for another invitation."""
    details: dict[str, str] = request.session.get(ACCEPT_KEY, {})
    return details if details.get("link") == link.token_hash else None


def _join(request: HttpRequest, link: Link, code: str | None) -> HttpResponse:
    """Raise WrongCodeError."""
    details, user = request.session[ACCEPT_KEY], link.user
    try:
        codes = invite.accept(
            request.session,
            link,
            name=details["name"],
            password_hash=details["password_hash"],
            code=code,
            by=origin(request, user),
        )
    except (DeadLinkError, enrollment.AlreadyEnrolledError, enrollment.SignInChangedError):
        return dead_link(request, INVITATION)
    ours(request.session).restart()
    pending.sign_in(request, user, MadeBy.INVITATION, with_code=bool(codes))
    # For the back button: the page then says that it was accepted.
    opened_links.remember(request, INVITATION, link.token_hash)
    messages.success(
        request, _("Welcome. You are signed in to %(account)s.") % {"account": isolated(user.account.name)}
    )
    if not codes:
        return redirect(user.landing_url())
    fresh_codes.keep(request.session, user, codes, user.landing_url())
    return redirect("twofactor:recovery-codes")
