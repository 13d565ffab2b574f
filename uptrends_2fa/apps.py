"""Registers what belongs to the project as a whole."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from uptrends_2fa.checks import check_production


class ProjectConfig(AppConfig):
    """The project, beside its apps."""

    name = "uptrends_2fa"

    def ready(self) -> None:
        """Have every management command look at the settings first."""
        register(check_production, Tags.security)
