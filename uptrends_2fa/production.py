"""What must be set before the application may serve people."""

DEVELOPMENT_SECRET_KEY = "development-only-never-use-this-key-where-people-sign-in-0123456789"  # noqa: S105
DEVELOPMENT_TWO_FACTOR_KEY = "ZGV2ZWxvcG1lbnQtb25seS1uZXZlci1pbi1wcm9kdWM="
MINIMUM_KEY_LENGTH = 50


def missing(
    secret_key: str, two_factor_keys: list[str], site_url: str, allowed_hosts: list[str]
) -> list[str]:
    """Return one sentence for each value that is missing or is a shipped default; empty when all is well."""
    problems = []
    if secret_key == DEVELOPMENT_SECRET_KEY or len(secret_key) < MINIMUM_KEY_LENGTH:
        problems.append(f"Set SECRET_KEY to a random text of at least {MINIMUM_KEY_LENGTH} characters.")
    if not two_factor_keys or DEVELOPMENT_TWO_FACTOR_KEY in two_factor_keys:
        problems.append(
            "Set TWO_FACTOR_KEYS to a key made by: python -c "
            '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        )
    if not site_url.startswith(("http://", "https://")):
        problems.append("Set SITE_URL to the address people use, for example https://2fa.example.com.")
    if not allowed_hosts or "*" in allowed_hosts:
        problems.append("Set ALLOWED_HOSTS to the host names of SITE_URL, without wildcard.")
    return problems
