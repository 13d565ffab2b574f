"""Opens an emailed link: moves its token out of the address bar, and notes that in the ledger.

Nothing else changes, because mail scanners follow links too. This browser's session keeps only the token's
hash, by which the next page finds the link.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.durations import duration
from accounts.limits.refusals import What, admit_network
from invitations import opened_links
from invitations.models import Link

# From one network address: more than an office opens on its first day.
LINKS = 300
SECONDS = 15 * 60


def open_link(request: HttpRequest, purpose: Link.Purpose, token: str, page: str) -> HttpResponse:
    """Redirects, so that the page's address is without the token."""
    wait = admit_network(request, What.LINKS, LINKS, SECONDS)
    if wait:
        return render(request, "429.html", {"wait": duration(wait)}, status=429)
    Link.note_opened(token, purpose)
    opened_links.remember_token(request, purpose, token)
    return redirect(page)
