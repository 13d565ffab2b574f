"""From which network address does a request come, and which addresses are counted as one customer's?"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from accounts.rate_limit import Limit

# What proxies add to a request, and browsers do not.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# In TRUSTED_PROXIES: whatever connects to the server's Unix socket, which has no address.
UNIX_SOCKET = "unix"
# An IPv6 line has 2^64 addresses, and many have 65,536 times as many (a /48), with as many customers as one
# behind each: all of them together get so many times what one line gets.
LINE, SITE, SITE_GETS = 64, 48, 10
MAPPED_BITS = 96  # ::ffff:0:0/96 holds the IPv4 addresses (RFC 4291, 2.5.5.2)


def client_address(request: HttpRequest) -> str | None:
    """Return the address of the connection, or the one that a trusted proxy forwarded.

    X-Forwarded-For is read from its right end, where the proxies write, and only as far as the proxies in
    TRUSTED_PROXIES go: what a browser puts into it itself is never reached. Where a trusted proxy wrote no
    address, the proxy's own is the answer. None: a Unix socket that is not trusted, or whose proxy is silent.
    """
    hops = [*request.META.get("HTTP_X_FORWARDED_FOR", "").split(","), request.META.get("REMOTE_ADDR", "")]
    trusted = _trusted(tuple(settings.TRUSTED_PROXIES))
    if not hops[-1] and UNIX_SOCKET in settings.TRUSTED_PROXIES:
        hops.pop()
    last = None
    for hop in reversed(hops):
        address = _parse(hop)
        if address is None:
            break
        last = str(address)
        if not any(address in network for network in trusted):
            break
    return last


def is_address_hidden(request: HttpRequest) -> bool:
    """Whether this came by a proxy behind which all have one address: it is not trusted, or names nobody.

    A stranger can add the headers by hand. So it is worth something about the requests of people one trusts.
    """
    peer, address = _parse(request.META.get("REMOTE_ADDR", "")), client_address(request)
    if peer is None:
        return address is None
    if any(peer in network for network in _trusted(tuple(settings.TRUSTED_PROXIES))):
        return address == str(peer)
    return any(name in request.headers for name in FORWARDED)


def by_network(request: HttpRequest, what: str, allowed: int, seconds: int) -> list[Limit]:
    address = client_address(request)
    if address is None or ":" not in address:
        return [Limit(f"{what} {address or 'unknown'}", allowed, seconds, is_gate=True)]
    line, site = (ip_network((address, bits), strict=False) for bits in (LINE, SITE))
    return [
        Limit(f"{what} {line}", allowed, seconds, is_gate=True),
        Limit(f"{what} {site}", allowed * SITE_GETS, seconds, is_gate=True),
    ]


@lru_cache(maxsize=8)
def _trusted(proxies: tuple[str, ...]) -> list[Network]:
    return [_unmapped(ip_network(proxy)) for proxy in proxies if proxy != UNIX_SOCKET]


def _unmapped(network: Network) -> Network:
    first = network.network_address
    if isinstance(first, IPv6Address) and first.ipv4_mapped and network.prefixlen >= MAPPED_BITS:
        return IPv4Network((first.ipv4_mapped, network.prefixlen - MAPPED_BITS))
    return network


def _parse(hop: str) -> Address | None:
    try:
        address = ip_address(_without_port(hop.strip()).partition("%")[0])
    except ValueError:
        return None
    # A server that listens at [::] sees IPv4 as ::ffff:203.0.113.5.
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
