"""What the worker does every so often."""

from django.db import models


class PeriodicTask(models.Model):
    """When a function of PERIODIC_TASKS is to be called next; see accounts.periodic."""

    name = models.CharField(primary_key=True, max_length=200)
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
