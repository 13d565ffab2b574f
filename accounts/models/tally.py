"""What limits count."""

from django.db import models


class Tally(models.Model):
    """How often something happened in a window that began with its first time; see accounts.rate_limit."""

    key = models.CharField(primary_key=True, max_length=160)
    count = models.PositiveIntegerField()
    ends_at = models.BigIntegerField(db_index=True)  # seconds since 1970

    def __str__(self) -> str:
        return f"{self.count} times {self.key}"
