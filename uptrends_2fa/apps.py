"""Sets up what belongs to the project as a whole."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.backends.sqlite3.base import DatabaseWrapper

from uptrends_2fa.checks import check_production


class ProjectConfig(AppConfig):
    name = "uptrends_2fa"

    def ready(self) -> None:
        register(check_production, Tags.security)
        # Django asks SQLite for it in a transaction, takes "locked" and "disk full" for a no, and keeps that
        # answer: a worker that started during an outage would fail for the rest of its life.
        DatabaseWrapper.features_class.supports_json_field = True  # type: ignore[assignment]
