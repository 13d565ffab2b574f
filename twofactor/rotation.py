"""Bringing every stored secret under the newest key, so that older keys can be taken away."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from twofactor import vault
from twofactor.models import Authenticator

SECRET = vault.Purpose.SECRET
BATCH = 500


@dataclass(slots=True)
class Progress:
    seen: int = 0
    renewed: int = 0
    unreadable: list[int] = field(default_factory=list)


def rotate() -> Iterator[Progress]:
    """Every row is a statement of its own, so that it may be stopped anywhere, and nobody waits for it."""
    progress = Progress()
    for rows in _batches():
        for pk, user_id, sealed in rows:
            _renew(pk, user_id, sealed, progress)
        progress.seen += len(rows)
        yield progress


def count_remaining() -> int:
    return sum(
        not vault.is_newest(sealed, user_id, SECRET) for rows in _batches() for _pk, user_id, sealed in rows
    )


def _batches() -> Iterator[list[tuple[int, int, str]]]:
    last = 0
    rows = Authenticator.objects.order_by("pk").values_list("pk", "user_id", "sealed_secret")
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        yield batch
        last = batch[-1][0]


def _renew(pk: int, user_id: int, sealed: str, progress: Progress) -> None:
    """Do nothing where the row has changed since it was read."""
    if vault.is_newest(sealed, user_id, SECRET):
        return
    try:
        fresh = vault.seal(vault.unseal(sealed, user_id, SECRET), user_id, SECRET)
    except vault.SecretUnreadableError:
        progress.unreadable.append(user_id)
        return
    # A new phone or a second rotation may have written meanwhile: theirs is the newer one.
    progress.renewed += Authenticator.objects.filter(pk=pk, sealed_secret=sealed).update(sealed_secret=fresh)
