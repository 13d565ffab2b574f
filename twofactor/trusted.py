"""Trusted browsers: where a code was given once, and is not asked for again for some days.

The browser keeps a random token in a cookie, one for each of the people who trust it, the server only its
hash. Whether it counts is decided at each sign-in, after the right password, from the account's setting as it
stands then. It stands in for the code of a sign-in and for nothing else: whatever asks for proof inside a
session asks for a real code.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django import forms
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import batches, clock
from accounts.audit.trail import Origin, origin, record
from accounts.browser_names import user_agent
from accounts.mail.notices import tell
from accounts.models import Action
from twofactor import emails
from twofactor.models import TrustedBrowser, TwoFactorUser

FIELD = "trust"
# People who trust one browser: more than share one. The cookie is kept small by it.
PEOPLE_IN_A_BROWSER = 10
SEPARATOR = "."  # in no token


def days_for(user: TwoFactorUser) -> int:
    return user.account.trusted_browser_days or 0


def offer_in(form: forms.Form, user: TwoFactorUser) -> None:
    """The box is unticked, as the safe choice."""
    if days := days_for(user):
        label = ngettext(
            "Do not ask for a code in this browser for %d day",
            "Do not ask for a code in this browser for %d days",
            days,
        )
        help_text = _("Tick it only where nobody else signs in. The password is always asked for.")
        form.fields[FIELD] = forms.BooleanField(label=label % days, help_text=help_text, required=False)


def remember(request: HttpRequest, response: HttpResponse, user: TwoFactorUser) -> None:
    """To be called when the user has just given a right code in this browser."""
    lives = timedelta(days=days_for(user))
    now, token, by = timezone.now(), secrets.token_urlsafe(32), origin(request, user)
    with transaction.atomic():
        others = _of_others(request, user, now)
        kept, dropped = others[: PEOPLE_IN_A_BROWSER - 1], others[PEOPLE_IN_A_BROWSER - 1 :]
        worthless = ~Q(nonce=user.session_nonce) | ~Q(epoch=user.trust_epoch) | Q(expires_at__lte=now)
        worthless |= Q(token_hash__in=hashes_in(request))
        # What leaves the cookie leaves the list of its person, too.
        lost = Q(token_hash__in=[_hash(other) for other, _ends in dropped])
        TrustedBrowser.objects.filter(Q(worthless, user=user.pk) | lost).delete()
        browser = TrustedBrowser.objects.create(
            user_id=user.pk,
            token_hash=_hash(token),
            nonce=user.session_nonce,
            epoch=user.trust_epoch,
            created_at=now,
            expires_at=now + lives,
            last_used_at=now,
            user_agent=user_agent(request),
            address=by.address,
        )
        record(Action.BROWSER_TRUSTED, by=by, subject=user, new=browser.browser)
        tell(user, emails.BROWSER_TRUSTED, by.address, browser=browser.browser, days=lives.days)
    response.set_cookie(
        settings.TRUSTED_BROWSER_COOKIE_NAME,
        SEPARATOR.join([token, *(other for other, _ends in kept)]),
        max_age=max([lives, *(ends - now for _other, ends in kept)]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _of_others(request: HttpRequest, user: TwoFactorUser, now: datetime) -> list[tuple[str, datetime]]:
    tokens = {_hash(token): token for token in _tokens_in(request)}
    if not tokens:
        return []
    still = {"nonce": F("user__session_nonce"), "epoch": F("user__trust_epoch")}
    theirs = TrustedBrowser.objects.filter(token_hash__in=tokens, expires_at__gt=now, **still)
    ends = dict(theirs.exclude(user=user.pk).values_list("token_hash", "expires_at"))
    return [(token, ends[token_hash]) for token_hash, token in tokens.items() if token_hash in ends]


def skips_code(request: HttpRequest, user: TwoFactorUser) -> bool:
    """One statement decides and notes the use; to be asked once the password was right."""
    hashes = hashes_in(request)
    if not hashes:
        return False
    return bool(_valid(user).filter(token_hash__in=hashes).update(last_used_at=timezone.now()))


def listed(user: TwoFactorUser) -> list[TrustedBrowser]:
    return list(_valid(user).order_by("-last_used_at", "-pk")) if days_for(user) else []


def remove(user: TwoFactorUser, pk: int, by: Origin) -> TrustedBrowser | None:
    with transaction.atomic():
        row = _valid(user).filter(pk=pk)
        browser = row.first()
        if browser is None or not row.delete()[0]:
            return None
        record(Action.BROWSER_REMOVED, by=by, subject=user, old=browser.browser)
    return browser


def remove_all(user: TwoFactorUser, by: Origin) -> int:
    with transaction.atomic():
        removed, _each = _valid(user).delete()
        user.end_trust()  # one that is about to be trusted elsewhere is not there yet
        if removed:
            record(Action.BROWSERS_REMOVED, by=by, subject=user, old=str(removed))
    return removed


def delete_expired() -> int:
    return batches.delete(TrustedBrowser.objects.filter(expires_at__lte=timezone.now()))


def hashes_in(request: HttpRequest) -> list[str]:
    return [_hash(token) for token in _tokens_in(request)]


def _tokens_in(request: HttpRequest) -> list[str]:
    """Newest first; never more than one browser can have been given."""
    sent = request.COOKIES.get(settings.TRUSTED_BROWSER_COOKIE_NAME, "").split(SEPARATOR)
    return [token for token in sent[:PEOPLE_IN_A_BROWSER] if token]


def _valid(user: TwoFactorUser) -> QuerySet[TrustedBrowser]:
    """Return the browsers that count for this user now.

    Reset, enrollment, new recovery codes, a new password or address and deactivation renew the nonce; a
    recovery code that is used and an override to Disabled count the epoch up. A setting that has become
    shorter counts from the day each browser was trusted; a longer one lengthens nothing. Neither it nor
    another policy brings back what did not count in between (`Account.trust_counts_from`).
    """
    now = timezone.now()
    since = now - timedelta(days=days_for(user))
    return TrustedBrowser.objects.filter(
        user=user.pk,
        nonce=user.session_nonce,
        epoch=user.trust_epoch,
        expires_at__gt=now,
        created_at__gt=max(since, user.account.trust_counts_from or since),
        created_at__lte=now + clock.SKEW_DELTA,
    )


def _hash(token: str) -> str:
    """The token is random, so that a plain hash is as good as a slow one."""
    return hashlib.sha256(token.encode()).hexdigest()
