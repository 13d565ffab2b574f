"""Which browser on which system is it? In words that a person recognizes, from the User-Agent header.

A table instead of a library: browsers have frozen that header, so that brand and system are all it still
tells, and whoever wants to can send anything. It is a help for recognizing one's own, never a proof.
"""

from django.http import HttpRequest
from django.utils.translation import gettext as _

USER_AGENT_LENGTH = 300
# What to look for, and whose it is. The first that is found counts: most browsers claim to be others too.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def user_agent(request: HttpRequest) -> str:
    # A NUL is the one character that PostgreSQL does not store.
    return request.headers.get("User-Agent", "").replace("\0", "")[:USER_AGENT_LENGTH]


def browser_name(text: str) -> str:
    browser, system = _first(BROWSERS, text), _first(SYSTEMS, text)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    if system:
        return _("A browser on %(system)s") % {"system": system}
    return browser or _("An unknown browser")


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for sign, name in table if sign in text), "")
