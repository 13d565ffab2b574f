"""How many operators were protected on each day (UTC), counted by operators.overview.coverage."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account


class CoverageDay(models.Model):
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="coverage_days")
    day = models.DateField(_("day"))
    counted = models.PositiveIntegerField()
    protected = models.PositiveIntegerField()
    counted_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "day"), name="one_coverage_per_day"),)

    def __str__(self) -> str:
        return f"{self.day}: {self.protected} of {self.counted}"
