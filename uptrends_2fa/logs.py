"""Keeps link tokens and email addresses out of the logs, and each entry on a line of its own.

Someone who reads a log must not be able to use a link or learn who has an account, and nothing that is logged
may forge an entry (OWASP ASVS 5.0, 16.2 and 16.4).
"""

import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from urllib.parse import unquote

# During a request: says who made it and from where, for each line logged meanwhile.
asked_by: ContextVar[Callable[[], str] | None] = ContextVar("asked_by", default=None)

# How the paths of emailed links begin; the token follows.
EMAILED_LINK = re.compile(r"/(?:setup|invitation|email|password-reset|not-me)/")
# A URL in a line: a path from the root of the site, with or without the site before it.
ADDRESS = re.compile(r"(?<![^\s\"'(<\[=,])(?:https?://[^\s/\"'<>]+)?/[^\s\"'<>)\],]+")
# An email address, which a mail server or a database may quote.
MAILBOX = re.compile(r"[^\s@<>()\[\]{},;:=\"'`]+@[^\s@<>()\[\]{},;:=\"'`]+")
# Characters that begin a line, move the cursor, reverse the text or cannot be written at all.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def without_token(address: str) -> str:
    """The token of an emailed link goes, however it is encoded, and the query string."""
    path = address.partition("?")[0]
    emailed_link = EMAILED_LINK.search(unquote(path))
    return f"{emailed_link.group()}..." if emailed_link else path


class CleanFormatter(logging.Formatter):
    """Cleans whole lines, tracebacks too: who knows what the next exception quotes.

    An entry begins with its time in UTC; indented lines after it, a traceback, belong to it.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return "\n    ".join(_clean(line) for line in super().format(record).split("\n"))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        """Keep the line above a traceback one line, whatever the message holds."""
        message, who = super().formatMessage(record), asked_by.get()
        return _clean(f"{message} ({who()})" if who else message)


def _clean(line: str) -> str:
    return UNSEEN.sub(_escaped, MAILBOX.sub("[address]", ADDRESS.sub(_without_token, line)))


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode()


def _without_token(match: re.Match[str]) -> str:
    text = match.group()
    site = text[: text.index("/", text.find("://") + 3)] if "://" in text else ""
    is_emailed_link = EMAILED_LINK.match(unquote(text.removeprefix(site)))
    return f"{site}{is_emailed_link.group()}..." if is_emailed_link else text
