"""Shows the emails that the demo has sent, from the files that Django's file backend writes."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@dataclass(frozen=True, slots=True)
class Mail:
    name: str
    to: str
    subject: str
    date: str
    text: str


@login_not_required
@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    return render(request, "demo/mails.html", {"mails": [_read(path) for path in _files()]})


@login_not_required
@require_safe
def mail(request: HttpRequest, name: str) -> HttpResponse:
    for path in _files():
        if path.stem == name:
            return render(request, "demo/mail.html", {"mail": _read(path)})
    raise Http404


def _files() -> list[Path]:
    files = Path(settings.EMAIL_FILE_PATH or "").glob("*.log")
    return sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)


def _read(path: Path) -> Mail:
    # The backend ends each message with a line of hyphens.
    content = path.read_bytes().rpartition(b"\n" + b"-" * 79)[0]
    message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
    body = message.get_body(("plain",))
    text = body.get_content() if body else ""
    return Mail(path.stem, message["to"], message["subject"], message["date"], text)
