"""Connections that say nothing, or not all of it: nobody waits for them, and they are not misread."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from operators.models import Operator
from tests.support.factories import make_account, make_operator
from tests.support.server import Server, serve
from tests.support.visitor import Visitor
from uptrends_2fa import body_sizes

# Seconds: for a request to arrive, and for an answer that waits for nobody.
PATIENCE, AT_ONCE = 3, 2
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
STATUS = re.compile(rb"HTTP/1\.1 (\d+) ")
Connect = Callable[..., socket.socket]


@pytest.fixture(scope="module")
def busy(server: Server, mail_server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker with two threads, who believes the proxy whoever it is."""
    settings = {"GUNICORN_WORKERS": "1", "GUNICORN_THREADS": "2", "FORWARDED_ALLOW_IPS": "*"}
    folder = tmp_path_factory.mktemp("busy")
    patience = {"GUNICORN_ARRIVES_WITHIN": str(PATIENCE)}
    with serve(folder, server.database_url, mail_server.port, **settings, **patience) as served:
        assert Visitor(served.url).get("/login/").status == 200  # it is up
        yield served


@pytest.fixture
def connect(busy: Server) -> Iterator[Connect]:
    """Opens connections, each with what it says at first; closes them in the end."""
    opened = []

    def connection(text: str = "") -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", int(urlsplit(busy.url).port or 0)), timeout=20))
        opened[-1].sendall(text.encode())
        return opened[-1]

    yield connection
    for one in opened:
        one.close()


def head(method: str = "GET", path: str = "/login/", *lines: str, version: str = "1.1") -> str:
    return f"{method} {path} HTTP/{version}\r\nHost: 127.0.0.1\r\n{''.join(lines)}"


def all_of(connection: socket.socket) -> bytes:
    """What comes until the server hangs up."""
    said = b""
    while data := connection.recv(65536):
        said += data
    return said


def seconds_of_an_answer(site: str) -> float:
    started = time.monotonic()
    assert Visitor(site).get("/login/").status == 200
    return time.monotonic() - started


UNFINISHED = {
    "nothing": "",
    "half a head": head("GET", "/login/", "X-More: to"),
    "half a form": head("POST", "/login/", FORM, "Content-Length: 1000\r\n\r\n", "email="),
    "half a large form": head("POST", "/login/", FORM, f"Content-Length: {body_sizes.TABLE}\r\n\r\n", "a"),
    "half a body of 80 MB": head("POST", "/login/", FORM, "Content-Length: 80000000\r\n\r\n", "email="),
    "half a chunk": head("POST", "/login/", FORM, "Transfer-Encoding: chunked\r\n\r\n", "9\r\nemail="),
    "one answer taken, and no end": head(version="1.0") + "\r\n",
}


@pytest.mark.parametrize("what", UNFINISHED)
def test_unfinished_requests_keep_nobody_waiting(busy, connect, what):
    for _ in range(6):
        connect(UNFINISHED[what])
    time.sleep(0.2)
    assert all(seconds_of_an_answer(busy.url) < AT_ONCE for _ in range(3))


@pytest.mark.parametrize("what", ["half a head", "half a form", "half a large form"])
def test_a_request_has_so_many_seconds_in_all_however_it_is_sent(connect, what):
    connection, started = connect(UNFINISHED[what]), time.monotonic()
    connection.settimeout(0.3)
    said = b""
    while not said:
        assert time.monotonic() - started < PATIENCE + AT_ONCE
        connection.sendall(b"a")
        try:
            said = connection.recv(65536)
        except TimeoutError:
            continue
    assert STATUS.findall(said) == [b"408"]
    assert time.monotonic() - started >= PATIENCE


def test_a_connection_that_says_nothing_is_closed_without_a_word(connect):
    assert all_of(connect()) == b""


def test_a_form_that_comes_in_pieces_is_read(busy, connect):
    visitor = Visitor(busy.url)
    visitor.get("/login/")
    body = f"csrfmiddlewaretoken={visitor.token}&email=nobody%40example.com&password=wrong"
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    lines = (FORM, f"Cookie: {cookies}\r\n", f"Content-Length: {len(body)}\r\n", "Connection: close\r\n\r\n")
    text = head("POST", "/login/", *lines) + body
    connection = connect()
    for start in range(0, len(text), 40):
        connection.sendall(text[start : start + 40].encode())
        time.sleep(0.01)
    said = all_of(connection)
    assert STATUS.findall(said) == [b"200"]
    assert b'value="nobody@example.com"' in said


REFUSED_UNREAD = {
    "80 MB": ("Content-Length: 80000000\r\n\r\n", "", b"413"),
    "chunks": ("Transfer-Encoding: chunked\r\n\r\n", "", b"411"),
    "whole chunks": ("Transfer-Encoding: chunked\r\n\r\n", "5\r\nemail\r\n0\r\n\r\n", b"411"),
}


@pytest.mark.parametrize("what", REFUSED_UNREAD)
def test_what_follows_a_body_that_was_refused_is_no_other_request(busy, connect, what):
    length, body, status = REFUSED_UNREAD[what]
    path = f"/setup/smuggled-{time.monotonic_ns()}/"
    said = all_of(connect(head("POST", "/login/", FORM, length) + body + head("GET", path) + "\r\n"))
    assert STATUS.findall(said) == [status]
    assert path not in busy.log.read_text()


def test_a_length_that_only_gunicorn_understands_ends_the_connection(connect):
    """Whatever the loop takes a request for, the parser decides where it ends."""
    hidden = head("GET", "/nowhere/") + "\r\n"
    odd = f"Content-Length: {len(hidden) + 500:020}\r\n\r\n"
    said = all_of(connect(head("GET", "/login/", odd) + hidden))
    assert STATUS.findall(said) == [b"200"]


def test_two_requests_of_one_connection_get_two_answers(connect):
    text = head("GET", "/login/") + "\r\n" + head("GET", "/nowhere/", "Connection: close\r\n\r\n")
    assert STATUS.findall(all_of(connect(text))) == [b"200", b"404"]


def test_a_second_request_that_is_not_finished_holds_no_thread_either(busy, connect):
    for _ in range(4):
        connect(head("GET", "/login/") + "\r\n" + UNFINISHED["half a head"])
    time.sleep(0.2)
    assert seconds_of_an_answer(busy.url) < AT_ONCE


def test_a_connection_is_kept_for_the_next_request(busy):
    connection = HTTPConnection(urlsplit(busy.url).netloc, timeout=20)
    ours = set()
    for _ in range(3):
        connection.request("GET", "/login/")
        assert connection.getresponse().read()
        ours.add(connection.sock)
        time.sleep(0.1)
    assert len(ours) == 1
    connection.close()


def test_answers_that_nobody_takes_hold_no_thread(busy, connect):
    style = re.search(r'href="(/static/vendor/bootstrap[^"]+)"', Visitor(busy.url).get("/login/").text)
    assert style
    for _ in range(4):
        connection = connect()
        connection.setblocking(False)
        for _ in range(60):
            with suppress(OSError):  # it is full, or has been closed
                connection.send((head("GET", style[1]) + "\r\n").encode())
            time.sleep(0.005)
    assert all(seconds_of_an_answer(busy.url) < AT_ONCE for _ in range(3))


def test_few_large_requests_arrive_at_once_and_the_others_are_served(busy, connect):
    for _ in range(8):
        connect(UNFINISHED["half a large form"])
    time.sleep(0.2)
    assert STATUS.findall(all_of(connect(UNFINISHED["half a large form"]))) == [b"503"]
    assert seconds_of_an_answer(busy.url) < AT_ONCE


def test_a_head_that_does_not_end_is_not_kept(connect):
    connection, end = connect(head()), time.monotonic() + 10

    def goes_on() -> None:
        while time.monotonic() < end:
            connection.sendall(b"X-More: " + b"a" * 1000 + b"\r\n")
            time.sleep(0.01)

    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        goes_on()


def test_a_table_of_2_mb_comes_through(busy):
    anna: Operator = make_operator(make_account(), administrator=True)
    visitor = Visitor(busy.url)
    visitor.open_session(anna)
    page = visitor.get("/operators/add/invite-many/")
    assert page.status == 200, page.path
    table = "Ivo Ito,ivo@example.com\r\n" + (" " * 1022 + "\r\n") * 2047
    fields = {"csrfmiddlewaretoken": visitor.token, "text": table}
    page = visitor.post_parts(page.path, fields)
    assert page.status == 200
    assert "Ivo Ito" in page.text.partition("<textarea")[0] + page.text.partition("</textarea>")[2]


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script_Name", "script-name"])
def test_nobody_chooses_where_the_links_of_a_page_begin(connect, name):
    said = all_of(connect(head("GET", "/", f"{name}: /evil\r\n", "Connection: close\r\n\r\n")))
    assert STATUS.findall(said) == [b"302"]
    assert b"Location: /login/?next=/\r\n" in said
    there = all_of(connect(head("GET", "/evil/login/", f"{name}: /evil\r\n", "Connection: close\r\n\r\n")))
    assert STATUS.findall(there) == [b"404"]


@pytest.mark.parametrize("name", ["PATH_INFO", "REMOTE_USER", "REMOTE_ADDR", "X_Forwarded_Proto"])
def test_nor_anything_else_that_a_server_tells_the_application(connect, name):
    said = all_of(connect(head("GET", "/nowhere/", f"{name}: /login/\r\n", "Connection: close\r\n\r\n")))
    assert STATUS.findall(said) == [b"404"]


def test_unfinished_requests_do_not_hold_up_a_restart(server, mail_server, tmp_path: Path):
    with serve(tmp_path, server.database_url, mail_server.port, GUNICORN_WORKERS="1") as served:
        seconds_of_an_answer(served.url)
        address = ("127.0.0.1", int(urlsplit(served.url).port or 0))
        held = [socket.create_connection(address) for _ in range(3)]
        for one in held:
            one.sendall(UNFINISHED["half a form"].encode())
        time.sleep(0.2)
        started = time.monotonic()
    assert time.monotonic() - started < 10
    for one in held:
        one.close()
