"""Registers what belongs to the project as a whole."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.backends.sqlite3.base import DatabaseWrapper

from uptrends_2fa.checks import check_production


class ProjectConfig(AppConfig):
    name = "uptrends_2fa"

    def ready(self) -> None:
        """Have every management command look at the settings first, and SQLite known for what it can do."""
        register(check_production, Tags.security)
        # Django asks SQLite for it in a transaction, takes "locked" and "disk full" for a no, and keeps the
        # answer: whoever came first during an outage would leave a worker that fails until its end.
        DatabaseWrapper.features_class.supports_json_field = True  # type: ignore[assignment]
