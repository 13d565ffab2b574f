"""The bare page behind the login: it reads the session and who is logged in, and shows nothing."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    """Answer with the number of whoever is logged in."""
    return HttpResponse(str(request.user.pk), content_type="text/plain")


ADDRESS = "/bench-bare/"
urlpatterns = [path(ADDRESS.removeprefix("/"), bare)]
