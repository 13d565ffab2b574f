"""A browser without a screen: real connections, cookies, redirects, and the token of the last form."""

import re
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

from django.conf import settings
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from operators.models import Operator
from tests.support.factories import PASSWORD, code_for, signed_in
from uptrends_2fa.production import cookie_name

PATIENCE = 30  # seconds: more than any answer takes
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
MOVED = (301, 302, 303)


@dataclass(frozen=True)
class Page:
    """What came in the end, and from which path."""

    status: int
    path: str
    text: str
    headers: Message


class Visitor:
    """Somebody at a browser of their own."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.cookies: dict[str, str] = {}
        self.token = ""

    def get(self, path: str) -> Page:
        page = self._exchange("GET", path)
        while page.status in MOVED:
            page = self._exchange("GET", urljoin(page.path, page.headers["Location"]))
        if token := TOKEN.search(page.text):
            self.token = token[1]
        return page

    def post(self, path: str, **fields: str) -> Page:
        """Send a form as the last page had it."""
        page = self._exchange("POST", path, urlencode({"csrfmiddlewaretoken": self.token, **fields}))
        return self.get(urljoin(path, page.headers["Location"])) if page.status in MOVED else page

    def post_parts(self, path: str, fields: dict[str, str]) -> Page:
        """Send a form that may take a file."""
        body = encode_multipart(BOUNDARY, fields).decode()
        return self._exchange("POST", path, body, MULTIPART_CONTENT)

    def _exchange(
        self, method: str, path: str, body: str = "", kind: str = "application/x-www-form-urlencoded"
    ) -> Page:
        connection = HTTPConnection(urlsplit(self.site).netloc, timeout=PATIENCE)
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        try:
            connection.request(method, path, body, {**cookies, **({"Content-Type": kind} if body else {})})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        self._keep(answer.headers.get_all("Set-Cookie", []))
        return Page(answer.status, path, text, answer.headers)

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            for name, cookie in SimpleCookie(line).items():
                if cookie["max-age"] in (0, "0"):
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = cookie.value

    # What people do

    def open_session(self, operator: Operator) -> None:
        """Be signed in without having signed in, where signing in is not what is tested."""
        client = signed_in(operator)
        self.cookies[cookie_name(self.site).format("sessionid")] = client.cookies[
            settings.SESSION_COOKIE_NAME
        ].value

    def log_in(self, operator: Operator, password: str = PASSWORD) -> Page:
        self.get("/login/")
        return self.post("/login/", email=operator.email, password=password)

    def log_in_with_code(self, operator: Operator, key: str, password: str = PASSWORD) -> None:
        """The code is the one that comes next: an earlier one may have been used."""
        assert self.log_in(operator, password).path == "/login/code/"
        self.post("/login/code/", code=code_for(key, 1))
        assert self.is_in()

    def is_in(self) -> bool:
        """Whether this browser is signed in."""
        page = self.get("/")
        return page.status == 200 and not page.path.startswith("/login/")
