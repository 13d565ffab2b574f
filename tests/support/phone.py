"""A phone: reads QR codes from a screen's picture by zbarimg, and makes codes by oathtool."""

import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator

from operators.models import Operator

STEP = 30
MARGIN = 6  # seconds that a code may take from here to the server's clock


class Phone:
    """One authenticator app with one entry."""

    def __init__(self, folder: Path, secret: str = "") -> None:
        self.folder = folder
        self.secret = secret
        self.uri = ""
        self.last_step = 0

    def scan(self, picture: Locator) -> str:
        """Read a QR code off the screen; the address in it."""
        path = self.folder / "qr.png"
        picture.screenshot(path=path, caret="initial")  # hiding it would touch the style
        command = ["zbarimg", "--raw", "-q", "--nodbus", str(path)]
        self.uri = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        assert self.uri.startswith("otpauth://totp/"), self.uri
        self.secret = parse_qs(urlsplit(self.uri).query)["secret"][0]
        return self.uri

    def code(self, steps: int = 0) -> str:
        """The code that a phone shows whose clock is so many time steps off."""
        return self._code_at(int(time.time()) // STEP + steps)

    def next_code(self, operator: Operator | None = None) -> str:
        """A code that was not used yet, and that is right now and for some seconds more.

        The previous, the current and the next step's code are right. Where all of them are used up, the
        server's memory of them is turned back.
        """
        now, rest = divmod(int(time.time()), STEP)
        earliest = now if rest > STEP - MARGIN else now - 1
        step = max(earliest, self.last_step + 1)
        if step > now + 1:
            assert operator, "all codes of this minute are used up"
            assert Operator.objects.filter(pk=operator.pk).update(last_code_step=0)
            step = now
        self.last_step = step
        return self._code_at(step)

    def _code_at(self, step: int) -> str:
        command = ["oathtool", "--totp", "-b", self.secret, "--now", f"@{step * STEP}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def wrong_code(phone: Phone) -> str:
    """A code of no time near now."""
    near = {phone.code(steps) for steps in range(-25, 26)}
    return next(code for code in (f"{number:06}" for number in range(1000)) if code not in near)
