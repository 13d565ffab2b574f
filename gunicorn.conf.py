"""How is the application served? Read by gunicorn at its start; every number can be set from outside."""

import os
import sys
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

# Started as a script, gunicorn reads this file before it looks for modules beside it.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from uptrends_2fa.logs import CleanFormatter, without_token
from uptrends_2fa.serving import Worker

# --- Where it listens ---
# Behind a reverse proxy that speaks TLS, hence the loopback address. Which proxies are believed when they
# say that a request came by https is gunicorn's own variable FORWARDED_ALLOW_IPS (default 127.0.0.1).
bind = os.environ.get("GUNICORN_BIND", "127.0.0.1:8000")
# The proxy says X-Forwarded-Proto, and nothing else. Any other header that gunicorn believes and the proxy
# does not overwrite is the browser's: SCRIPT_NAME, believed by default, would begin each link on a page.
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""
header_map = "drop"

# Nobody steers a running server through gunicorn's socket, and two servers of one user would share it.
control_socket_disable = True

# --- How much at once ---
# A password check by Argon2 takes about 100 MiB for about 0.1 seconds of a core, and each request may be
# one. So the most memory that hashing can take is workers x threads x 100 MiB: 400 MiB as set here, on top
# of about 80 MiB for each worker. A core for each worker; more threads let more requests wait for the
# database or for the mail server at once.
workers = int(os.environ.get("GUNICORN_WORKERS", "2"))
threads = int(os.environ.get("GUNICORN_THREADS", "2"))
# Threads, each of which gets a request once it has arrived as a whole.
worker_class = Worker

# --- How long ---
# A request waits at most 15 seconds for another's lock in the database and, with MAIL_QUEUE=immediate, 5
# seconds for each answer of a mail server (EMAIL_TIMEOUT); one that says nothing costs 5 in all, one that
# answers every step at the last moment some 40. None of this stops a worker: it gives its sign of life from
# a thread of its own. One that gives none for so long is stuck and is replaced; one that is asked to stop
# gets as long.
timeout = int(os.environ.get("GUNICORN_TIMEOUT", "30"))
graceful_timeout = timeout
keepalive = 5

# A worker's memory grows to its largest moment and stays there. It is replaced after so many requests, not
# all workers at once.
max_requests = int(os.environ.get("GUNICORN_MAX_REQUESTS", "2000"))
max_requests_jitter = max_requests // 10

# The sign of life is a file that is touched each second; in memory, a slow disk cannot hold it up.
if Path("/dev/shm").is_dir():  # noqa: S108 - gunicorn makes a file of its own in it, with a random name
    worker_tmp_dir = "/dev/shm"  # noqa: S108

# --- What is logged ---
accesslog = "-"
errorlog = "-"
# Address, time, method, path, status, bytes, milliseconds. No query string, no referring page.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'


class TokenFreeLogger(Logger):  # type: ignore[misc]
    """Gunicorn's logger, but for the tokens: whoever reads the log must not be able to use the links."""

    def setup(self, cfg: Any) -> None:
        """Clean tracebacks, too: they quote what the failing code was given."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(CleanFormatter(self.error_fmt, self.datefmt))

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        """Return the parts of an access log line, the path as it was sent and without a token."""
        atoms: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        # PATH_INFO is decoded, and could begin a new line in the log; the path as sent cannot.
        atoms["U"] = without_token(environ["RAW_URI"])
        return atoms

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log an error that the application did not catch; the request's address is among its arguments."""
        args = tuple(without_token(arg) if isinstance(arg, str) else arg for arg in args)
        super().exception(msg, *args, **kwargs)


logger_class = TokenFreeLogger
