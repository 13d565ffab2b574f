"""The error pages that Django does not choose by itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def bad_request(request: HttpRequest) -> HttpResponse:
    """Answer 400 for a request that no browser sends by itself."""
    return render(request, "400.html", status=400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 for a form from an old tab, or from another site."""
    return render(request, "403_csrf.html", status=403)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Answer 503 when the server lacks something it needs, such as an encryption key."""
    return render(request, "503.html", status=503)
