"""Somebody at a browser of their own, with what must hold on every page they see."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Response, expect

from operators.models import Operator
from operators.signin.session_store import SessionStore
from tests.support.factories import PASSWORD, signed_in
from tests.support.phone import Phone
from twofactor import proof
from uptrends_2fa.production import cookie_name

WIDE, NARROW, HEIGHT = 1180, 360, 800
# The narrowest windows of each arrangement between those two.
BETWEEN = (600, 760)
OVERRIDE = "Override two-factor authentication settings"
SCAN = "Scan QR code to set up two-factor authentication"
RESET = "Reset two-factor authentication"
PICTURES = os.environ.get("BROWSER_PICTURES")  # a folder for a picture of every page that is looked at
# Each width and each mode once: colors do not hang on the width, nor the order of things on the mode.
VIEWS: list[tuple[int, Literal["light", "dark"]]] = [(WIDE, "light"), (NARROW, "dark")]
STATUS_NOTE = re.compile(r"Failed to load resource: .* status of (\d+)")
_axe = Axe()


class Person:
    """One browser context: own cookies, one window at first."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.context = context
        self.site = site
        self.problems: list[str] = []
        self.expected_statuses: set[int] = set()
        context.on("page", self._watch)
        self.page = context.new_page()

    def _watch(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        # That an answer was no success is judged by its status.
        if message.type in ("error", "warning") and not STATUS_NOTE.search(message.text):
            self.problems.append(message.text)

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected_statuses:
            self.problems.append(f"{response.status} from {response.url}")

    # Going

    def go(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.site + path)

    def new_tab(self) -> Page:
        self.page = self.context.new_page()
        return self.page

    def open_session(self, operator: Operator) -> None:
        """Be signed in without having signed in, where signing in is not what is tested."""
        client = signed_in(operator)
        value = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.context.add_cookies([{"name": self.cookie("sessionid"), "value": value, "url": self.site}])

    def cookie(self, name: str) -> str:
        """The name of a cookie of this site, which has a port."""
        return cookie_name(self.site).format(name)

    def wait_a_quarter_of_an_hour(self) -> None:
        """Let the proof of this browser's session grow old, without waiting."""
        name = self.cookie("sessionid")
        [key] = [cookie["value"] for cookie in self.context.cookies() if cookie["name"] == name]
        session = SessionStore(key)
        state = session[proof.SESSION_KEY]
        session[proof.SESSION_KEY] = {**state, "at": state["at"] - proof.LIFETIME}
        session.save()

    def log_in(self, email: str, password: str = PASSWORD, path: str = "/login/") -> None:
        self.go(path)
        self.fill("Email", email)
        self.fill("Password", password)
        self.press("Log in")

    def log_out(self) -> None:
        self.page.locator(".user-menu summary").click()
        self.press("Log out")
        self.sees("You are logged out.")

    # Doing

    def fill(self, label: str, text: str) -> None:
        """Type into a field of the dialog where one is open, as the page behind it cannot be reached then."""
        place = self.dialog if self.dialog.count() else self.page
        place.get_by_label(label, exact=True).fill(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    def choose(self, name: str) -> None:
        # Its label lies over the radio button and takes the click, as it would a person's.
        self.page.get_by_role("radio", name=name, exact=True).and_(self.page.locator(":enabled")).check(
            force=True
        )

    def type_code(self, code: str, button: str) -> None:
        self.fill("6-digit code", code)
        self.press(button)

    def set_up(self, phone: Phone) -> None:
        """Scan what the page shows and finish."""
        phone.scan(self.qr)
        self.type_code(phone.next_code(), "Finish")

    def save_recovery_codes(self) -> list[str]:
        """Go on from the page that shows them."""
        self.heading("Recovery codes")
        codes = self.page.locator(".recovery-codes li").all_inner_texts()
        self.page.get_by_label("I have saved these codes").check()
        self.press("Go on")
        return codes

    # Seeing

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def qr(self) -> Locator:
        return self.page.locator(".qr")

    def sees(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator("body")).to_contain_text(text)

    def sees_within(self, text: str, seconds: float) -> None:
        expect(self.page.locator("body")).to_contain_text(text, timeout=seconds * 1000)

    def sees_not(self, text: str) -> None:
        expect(self.page.locator("body")).not_to_contain_text(text)

    def is_at(self, path: str) -> None:
        expect(self.page).to_have_url(self.site + path)

    def heading(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1, name=text, exact=True)).to_be_visible()

    def looks_well(self, name: str) -> None:
        """Nothing for axe to complain about, in both modes and widths; no scrolling sideways."""
        self.page.wait_for_load_state()
        for width, scheme in VIEWS:
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            results = _axe.run(self.page)
            assert not results.violations_count, f"{name}, {scheme}, {width}: {results.generate_report()}"
            if PICTURES:
                path = Path(PICTURES) / f"{name}-{width}-{scheme}.png"
                self.page.screenshot(path=path, full_page=not self.dialog.count(), caret="initial")
            self._fits(name, width)
        for width in BETWEEN:
            self.page.set_viewport_size({"width": width, "height": HEIGHT})
            self._fits(name, width)
        self.page.set_viewport_size({"width": WIDE, "height": HEIGHT})
        self.page.emulate_media(color_scheme="light")

    def _fits(self, name: str, width: int) -> None:
        beyond = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert beyond <= 0, f"{name} is {beyond} pixels too wide for {width}"


def choose_override(person, label):
    option = person.page.locator("#override-options").get_by_label(label, exact=True)
    option.check(force=True)  # its label lies over it and takes the click


SitDown = Callable[[], Person]
