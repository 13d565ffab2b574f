"""How is an address shown to somebody who may not be its owner? No Django in here."""

SHOWN = 2


def mask(email: str) -> str:
    """Return the address with all but the first two characters of the name part hidden: ol•••@example.com."""
    name, at, domain = email.partition("@")
    return f"{name[:SHOWN] if len(name) > SHOWN else name[:1]}•••{at}{domain}"
