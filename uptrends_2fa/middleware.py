"""What happens for every request, in one small function each."""

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

# Not allowed, not there, out of date or too much: someone may be probing.
REFUSALS = {400, 403, 404, 405, 410, 413, 429}

# Only names that browsers know: an unknown one is a warning in the console.
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
# Django's own pages while DEBUG is on contain styles.
PAGES_FOR_DEVELOPERS = (HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR)
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES)


def log_refusals(get_response: View) -> View:
    """Log what is refused, and name operator and address in each line (OWASP ASVS 5.0, 16.2.1, 16.3.2-3)."""

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
    """Name the operator only if the request has looked them up: a log line must not query."""
    who = getattr(request, "looked_up", None)
    return f"operator {who.pk if who else None}, from {client_address(request)}"


def refuse_nul_bytes(get_response: View) -> View:
    """Answer 400 to a NUL byte in path, query or cookies, on which PostgreSQL would fail later.

    For form fields the forms do it, with an error beside the field.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        raw = [request.path, unquote(request.META.get("QUERY_STRING", "")), *request.COOKIES.values()]
        if any("\0" in text for text in raw):
            return errors.bad_request(request)
        return get_response(request)

    return middleware


def health(get_response: View) -> View:
    """Tell a health check that the process lives: without the database, under any host name, without TLS."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info == HEALTH and request.method in ("GET", "HEAD"):
            return HttpResponse("ok", content_type="text/plain")
        return get_response(request)

    return middleware


def no_store(get_response: View) -> View:
    """Keep pages out of every cache: they show people's data, and some of them a secret.

    Redirects too, because a URL may hold the token of a link. Only static files may be cached.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not isinstance(response, WhiteNoiseFileResponse):
            response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def isolation(get_response: View) -> View:
    """Limit what our pages may load and use, and keep other sites from loading them."""
    # The middleware of django-csp builds the policy for each response; ours is always the same.
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
    """Let a redirect leave the popup: htmx would follow it and show the page inside the dialog."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.htmx and response.has_header("Location"):  # type: ignore[attr-defined]
            return _carry_over(response, HttpResponseClientRedirect(response.headers["Location"]))
        return response

    return middleware


def _carry_over(old: HttpResponse, new: HttpResponse) -> HttpResponse:
    """Keep the cookies: session and messages must not be lost."""
    new.cookies = old.cookies
    return new


def reader_time_zone(get_response: View) -> View:
    def middleware(request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone(request.COOKIES.get("time_zone", "UTC"))):
            return get_response(request)

    return middleware


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")


class UnreadableSecretMiddleware:
    """Answers 503 if the server cannot read a secret: nobody gets in, and nobody is told to enroll again."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, SecretUnreadableError):
            return errors.unavailable(request)
        return None


class BodyLimit:
    """Refuses a body longer than the page accepts, before a byte of it is read.

    Django's own limit ignores files, and its CSRF check writes them to disk before it checks the token.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_arguments: object
    ) -> HttpResponse | None:
        if "Transfer-Encoding" in request.headers:
            # No browser sends a form in chunks, and Django would read the body as empty.
            return render(request, "400.html", status=HTTPStatus.LENGTH_REQUIRED)
        length = request.headers.get("Content-Length") or "0"
        if not length.isdecimal():
            return errors.bad_request(request)
        size = int(length)
        if size <= body_sizes.FORM or (size <= body_sizes.TABLE and _may_send_a_table(request, view)):
            return None
        return render(request, "413.html", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _may_send_a_table(request: HttpRequest, view: Callable[..., HttpResponseBase]) -> bool:
    return getattr(view, "takes_a_table", False) and request.user.is_authenticated


class LoginRequired(LoginRequiredMiddleware):
    """Leads back, after the login, to the page before: of a button's address, to the page with the button."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        return to_login(request)


def to_login(request: HttpRequest) -> HttpResponseRedirect:
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    return redirect_to_login(page_before(request))


def page_before(request: HttpRequest) -> str:
    """The start page if the form was sent from elsewhere."""
    page = request.headers.get("Referer", "")
    back = urlsplit(page) if is_ours(request, page) else None
    return urlunsplit(("", "", back.path, back.query, "")) if back else "/"


def page_for_405(get_response: View) -> View:
    """Show people a page for an address that takes no GET; programs need only the status."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method == "GET":
            page = render(request, "405.html", status=HTTPStatus.METHOD_NOT_ALLOWED)
            page.headers["Allow"] = response.headers["Allow"]
            return page
        return response

    return middleware
