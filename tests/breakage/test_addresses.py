"""Whose address stands in the trail, whatever the server listens at and whatever a browser says?"""

import socket
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from accounts.models import Action, AuditEntry
from tests.support.factories import make_account, make_operator
from tests.support.faults import until
from tests.support.server import serve

PATIENCE = 30  # seconds


class AtSocket(HTTPConnection):
    """As a reverse proxy on the same machine connects."""

    def __init__(self, path: str) -> None:
        super().__init__("127.0.0.1", timeout=PATIENCE)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def is_up(connection: HTTPConnection) -> bool:
    try:
        connection.connect()
    except OSError:
        connection.close()
        return False
    return True


def log_in_wrongly(connection: HTTPConnection, email: str, **headers: str) -> None:
    """Send the form of the login page, as the proxy passes it on."""
    until(lambda: is_up(connection))
    connection.request("GET", "/login/", headers={"Host": "login.example.com", **headers})
    page = connection.getresponse()
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    token = page.read().decode().partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    fields = {"csrfmiddlewaretoken": token, "email": email, "password": "wrong"}
    sent = {"Host": "login.example.com", "Cookie": cookie, **headers}
    sent |= {
        "Content-Type": "application/x-www-form-urlencoded",
        "Referer": "https://login.example.com/login/",
    }
    connection.request("POST", "/login/", urlencode(fields), sent)
    answer = connection.getresponse()
    assert answer.status == 200, answer.headers.items()
    answer.read()
    connection.close()


@pytest.mark.parametrize(
    ("kind", "trusted", "forwarded", "address"),
    [
        ("unix", "unix", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("unix", "127.0.0.1", "203.0.113.9", None),
        ("[::]", "127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("[::]", "10.0.0.1", "203.0.113.9", "127.0.0.1"),
    ],
)
def test_the_trail_names_whom_a_trusted_proxy_names(  # noqa: PLR0917
    server, mail_server, tmp_path: Path, kind, trusted, forwarded, address
):
    olga, port, path = make_operator(make_account()), free_port(), tmp_path / "socket"
    settings = {
        "GUNICORN_BIND": f"unix:{path}" if kind == "unix" else f"[::]:{port}",
        "GUNICORN_WORKERS": "1",
        "TRUSTED_PROXIES": trusted,
        "SITE_URL": "https://login.example.com",
        "ALLOWED_HOSTS": "login.example.com",
        # As gunicorn has it by itself: a proxy at [::] is known by its IPv4 address.
        "FORWARDED_ALLOW_IPS": "127.0.0.1",
    }
    with serve(tmp_path, server.database_url, mail_server.port, **settings):
        at_port = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection = AtSocket(str(path)) if kind == "unix" else at_port
        headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
        log_in_wrongly(connection, olga.email, **headers)
    entry = AuditEntry.objects.get(subject_id=olga.pk, action=Action.SIGN_IN_FAILED)
    assert entry.address == address
