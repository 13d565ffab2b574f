"""From which network address does a request come, and which addresses are counted as one customer's?"""

import pytest
from django.test import Client, RequestFactory

from accounts.models import AuditEntry
from accounts.network import by_network, client_address
from accounts.rate_limit import count
from tests.support.factories import PASSWORD, signed_in

LOGIN = "/login/"
NOT_KNOWN = "knows nobody's network address"


def request_from(peer, forwarded=None):
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return RequestFactory().get("/", REMOTE_ADDR=peer, **headers)


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        ([], "203.0.113.9", "10.0.0.1"),
        (["unix"], "203.0.113.9", "10.0.0.1"),
        (["10.0.0.0/8"], "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "198.51.100.1,203.0.113.9 ", "203.0.113.9"),
        (["10.0.0.0/8"], "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (["10.0.0.0/8"], "198.51.100.1, 10.0.0.3, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (["10.0.0.0/8"], "203.0.113.9:4711", "203.0.113.9"),
        (["10.0.0.0/8"], "2001:db8::5", "2001:db8::5"),
        (["10.0.0.0/8"], "2001:DB8:0:0::5", "2001:db8::5"),
        (["10.0.0.0/8"], "[2001:db8::5]:4711", "2001:db8::5"),
        (["10.0.0.0/8"], "[2001:db8::5", "2001:db8::5"),
        (["10.0.0.0/8"], "fe80::5%eth0", "fe80::5"),
        (["10.0.0.0/8"], "::ffff:203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "[::ffff:203.0.113.9]:4711", "203.0.113.9"),
        (["10.0.0.0/8"], "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"),
        (["10.0.0.0/8"], "", "10.0.0.1"),
        (["10.0.0.0/8"], None, "10.0.0.1"),
        (["10.0.0.0/8"], "nonsense", "10.0.0.1"),
        (["10.0.0.0/8"], "203.0.113.9, unknown", "10.0.0.1"),
        (["10.0.0.0/8"], "203.0.113.9,", "10.0.0.1"),
        (["0.0.0.0/0"], "203.0.113.9", "203.0.113.9"),
    ],
)
@pytest.mark.parametrize("peer", ["10.0.0.1", "::ffff:10.0.0.1", "::FFFF:a00:1"])
def test_only_trusted_proxies_name_another_address(settings, trusted, forwarded, address, peer):
    settings.TRUSTED_PROXIES = trusted
    assert client_address(request_from(peer, forwarded)) == address


@pytest.mark.parametrize("network", ["::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "::ffff:0:0/96"])
@pytest.mark.parametrize("peer", ["10.0.0.1", "::ffff:10.0.0.1"])
def test_a_proxy_may_be_named_in_the_form_that_the_system_shows(settings, network, peer):
    settings.TRUSTED_PROXIES = [network]
    assert client_address(request_from(peer, "203.0.113.9")) == "203.0.113.9"


@pytest.mark.parametrize("network", ["2001:db8::/32", "::/0"])
def test_a_network_of_ipv6_holds_no_address_of_ipv4(settings, network):
    settings.TRUSTED_PROXIES = [network]
    assert client_address(request_from("::ffff:10.0.0.1", "203.0.113.9")) == "10.0.0.1"


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        ([], "203.0.113.9", None),
        (["10.0.0.0/8", "0.0.0.0/0", "::/0"], "203.0.113.9", None),
        (["unix"], "203.0.113.9", "203.0.113.9"),
        (["unix"], "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (["unix", "10.0.0.0/8"], "198.51.100.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (["unix"], "nonsense", None),
        (["unix"], "", None),
        (["unix"], None, None),
    ],
)
def test_behind_a_unix_socket_the_proxy_names_the_address_where_it_is_trusted(
    settings, trusted, forwarded, address
):
    settings.TRUSTED_PROXIES = trusted
    assert client_address(request_from("", forwarded)) == address


@pytest.mark.parametrize(
    ("trusted", "peer", "headers", "is_told"),
    [
        ([], "10.0.0.1", {}, False),
        ([], "10.0.0.1", {"x-forwarded-for": "203.0.113.9"}, True),
        ([], "10.0.0.1", {"forwarded": "for=203.0.113.9"}, True),
        ([], "10.0.0.1", {"x-real-ip": "203.0.113.9"}, True),
        ([], "10.0.0.1", {"x-forwarded-proto": "https"}, True),
        (["10.0.0.2"], "10.0.0.1", {"x-forwarded-for": "203.0.113.9"}, True),
        (["10.0.0.1"], "10.0.0.1", {"x-forwarded-for": "203.0.113.9"}, False),
        (["10.0.0.1"], "::ffff:10.0.0.1", {"x-forwarded-for": "203.0.113.9"}, False),
        (["10.0.0.0/8"], "10.0.0.1", {"x-forwarded-for": "10.9.9.9"}, False),
        (["10.0.0.1"], "10.0.0.1", {"x-forwarded-proto": "https"}, True),
        (["10.0.0.1"], "10.0.0.1", {"x-forwarded-for": "nonsense"}, True),
        ([], "", {"x-forwarded-for": "203.0.113.9"}, True),
        (["unix"], "", {"x-forwarded-for": "203.0.113.9"}, False),
        (["unix"], "", {}, True),
    ],
)
def test_an_administrator_is_told_on_every_page_that_a_proxy_hides_people(  # noqa: PLR0917
    settings, admin, operator, trusted, peer, headers, is_told
):
    settings.TRUSTED_PROXIES = trusted
    for url in ("/account/settings/", "/operators/", "/my-settings/sessions/"):
        page = signed_in(admin).get(url, headers=headers, REMOTE_ADDR=peer).text
        assert (NOT_KNOWN in page) is is_told, url
    page = signed_in(operator).get("/my-settings/sessions/", headers=headers, REMOTE_ADDR=peer).text
    assert NOT_KNOWN not in page
    assert "Where you are signed in" in page


def test_a_stranger_s_headers_warn_nobody_else(admin_browser):
    Client().get("/login/", headers={"x-forwarded-for": "203.0.113.9"})
    assert NOT_KNOWN not in admin_browser.get("/operators/").text


def counted(address):
    return [limit.key for limit in by_network(request_from(address), "door", 5, 60)]


def test_an_ipv4_address_is_counted_as_one_however_it_is_written():
    assert counted("203.0.113.5") == counted("::ffff:203.0.113.5") == ["door 203.0.113.5"]
    assert counted("203.0.113.6") != counted("203.0.113.5")


def test_all_without_an_address_are_counted_together():
    assert counted("") == ["door unknown"]


def test_an_ipv6_line_is_one_and_its_neighbors_have_something_in_common():
    line, site = counted("2001:db8:1:2::1")
    assert counted("2001:db8:1:2:ffff::9") == [line, site]
    neighbor, same_site = counted("2001:db8:1:3::1")
    assert (neighbor != line, same_site) == (True, site)
    assert not set(counted("2001:db8:2:2::1")) & {line, site}


def test_65536_lines_of_one_holder_get_ten_times_what_one_gets(db):
    def comes_through(line):
        request = request_from(f"2001:db8:1:{line:x}::1")
        return count(by_network(request, "door", 3, 60)) == 0

    assert sum(comes_through(0) for _ in range(4)) == 3
    assert sum(comes_through(line) for line in range(1, 100)) == 26
    assert count(by_network(request_from("2001:db8:2::1"), "door", 3, 60)) == 0


@pytest.mark.parametrize("peer", ["::ffff:203.0.113.5", "203.0.113.5"])
def test_the_trail_names_an_ipv4_address_in_its_one_form(operator, peer):
    browser = signed_in(operator)
    browser.post("/logout/")
    browser.post(LOGIN, {"email": operator.email, "password": PASSWORD}, REMOTE_ADDR=peer)
    assert AuditEntry.objects.latest("pk").address == "203.0.113.5"
