"""Keeps tokens of emailed links and people's addresses out of every log, and each entry on its own line.

Whoever reads a log must not be able to use a link, nor learn who has an account; and nobody who is written
about may write an entry of their own (OWASP ASVS 5.0, 16.2 and 16.4).
"""

import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from urllib.parse import unquote

# While a request is answered: says who asks and from where, for every line that is written meanwhile.
asked_by: ContextVar[Callable[[], str] | None] = ContextVar("asked_by", default=None)

# Pages behind emailed links, by the beginning of their path. What follows it is the link's token.
EMAILED_LINK = re.compile(r"/(?:setup|invitation|email|password-reset|not-me)/")
# An address in the text of a line: a path from the root of the site, with or without the site before it.
ADDRESS = re.compile(r"(?<![^\s\"'(<\[=,])(?:https?://[^\s/\"'<>]+)?/[^\s\"'<>)\],]+")
# Whatever a mail server or a database may quote of somebody's email address.
MAILBOX = re.compile(r"[^\s@<>()\[\]{},;:=\"'`]+@[^\s@<>()\[\]{},;:=\"'`]+")
# What begins a line, moves the cursor, turns the text round or cannot be written at all.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def without_token(address: str) -> str:
    """Cut off the query string, and what follows the beginning of an emailed link, however it is encoded."""
    path = address.partition("?")[0]
    emailed_link = EMAILED_LINK.search(unquote(path))
    return f"{emailed_link.group()}..." if emailed_link else path


class CleanFormatter(logging.Formatter):
    """Cleans whole lines, tracebacks too: nobody can know what the next exception quotes.

    An entry begins with its time in UTC. What follows it indented, a traceback, belongs to it.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry without tokens and mailboxes; all else stays as it was."""
        return "\n    ".join(_clean(line) for line in super().format(record).split("\n"))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        """Return what stands above a traceback: one line, whatever the message holds."""
        message, who = super().formatMessage(record), asked_by.get()
        return _clean(f"{message} ({who()})" if who else message)


def _clean(line: str) -> str:
    """Return a text as it may stand in a log."""
    return UNSEEN.sub(_escaped, MAILBOX.sub("[address]", ADDRESS.sub(_without_token, line)))


def _escaped(found: re.Match[str]) -> str:
    """Return a character as Python writes it in ASCII."""
    return found.group().encode("unicode_escape").decode()


def _without_token(found: re.Match[str]) -> str:
    """Return an address, without its token if it is that of an emailed link."""
    text = found.group()
    site = text[: text.index("/", text.find("://") + 3)] if "://" in text else ""
    is_emailed_link = EMAILED_LINK.match(unquote(text.removeprefix(site)))
    return f"{site}{is_emailed_link.group()}..." if is_emailed_link else text
