"""A mail server on loopback that keeps what it gets, refuses everything, or never answers."""

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Condition
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

PATIENCE = 10


class _Silence(asyncio.Protocol):
    """Takes the connection, and never says a word."""

    def __init__(self, open_lines: list[asyncio.BaseTransport]) -> None:
        self.open_lines = open_lines

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.open_lines.append(transport)

    def eof_received(self) -> bool:
        return False  # close, as the other side did


class MailServer(Controller):
    """Collects mails by the address that they were sent to."""

    def __init__(self) -> None:
        super().__init__(self, hostname="127.0.0.1", port=0, ready_timeout=PATIENCE)
        self.mode = "accept"
        self.mails: list[tuple[str, EmailMessage]] = []
        self.news = Condition()
        self.open_lines: list[asyncio.BaseTransport] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *args: object) -> None:
        for line in self.open_lines:
            self.loop.call_soon_threadsafe(line.abort)
        self.stop()

    def factory(self) -> Any:
        return _Silence(self.open_lines) if self.mode == "hang" else SMTP(self)

    def _trigger_server(self) -> None:
        # The port is the system's choice, known only once the server listens.
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mode == "refuse":
            return "451 4.3.0 Not now"
        if self.mode == "no mailbox":
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        with self.news:
            self.mails += [(address, mail) for address in envelope.rcpt_tos]
            self.news.notify_all()
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """All mails to an address, oldest first."""
        return [mail for recipient, mail in self.mails if recipient == address]

    def newest_to(self, address: str, number: int = 1) -> EmailMessage:
        """The newest mail to an address, once there are so many."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.to(address)) >= number, PATIENCE), (
                f"no mail to {address}"
            )
            return self.to(address)[-1]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """The text or the HTML of a mail."""
    part = mail.get_body((kind,))
    assert part is not None, f"no {kind} part"
    text: str = part.get_content()
    return text


def link_in(mail: EmailMessage) -> str:
    """The one link of a mail, which both its parts hold."""
    links = set(re.findall(r"http://127\.0\.0\.1\S+", text_of(mail)))
    link = next(link for link in links if link.count("/") > 4)  # not the site's own address
    assert link in text_of(mail, "html")
    return link
