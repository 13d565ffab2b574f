"""Opens an emailed link: its token leaves the address bar, and the ledger notes that; nothing else changes.

Mail scanners follow links too. The token only stays as a hash in this browser's session; what it opens is
looked up by the page behind it.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.durations import duration
from accounts.limits.refusals import What, admit_network
from invitations import opened_links
from invitations.models import Link

# So many links may be opened from one network address: more than an office does on its first day.
LINKS = 300
SECONDS = 15 * 60


def open_link(request: HttpRequest, purpose: Link.Purpose, token: str, page: str) -> HttpResponse:
    """Lead to the page of that name, without the token; 429 where an address tries too many."""
    wait = admit_network(request, What.LINKS, LINKS, SECONDS)
    if wait:
        return render(request, "429.html", {"wait": duration(wait)}, status=429)
    Link.note_opened(token, purpose)
    opened_links.remember_token(request, purpose, token)
    return redirect(page)
