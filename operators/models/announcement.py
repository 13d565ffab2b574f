"""Rounds of emails to everyone who must set up two-factor authentication, and how far each has come."""

from datetime import datetime

from django.db import models

from accounts.models import Account


class Announcement(models.Model):
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="announcements")
    # The policy it announces: the round ends early when the account gets another.
    policy = models.CharField(max_length=10)
    required_from = models.DateTimeField(null=True)
    # Which day's reminder it is, before the policy starts. None: the one sent right after the change.
    reminds_on = models.DateField(null=True)
    begun_on = models.DateField()
    last_operator = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "reminds_on"), name="one_reminder_a_day"),)

    def __str__(self) -> str:
        return f"announcement {self.pk} of account {self.account_id}"

    def move_on(self, last: int | None, now: datetime) -> bool:
        """Store how far it has come (None: to the end); true for one caller only."""
        row = Announcement.objects.filter(pk=self.pk, last_operator=self.last_operator, finished_at=None)
        done = {"finished_at": now} if last is None else {"last_operator": last}
        return bool(row.update(moved_at=now, **done))
