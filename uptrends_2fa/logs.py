"""Keeps tokens of emailed links and people's addresses out of every log.

Whoever reads a log must not be able to use a link, nor learn who has an account.
"""

import logging
import re
from urllib.parse import unquote

# Pages behind emailed links, by the beginning of their path. What follows it is the link's token.
EMAILED_LINK = re.compile(r"/(?:setup|invitation|email|password-reset|not-me)/")
# An address in the text of a line: a path from the root of the site, with or without the site before it.
ADDRESS = re.compile(r"(?<![^\s\"'(<\[=,])(?:https?://[^\s/\"'<>]+)?/[^\s\"'<>)\],]+")
# Whatever a mail server or a database may quote of somebody's email address.
MAILBOX = re.compile(r"[^\s@<>()\[\]{},;:=\"'`]+@[^\s@<>()\[\]{},;:=\"'`]+")


def without_token(address: str) -> str:
    """Cut off the query string, and what follows the beginning of an emailed link, however it is encoded."""
    path = address.partition("?")[0]
    emailed_link = EMAILED_LINK.search(unquote(path))
    return f"{emailed_link.group()}..." if emailed_link else path


class CleanFormatter(logging.Formatter):
    """Cleans whole lines, tracebacks too: nobody can know what the next exception quotes."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without tokens and mailboxes; all else stays as it was."""
        return MAILBOX.sub("[address]", ADDRESS.sub(_clean, super().format(record)))


def _clean(found: re.Match[str]) -> str:
    """Return an address, without its token if it is that of an emailed link."""
    text = found.group()
    site = text[: text.index("/", text.find("://") + 3)] if "://" in text else ""
    is_emailed_link = EMAILED_LINK.match(unquote(text.removeprefix(site)))
    return f"{site}{is_emailed_link.group()}..." if is_emailed_link else text
