"""What is done for every request, one small function each."""

import logging
import zoneinfo
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from urllib.parse import unquote, urlsplit, urlunsplit

from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect
from whitenoise.middleware import WhiteNoiseFileResponse

from accounts.http import is_ours
from accounts.network import client_address
from twofactor.vault import SecretUnreadableError
from uptrends_2fa import body_sizes, errors
from uptrends_2fa.logs import asked_by, without_token

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]

# What is not allowed, not there, out of date or too much: somebody may be trying doors.
REFUSALS = {400, 403, 404, 405, 410, 413, 429}

# Features that browsers know under these names; an unknown one is a warning in the console.
UNUSED_FEATURES = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
HEALTH = "/healthz"
# Django's own while DEBUG is on, with styles in them.
PAGES_FOR_DEVELOPERS = (HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR)
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES)


def log_refusals(get_response: View) -> View:
    """Write down what is refused, and let every line of the log say to whom and from where.

    OWASP ASVS 5.0, 16.2.1, 16.3.2 and 16.3.3.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        before = asked_by.set(partial(_who_and_where, request))
        try:
            response = get_response(request)
            if response.status_code in REFUSALS:
                logger.warning(
                    "Refused with %d: %s %s",
                    response.status_code,
                    request.method,
                    without_token(request.path),
                )
        finally:
            asked_by.reset(before)
        return response

    return middleware


def _who_and_where(request: HttpRequest) -> str:
    """Return who asks, as far as that has been looked up already, and from where."""
    who = getattr(request, "looked_up", None)
    return f"operator {who.pk if who else None}, from {client_address(request)}"


def refuse_nul_bytes(get_response: View) -> View:
    """Answer 400 to a NUL byte in address, query or cookies: PostgreSQL would fail on it much later.

    Form fields are left to the forms, which say so beside the field.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        raw = [request.path, unquote(request.META.get("QUERY_STRING", "")), *request.COOKIES.values()]
        if any("\0" in text for text in raw):
            return errors.bad_request(request)
        return get_response(request)

    return middleware


def health(get_response: View) -> View:
    """Answer whatever looks after the process that it is alive; nothing else, and without the database.

    Under any host name, and without TLS: the question comes from the machine itself.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info == HEALTH and request.method in ("GET", "HEAD"):
            return HttpResponse("ok", content_type="text/plain")
        return get_response(request)

    return middleware


def no_store(get_response: View) -> View:
    """Keep pages out of every cache: they show people's data, and some of them a secret.

    Redirects too, as an address may hold the token of a link. Only static files may be kept.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not isinstance(response, WhiteNoiseFileResponse):
            response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def isolation(get_response: View) -> View:
    """Say what pages may load and browsers may do, and keep other sites from loading what is here."""
    # The middleware of django-csp writes the policy anew for each answer; here it is always the same.
    policy = build_policy()

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if not (settings.DEBUG and response.status_code in PAGES_FOR_DEVELOPERS):
            response.headers["Content-Security-Policy"] = policy
        return response

    return middleware


def popup_redirects(get_response: View) -> View:
    """Let a redirect leave the popup: htmx would follow it and show the page inside the dialog.

    A sign-in page as the answer (the session ended) must lead back to the page under the popup.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.htmx and response.has_header("Location"):  # type: ignore[attr-defined]
            return _carry_over(response, HttpResponseClientRedirect(response.headers["Location"]))
        return response

    return middleware


def _carry_over(old: HttpResponse, new: HttpResponse) -> HttpResponse:
    """Return `new` with the cookies of `old`: session and messages must not be lost."""
    new.cookies = old.cookies
    return new


def reader_time_zone(get_response: View) -> View:
    """Show times in the time zone that the reader's browser has named in a cookie, else in UTC."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone(request.COOKIES.get("time_zone", "UTC"))):
            return get_response(request)

    return middleware


def _zone(name: str) -> zoneinfo.ZoneInfo:
    """Return the zone of that name; UTC where there is none."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")


class UnreadableSecretMiddleware:
    """Answer 503 where the server cannot read a secret: nobody gets in, nobody is told to enroll again."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn the one exception into the product's own page."""
        if isinstance(exception, SecretUnreadableError):
            return errors.unavailable(request)
        return None


class BodyLimit:
    """Refuses a body that is longer than a page takes, before a byte of it is read.

    Django's own limit leaves files out, and its CSRF check writes them to disk before it looks at the token.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_arguments: object
    ) -> HttpResponse | None:
        """Return the page that says so; None where the view may go on."""
        if "Transfer-Encoding" in request.headers:
            # No browser sends a form in chunks. Django would take the body for empty.
            return render(request, "400.html", status=HTTPStatus.LENGTH_REQUIRED)
        length = request.headers.get("Content-Length") or "0"
        if not length.isdecimal():
            return errors.bad_request(request)
        size = int(length)
        if size <= body_sizes.FORM or (size <= body_sizes.TABLE and _may_send_a_table(request, view)):
            return None
        return render(request, "413.html", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _may_send_a_table(request: HttpRequest, view: Callable[..., HttpResponseBase]) -> bool:
    """Whether that page takes one, from somebody who is signed in."""
    return getattr(view, "takes_a_table", False) and request.user.is_authenticated


class LoginRequired(LoginRequiredMiddleware):
    """Leads to the login page, and from there back to where the person was.

    The address of a button cannot be gone back to: then it is the page with the button.
    """

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        return to_login(request)


def to_login(request: HttpRequest) -> HttpResponseRedirect:
    """Return the way to the login page, and from there back to the page or to the one with the button."""
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    return redirect_to_login(page_before(request))


def page_before(request: HttpRequest) -> str:
    """Return the page of this site with the form or button that was sent, or else the start page."""
    page = request.headers.get("Referer", "")
    back = urlsplit(page) if is_ours(request, page) else None
    return urlunsplit(("", "", back.path, back.query, "")) if back else "/"


def page_for_405(get_response: View) -> View:
    """Show a page of the product where an address takes no GET; for programs the status is enough."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method == "GET":
            page = render(request, "405.html", status=HTTPStatus.METHOD_NOT_ALLOWED)
            page.headers["Allow"] = response.headers["Allow"]
            return page
        return response

    return middleware
