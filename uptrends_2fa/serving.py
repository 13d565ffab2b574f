"""Gives a request a thread only once it has arrived completely, so that slow requests hold none.

Gunicorn's threads read headers and body themselves, and wait forever: four connections that send a byte now
and then would stop a server of four threads. A reverse proxy that forwards whole requests only (as nginx does
by default) prevents that; Caddy does so for headers alone, and nothing guarantees that there is a proxy. So
the loop that waits for new connections collects what they send, and a request has ARRIVES_WITHIN seconds in
all. Written for gunicorn 27, pinned in requirements/base.txt; tests/breakage/test_slow_clients.py tests it
with real connections.
"""

import fcntl
import os
import re
import selectors
import socket
import struct
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.http.body import LengthReader
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from uptrends_2fa import body_sizes

# Seconds for a request to arrive, for a part of the answer to be taken, and for the client to hang up.
ARRIVES_WITHIN = float(os.environ.get("GUNICORN_ARRIVES_WITHIN", "30"))
TAKEN_WITHIN = 30
HANGS_UP_WITHIN = 2
AT_ONCE = 64 * 1024
# Bytes of earlier responses that may still be on their way when the next request comes.
LEFT_AT_MOST = 256 * 1024
LONGEST_HEAD = 32 * 1024
# A worker keeps at most 20 MB of requests that are longer than usual.
LARGE = 16 * 1024
LARGE_AT_ONCE = 8
MAPPED = re.compile(r"::ffff:([0-9.]+)")
# Only says how much to wait for: gunicorn's own parser judges the request afterwards.
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?:\r\n|$)", re.IGNORECASE)


class Received(Unreader):  # type: ignore[misc]
    """What has arrived on a connection; a thread that wants more is told that nothing follows."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        return b""

    def append(self, data: bytes) -> None:
        self.buf.seek(0, 2)
        self.buf.write(data)

    def __len__(self) -> int:
        return len(self.buf.getbuffer())


class Connection(TConn):  # type: ignore[misc]
    """One connection, and how much of its next request is still to come."""

    def __init__(self, *parts: Any, hang_up: "Callable[[Connection], None]") -> None:
        super().__init__(*parts)
        self.parser: RequestParser | None = None
        self.received = Received()
        self.hang_up = hang_up
        self.data_ready = True  # gunicorn's threads need not wait for it
        self.wanted: int | None = None
        self.arrives_by: float | None = None
        self.ending = False

    def init(self) -> None:
        """Called by the thread before each request: let gunicorn parse what has arrived."""
        self.initialized = True
        self.sock.settimeout(TAKEN_WITHIN)
        if self.parser is None:
            self.parser = RequestParser(self.cfg, [], self.client)
            self.parser.unreader = self.received

    def receive(self) -> bool:
        """Return false if nothing more will come."""
        try:
            data = self.sock.recv(AT_ONCE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not self.ending:
            self.received.append(data)
        return bool(data)

    def is_whole(self) -> bool:
        """Whether a thread can answer now: everything is there, or it will be refused without being read."""
        if self.wanted is None:
            head, end, _body = self.received.buf.getvalue().partition(b"\r\n\r\n")
            if not end:
                return len(head) > LONGEST_HEAD
            length = LENGTH.search(head)
            body = int(length[1]) if length else 0
            self.wanted = len(head) + len(end) + (body if body <= body_sizes.TABLE else 0)
        return len(self.received) >= self.wanted

    def has_answers_left(self) -> bool:
        """Whether the client asks for more without reading its responses: a thread would wait for it.

        An honest client that asks for the next page has read the last, or all but its end.
        """
        with suppress(OSError):
            (waiting,) = struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4)))
            return not self.ending and waiting > LEFT_AT_MOST
        return False

    @property
    def is_large(self) -> bool:
        return (self.wanted or 0) > LARGE

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002  gunicorn's signature
        if graceful:
            self.hang_up(self)
        else:
            super().close()


def _plain(address: Any) -> Any:
    """Undo the mapping of IPv4 on an IPv6 socket (::ffff:203.0.113.5), unknown to FORWARDED_ALLOW_IPS."""
    mapped = isinstance(address, tuple) and MAPPED.fullmatch(address[0])
    return (mapped[1], address[1]) if mapped else address


class Worker(ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.cfg.is_ssl:
            msg = "TLS is the reverse proxy's: take certfile and keyfile from gunicorn's settings."
            raise RuntimeError(msg)

    def accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):
            client_sock, address = listener.accept()
            self.nr_conns += 1
            parts = (self.cfg, client_sock, _plain(address), listener.getsockname())
            self.enqueue_req(Connection(*parts, hang_up=self._hang_up))

    def enqueue_req(self, conn: Connection) -> None:
        """Hand a complete request to a thread; until it is complete, the loop waits for it."""
        conn.sock.setblocking(False)
        may_go_on = conn.receive()
        if conn.has_answers_left():
            self._drop(conn)
        elif not conn.ending and conn.is_whole():
            conn.wanted = conn.arrives_by = None
            super().enqueue_req(conn)
        elif not may_go_on:
            self._drop(conn)
        elif self._has_room_for(conn):
            conn.arrives_by = conn.arrives_by or time.monotonic() + ARRIVES_WITHIN
            self._wait_for(conn, conn.arrives_by)
        else:
            self._refuse(conn, 503, "Service Unavailable", "Too much is being sent at once. Try again.")

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Close the connection after a request with an incomplete body.

        What follows would be the rest of the body, and must not be read as another request.
        """
        body = req.body.reader
        if not isinstance(body, LengthReader) or body.length > len(conn.received):
            req.force_close()
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        now = time.monotonic()
        for conn in [conn for conn in self.pending_conns if conn.timeout <= now]:
            self.pending_conns.remove(conn)
            self.poller.unregister(conn.sock)
            if len(conn.received) and not conn.ending:
                self._refuse(conn, 408, "Request Timeout", "The request did not arrive in time.")
            else:
                self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Don't let an unfinished request delay a worker that is stopping."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _has_room_for(self, conn: Connection) -> bool:
        return not conn.is_large or sum(other.is_large for other in self.pending_conns) < LARGE_AT_ONCE

    def _wait_for(self, conn: Connection, until: float) -> None:
        """Return to the connection when there is something to read, or its time is over."""
        conn.timeout = until
        self.pending_conns.append(conn)
        comes_back = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, comes_back)

    def _hang_up(self, conn: Connection) -> None:
        """Say that nothing follows, and wait until the client has read it all (RFC 9112, 9.6).

        Gunicorn would wait for two seconds in the loop itself, serving nobody meanwhile.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.close()
            return
        self.nr_conns += 1
        conn.sock.setblocking(False)
        conn.ending = True
        conn.arrives_by = time.monotonic() + HANGS_UP_WITHIN
        self._wait_for(conn, conn.arrives_by)

    def _refuse(self, conn: Connection, status: int, reason: str, text: str) -> None:
        with suppress(OSError):
            util.write_error(conn.sock, status, reason, text)
        self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()
