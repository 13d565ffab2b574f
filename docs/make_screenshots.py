"""Makes the pictures in docs/screenshots from the demo's sample account; run by `make screenshots`."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "screenshots"
PORT = "8765"
SITE = f"http://127.0.0.1:{PORT}"
PASSWORD = "correct horse battery"  # noqa: S105  the demo's


def wait_for_server(seconds: int = 60) -> None:
    """Return as soon as the sign-in page answers."""
    for _ in range(seconds * 5):
        try:
            socket.create_connection(("127.0.0.1", int(PORT))).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The demo did not start.")


def log_in(page: Page, email: str) -> None:
    """Give email and password."""
    page.goto(f"{SITE}/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def take(page: Page) -> None:
    """Take all pictures."""
    log_in(page, "anna@example.com")
    page.get_by_role("heading", name="Operators and groups").wait_for()
    page.screenshot(path=TARGET / "operators.png")
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=TARGET / "operators-dark.png")
    page.emulate_media(color_scheme="light")
    page.get_by_role("link", name="Olga Operator").click()
    page.screenshot(path=TARGET / "operator.png")
    page.get_by_role("link", name="Scan QR code").click()
    page.get_by_role("button", name="Finish").wait_for()
    page.screenshot(path=TARGET / "popup.png")
    page.context.clear_cookies()
    log_in(page, "paul@example.com")
    page.get_by_label("6-digit code").wait_for()
    page.screenshot(path=TARGET / "code.png")
    page.context.clear_cookies()
    log_in(page, "olga@example.com")
    page.get_by_role("heading", name="Check your email").wait_for()
    page.screenshot(path=TARGET / "check-email.png")


def main() -> None:
    """Serve the demo on a database of its own and take the pictures."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{scratch}/demo.sqlite3",
            "GUNICORN_WORKERS": "1",
        }
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        command = [sys.executable, str(ROOT / "manage.py"), "demo", "--port", PORT]
        server = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
        try:
            wait_for_server()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path="/usr/bin/chromium-headless-shell", args=["--no-sandbox"]
                )
                take(browser.new_page(viewport={"width": 1240, "height": 860}, reduced_motion="reduce"))
                browser.close()
        finally:
            os.killpg(server.pid, 15)


if __name__ == "__main__":
    main()
