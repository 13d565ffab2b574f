"""Sends one email in two forms, text and HTML, from templates."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

logger = logging.getLogger(__name__)


def send(template: str, to: str, context: dict[str, object]) -> bool:
    """Send the email `templates/<template>.{subject.txt,txt,html}` to one address.

    Returns whether the mail server took it. Never call it inside a transaction: a mail server may
    take seconds to answer, and nobody else could write meanwhile.
    """
    context = {
        "product_name": settings.PRODUCT_NAME,
        "site_url": settings.SITE_URL,
        "at": timezone.now(),
        **context,
    }
    subject = " ".join(render_to_string(f"{template}.subject.txt", context).split())
    message = EmailMultiAlternatives(subject, render_to_string(f"{template}.txt", context), to=[to])
    message.attach_alternative(render_to_string(f"{template}.html", context), "text/html")
    try:
        message.send()
    except (SMTPException, OSError):
        # The template names the email; address and content stay out of the log.
        logger.exception("Could not send %s", template)
        return False
    return True
