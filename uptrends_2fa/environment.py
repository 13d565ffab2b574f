"""Reads the environment, and collects a sentence for each variable that makes no sense.

Such a variable gets its default until the settings raise all sentences at once. A sentence never repeats a
value, which may be a secret.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import environ

SWITCHES = dict.fromkeys(("on", "true", "yes", "1"), True) | dict.fromkeys(("off", "false", "no", "0"), False)
DATABASES = ("postgres", "postgresql", "pgsql", "psql", "sqlite")
EMAILS = tuple(environ.Env.EMAIL_SCHEMES)
# What is between :// and the path; and the hosts and ports after user name and password.
AUTHORITY = re.compile(r"[^/?#]*")
PLACES = re.compile(r"((\[[0-9A-Fa-f:.]+\]|[^\[\]:,]*)(:\d{1,5})?(,|$))*")
NOT_ENCODED = re.compile(r"#|\s|%(?![0-9A-Fa-f]{2})")

MISUNDERSTOOD = (
    "Set %s again with the special characters of user name, password and path percent-encoded: "
    "# as %%23, / as %%2F, ? as %%3F, @ as %%40, %% as %%25, a space as %%20."
)
WRONG_PLACE = (
    "Set %s again with host and port as host:5432. If that is how they are, percent-encode the special "
    "characters of the password: : as %%3A, [ as %%5B, ] as %%5D."
)


Default = TypeVar("Default")


class Environment:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """A blank text counts as none."""
        return self.variables.get(name, "").strip() or default

    def texts(self, name: str, default: Iterable[str] = ()) -> list[str]:
        items = [text.strip() for text in self.variables.get(name, "").split(",") if text.strip()]
        return items or list(default)

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        text = self.text(name, default)
        if text in choices:
            return text
        return self._complain(f"Set {name} to {' or '.join(choices)}.", default)

    def switch(self, name: str) -> bool:
        switch = SWITCHES.get(self.text(name, "off").lower())
        return self._complain(f"Set {name} to on or off.", default=False) if switch is None else switch

    def number(self, name: str, default: int, least: int, most: int) -> int:
        return self.numbers(name, [default], least, most)[0]

    def numbers(self, name: str, default: list[int], least: int, most: int) -> list[int]:
        texts = self.texts(name)
        numbers = [int(text) for text in texts if re.fullmatch(r"[0-9]{1,9}", text)]
        if len(numbers) == len(texts) and all(least <= number <= most for number in numbers):
            return numbers or default
        what = "a whole number" if len(default) == 1 else "whole numbers, separated by commas,"
        return self._complain(f"Set {name} to {what} from {least} to {most}.", default)

    def database(self, name: str, default: dict[str, Any]) -> dict[str, Any]:
        url = self.text(name)
        if not url:
            return default
        if sentence := about_database(name, url):
            return self._complain(sentence, default)
        try:
            return dict(environ.Env.db_url_config(url))
        except ValueError:
            return self._complain(WRONG_PLACE % name, default)

    def email(self, name: str, default: str) -> dict[str, Any]:
        url = self.text(name, default)
        if sentence := about_email(name, url):
            url = self._complain(sentence, default)
        try:
            return dict(environ.Env.email_url_config(url))
        except ValueError:
            return dict(environ.Env.email_url_config(self._complain(WRONG_PLACE % name, default)))

    def _complain(self, sentence: str, default: Default) -> Default:
        """Returns a harmless value to go on with until the sentences are raised."""
        self.problems.append(sentence)
        return default


def about_database(name: str, url: str) -> str:
    if sentence := about_address(name, url, DATABASES):
        return sentence
    scheme, _, location = url.partition("://")
    place, _, path = location.partition("?")[0].partition("/")
    if scheme == "sqlite":
        named = not place or location == ":memory:"
        return "" if named else f"Set {name} to sqlite:////folder/file, with four strokes before the folder."
    return "" if path else f"Set {name} to postgres://user:password@host:5432/name: the name is missing."


def about_email(name: str, url: str) -> str:
    if sentence := about_address(name, url, EMAILS):
        return sentence
    scheme, _, location = url.partition("://")
    host = _authority(location).rpartition("@")[2].partition(":")[0]
    if host or not scheme.startswith("smtp"):
        return ""
    return f"Set {name} to smtp+tls://user:password@host:587: the host is missing."


def about_address(name: str, url: str, schemes: Iterable[str]) -> str:
    """Say what to do about an address that would be read as another one; "" if it is fine.

    A raw # / or ? in a password ends the part read as the host: `postgres://user:1/x@host/name` leads to
    port 1 of a host named `user`.
    """
    scheme, separator, location = url.partition("://")
    if not separator or scheme not in schemes:
        return f"Set {name} to an address that begins with {'://, '.join(schemes)}://."
    authority = _authority(location)
    if NOT_ENCODED.search(location) or "@" in location[len(authority) :]:
        return MISUNDERSTOOD % name
    if location != ":memory:" and not PLACES.fullmatch(authority.rpartition("@")[2]):
        return WRONG_PLACE % name
    return ""


def _authority(location: str) -> str:
    authority = AUTHORITY.match(location)
    return authority.group() if authority else ""
