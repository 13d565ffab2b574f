"""Rounds of reminders, and how far each has come."""

from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone


class ReminderRun(models.Model):
    """A round of reminders through an account, which has at most one running."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped"

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="reminder_runs")
    # None: the schedule, or the command line.
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    address = models.GenericIPAddressField(null=True)
    to_optional = models.BooleanField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField(default=timezone.now)
    # The id of the last operator looked at, and when.
    reached = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(default=timezone.now)
    # How many were to be reminded at the start, and how many have been.
    total = models.PositiveIntegerField()
    reminded = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("account",), condition=models.Q(state="running"), name="one_reminder_run_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.reminded} of {self.total}, {self.state}"

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def was_stopped(self) -> bool:
        return self.state == self.State.STOPPED

    @property
    def by_schedule(self) -> bool:
        """Started by the schedule or on the command line, not in a browser."""
        return self.started_by_id is None and self.address is None

    @classmethod
    def newest(cls, account_id: int) -> Self | None:
        return cls.objects.filter(account=account_id).order_by("pk").last()
