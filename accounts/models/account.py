"""The account: the tenant, with what holds for all its operators."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.policy import AccountRule, Policy

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.functional import _StrPromise

POLICY_LABELS: dict[str, "_StrPromise"] = {
    Policy.REQUIRED: pgettext_lazy("policy", "Required"),
    Policy.OPTIONAL: pgettext_lazy("policy", "Optional"),
    Policy.DISABLED: pgettext_lazy("policy", "Disabled"),
}
POLICY_CHOICES = list(POLICY_LABELS.items())

# Long enough for every real name and address; the same for both, so that one rule can be explained.
TEXT_LENGTH = 254

LONGEST_TRUST_DAYS = 90
# Between two scheduled reminders: from, to.
REMINDER_DAYS = (2, 90)


class Account(models.Model):
    """The tenant: a company whose administrators set the policy for its operators."""

    name = models.CharField(_("name"), max_length=TEXT_LENGTH)
    two_factor_policy = models.CharField(
        _("Two-factor authentication setting"), max_length=10, choices=POLICY_CHOICES, default=Policy.OPTIONAL
    )
    # From when on Required counts; None: at once. Means nothing beside another policy.
    required_from = models.DateTimeField(null=True, blank=True, editable=False)
    policy_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # A name instead of a key: the sentence stays true after that operator has been deleted.
    policy_changed_by = models.CharField(max_length=TEXT_LENGTH, blank=True, editable=False)
    # For how many days a browser may be trusted in place of a code; None: a code at every sign-in.
    trusted_browser_days = models.PositiveSmallIntegerField(null=True, blank=True)
    # Browsers trusted before that moment had stopped to count, and never do again, whatever is set later.
    trust_counts_from = models.DateTimeField(null=True, editable=False)
    # Every so many days those who have not set up are reminded; None: never by itself.
    reminder_days = models.PositiveSmallIntegerField(null=True, blank=True)
    # Whether the scheduled reminders go to those as well who may set up and need not.
    reminders_to_optional = models.BooleanField(default=False)
    reminders_due_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(trusted_browser_days=None)
                | Q(trusted_browser_days__range=(1, LONGEST_TRUST_DAYS)),
                name="trusted_browser_days",
            ),
            models.CheckConstraint(
                condition=Q(reminder_days=None) | Q(reminder_days__range=REMINDER_DAYS),
                name="reminder_days",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def hold(cls, pk: int) -> "Account":
        """Others who hold this account wait until the transaction is over; the account is read afresh."""
        return cls.objects.select_for_update(no_key=True).get(pk=pk)

    @property
    def rule(self) -> AccountRule:
        return AccountRule(self.two_factor_policy, self.required_from)

    def set_policy(self, policy: str, changed_by: str, required_from: "datetime | None" = None) -> bool:
        """One conditional UPDATE decides: false where somebody has changed the rule since it was read."""
        now = timezone.now()
        read = {"two_factor_policy": self.two_factor_policy, "required_from": self.required_from}
        new: dict[str, Any] = {
            "two_factor_policy": policy,
            "required_from": required_from,
            "policy_changed_by": changed_by,
            "policy_changed_at": now,
        }
        # Nobody is asked for a code then, so that no browser is trusted in place of one. At the end of it as
        # well, for those that were about to be trusted at its beginning.
        if Policy.DISABLED in (policy, self.two_factor_policy):
            new["trust_counts_from"] = now
        if not Account.objects.filter(pk=self.pk, **read).update(**new):
            return False
        for field, value in new.items():
            setattr(self, field, value)
        return True

    @transaction.atomic
    def set_trusted_browser_days(self, days: int | None) -> bool:
        """Store for how many days browsers may be trusted (None: not at all); return whether it changed.

        Those that do not count by now stay ended, however many days there are the next time. The values here
        are those of before, as they were stored.
        """
        now = timezone.now()
        row = Account.objects.select_for_update(no_key=True).get(pk=self.pk)
        self.trusted_browser_days = row.trusted_browser_days
        if days == row.trusted_browser_days:
            return False
        ended_before = now if days is None else now - timedelta(days=row.trusted_browser_days or 0)
        row.trust_counts_from = max(row.trust_counts_from or ended_before, ended_before)
        row.trusted_browser_days = days
        row.save(update_fields=["trusted_browser_days", "trust_counts_from"])
        return True
