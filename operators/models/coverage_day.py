"""How many were protected on each day? A row for each account and day; operators.overview.coverage counts."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account


class CoverageDay(models.Model):
    """The last count of a day (UTC)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="coverage_days")
    day = models.DateField(_("day"))
    counted = models.PositiveIntegerField()
    protected = models.PositiveIntegerField()
    counted_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "day"), name="one_coverage_per_day"),)

    def __str__(self) -> str:
        return f"{self.day}: {self.protected} of {self.counted}"
