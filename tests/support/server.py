"""The product as it is deployed: gunicorn, the worker, production settings, processes of their own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30  # seconds


@dataclass(frozen=True)
class Server:
    """Where the product is served, and where it keeps its data."""

    url: str
    database_url: str
    log: Path
    pid: int


@contextmanager
def serve(folder: Path, database_url: str, smtp_port: int, **settings: str) -> Iterator[Server]:
    """Migrate, collect the static files, and serve until the end; `settings` are further variables."""
    # The port is opened here and handed over: requests wait in line until the workers are there.
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        env = {
            # SECRET_KEY and TWO_FACTOR_KEYS are the tests' own: both sides read each other's secrets.
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "uptrends_2fa.settings",
            "DEBUG": "off",
            "SITE_URL": url,
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": database_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp_port}",
            "DEFAULT_FROM_EMAIL": "Uptrends <no-reply@example.com>",
            # The pages say within the request what the mail server said; the queue: test_worker.py.
            "MAIL_QUEUE": "immediate",
            "STATIC_ROOT": str(folder / "static"),
            "GUNICORN_BIND": f"fd://{listener.fileno()}",
            "GUNICORN_WORKERS": "2",
            **settings,
        }
        for command in (["migrate"], ["collectstatic", "--noinput"]):
            subprocess.run([sys.executable, "manage.py", *command, "-v0"], cwd=ROOT, env=env, check=True)
        log = folder / "server.log"
        with log.open("w") as output:
            gunicorn = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "uptrends_2fa.wsgi"],
                cwd=ROOT,
                env=env,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
            )
        try:
            yield Server(url, database_url, log, gunicorn.pid)
        finally:
            gunicorn.terminate()
            gunicorn.wait(timeout=60)


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[subprocess.Popen]:
    """A worker that is asked to stop in the end, and does, unless the test has killed it."""
    command = [sys.executable, "manage.py", "worker", "--interval", "0.1"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield process
        if process.returncode is None:
            process.terminate()
            assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def start(**env: str) -> str:
    """Load the WSGI application as gunicorn does; what it complained about."""
    ran = subprocess.run(
        [sys.executable, "-c", "import uptrends_2fa.wsgi"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "uptrends_2fa.settings", "DEBUG": "off", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stderr if ran.returncode else ""
