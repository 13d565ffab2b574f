"""Keeps the tokens of emailed links out of every log: whoever reads a log must not be able to use a link."""

import logging
import re
from urllib.parse import unquote

# Pages behind emailed links, by the beginning of their path. What follows it is the link's token.
EMAILED_LINK = re.compile(r"/(?:setup|invitation|email|password-reset|not-me)/")


def without_token(address: str) -> str:
    """Cut off the query string, and what follows the beginning of an emailed link, however it is encoded."""
    path = address.partition("?")[0]
    emailed_link = EMAILED_LINK.search(unquote(path))
    return f"{emailed_link.group()}..." if emailed_link else path


class TokenFilter(logging.Filter):
    """Django names the request's path in the arguments of what it logs about 4xx and 5xx answers."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the addresses among the arguments; let everything through."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                without_token(arg) if isinstance(arg, str) and EMAILED_LINK.search(unquote(arg)) else arg
                for arg in record.args
            )
        return True
