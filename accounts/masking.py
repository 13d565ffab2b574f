"""How is an address shown to somebody who may not be its owner? No Django in here."""

SHOWN = 2


def mask(email: str) -> str:
    """Two characters of the name part stay: ol•••@example.com."""
    name, at, domain = email.partition("@")
    return f"{name[:SHOWN] if len(name) > SHOWN else name[:1]}•••{at}{domain}"
