"""The link "This was not me" in notices: signed, so that it needs no row, and made when the email leaves.

It can only close doors. It lives for a week, and ends when the sign-in that it has frozen is freed again.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils import timezone

SALT = "accounts.not_me"
LIFETIME = timedelta(days=7)


def url_for(user_id: int) -> str:
    token = signing.TimestampSigner(salt=SALT).sign_object([user_id, timezone.now().timestamp()])
    return settings.SITE_URL + reverse("operators:not-me", args=[token])


def read(token: str) -> tuple[int, datetime] | None:
    """None where the token is too old or not ours."""
    try:
        user_id, at = signing.TimestampSigner(salt=SALT).unsign_object(token, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    return user_id, datetime.fromtimestamp(at, tz=timezone.get_fixed_timezone(0))
