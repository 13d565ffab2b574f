"""Checks settings before the application serves: each function says what to set, or "" if all is well."""

import base64
import ipaddress
import re
from collections.abc import Iterable
from email.utils import parseaddr
from urllib.parse import urlsplit

DEVELOPMENT_SECRET_KEY = "development-only-never-use-this-key-where-people-sign-in-0123456789"  # noqa: S105
DEVELOPMENT_TWO_FACTOR_KEY = "ZGV2ZWxvcG1lbnQtb25seS1uZXZlci1pbi1wcm9kdWM="
MINIMUM_KEY_LENGTH = 50
FERNET_KEY_BYTES = 32
# A host as browsers send it: a name or an address, IPv6 in brackets, other scripts as xn--….
HOST_NAME = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])"
HOST = re.compile(HOST_NAME)
SITE = re.compile(rf"https?://{HOST_NAME}(?::[1-9][0-9]{{0,4}})?")
SENDER = re.compile(r"[^\s@<>]+@[^\s@<>]+")


def missing(
    secret_key: str, two_factor_keys: list[str], site_url: str, allowed_hosts: list[str]
) -> list[str]:
    sentences = [
        about_secret_keys([secret_key]),
        about_two_factor_keys(two_factor_keys),
        about_site_url(site_url),
        about_hosts(allowed_hosts),
    ]
    return [sentence for sentence in sentences if sentence]


def about_site_url(site_url: str) -> str:
    if not site_url.startswith(("http://", "https://")):
        return "Set SITE_URL to the address people use, for example https://2fa.example.com."
    if SITE.fullmatch(site_url):
        return ""
    return (
        "Set SITE_URL to scheme and host alone, with a port where there is one, for example "
        "https://2fa.example.com: the pages have no path before their own, and a link no user name."
    )


def cookie_name(site_url: str) -> str:
    """Bind cookies to the host over TLS, and to the port: two installations must not share them."""
    port = re.search(r":(\d+)$", site_url)
    return ("__Host-" if site_url.startswith("https://") else "") + "{}" + (f"_{port[1]}" if port else "")


def about_sender(sender: str) -> str:
    _name, address = parseaddr(sender)
    if SENDER.fullmatch(address) and "\n" not in sender:
        return ""
    return "Set DEFAULT_FROM_EMAIL to one address, such as Uptrends <no-reply@example.com>."


def about_secret_keys(keys: Iterable[str]) -> str:
    if all(key != DEVELOPMENT_SECRET_KEY and len(key) >= MINIMUM_KEY_LENGTH for key in keys):
        return ""
    return f"Set SECRET_KEY to a random text of at least {MINIMUM_KEY_LENGTH} characters."


def about_two_factor_keys(keys: list[str]) -> str:
    if keys and DEVELOPMENT_TWO_FACTOR_KEY not in keys and all(map(_is_fernet_key, keys)):
        return ""
    return (
        "Set TWO_FACTOR_KEYS to a key made by: python -c "
        '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
    )


def _is_fernet_key(text: str) -> bool:
    """Without a valid key people would get a 503 as soon as they log in."""
    try:
        return len(base64.urlsafe_b64decode(text)) == FERNET_KEY_BYTES
    except ValueError:
        return False


def about_hosts(hosts: list[str]) -> str:
    # HOST refuses a leading dot, Django's wildcard for every name below a domain.
    if hosts and all(map(HOST.fullmatch, hosts)):
        return ""
    return (
        "Set ALLOWED_HOSTS to the host names of SITE_URL, separated by commas: each in full, without "
        "wildcard, scheme, port or path."
    )


def about_plain_http(site_url: str) -> str:
    """Accept plain HTTP only where it never leaves this machine."""
    address = urlsplit(site_url)
    if address.scheme == "https" or _is_loopback(address.hostname or ""):
        return ""
    return (
        "Set SITE_URL to an address with https, and let a reverse proxy speak TLS: with plain http "
        "passwords, codes and sessions can be read on the way. Only 127.0.0.1, [::1] and localhost may do "
        "without."
    )


def about_proxies(proxies: Iterable[str]) -> str:
    try:
        for proxy in proxies:
            # accounts.network.UNIX_SOCKET, which settings cannot import.
            if proxy != "unix" and ipaddress.ip_network(proxy).prefixlen == 0:
                return f"Set TRUSTED_PROXIES to your proxies alone: {proxy} lets everybody say who they are."
    except ValueError as error:
        return (
            "Set TRUSTED_PROXIES to addresses or networks, such as 127.0.0.1 or 10.0.0.0/8, or to unix for a "
            f"Unix socket: {error}."
        )
    return ""


def about_unnamed_proxy(*, behind_proxy: bool, proxies: Iterable[str]) -> str:
    """Without the proxy's address all people share it, and the limits on guessing hit everybody at once."""
    if not behind_proxy or any(proxies):
        return ""
    return (
        "Set TRUSTED_PROXIES to the address from which the proxy connects, such as 127.0.0.1, or to unix for "
        "a Unix socket. BEHIND_TLS_PROXY says that there is a proxy: without its name all people have its "
        "address, and one of them uses up the tries of all."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
