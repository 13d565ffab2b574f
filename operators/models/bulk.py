"""Bulk actions, and how far each has come for each of its operators."""

from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import TEXT_LENGTH, Account

# After this long without a heartbeat, the worker is dead.
HEARTBEAT_TIMEOUT = timedelta(seconds=120)


class Reason(models.TextChoices):
    YOURSELF = "yourself", _("This is you: do it on your own page")
    SINGLE_SIGN_ON = "single_sign_on", _("Signs in by single sign-on")
    NOT_ENROLLED = "not_enrolled", _("Two-factor authentication is not set up")
    ENROLLED = "enrolled", _("Two-factor authentication is set up already")
    NOT_REQUIRED = "not_required", _("Two-factor authentication is not required")
    INVITED = "invited", _("Has not accepted the invitation yet")
    JOINED = "joined", _("Has accepted the invitation already")
    DEACTIVATED = "deactivated", _("Deactivated")
    FROZEN = "frozen", _("The sign-in is frozen")
    ALREADY = "already", _("That is so already")
    TOO_SOON = "too_soon", _("An email went out a short while ago")
    LAST_ADMINISTRATOR = "last_administrator", _("The last administrator who can sign in")
    GONE = "gone", _("The operator was deleted in the meantime")
    GROUP_GONE = "group_gone", _("The group was deleted in the meantime")
    TAKEN = "taken", _("An operator of this account has that address already")
    TOO_MANY = "too_many", _("Too many addresses could not be invited today")
    UNAVAILABLE = "unavailable", _("That address cannot be invited")
    FAILED = "failed", _("It failed because of an error on our side")


class BulkAction(models.Model):
    class Kind(models.TextChoices):
        OVERRIDE_REQUIRED = "override-required", _("Set the override Required")
        OVERRIDE_OPTIONAL = "override-optional", _("Set the override Optional")
        OVERRIDE_DISABLED = "override-disabled", _("Set the override Disabled")
        NO_OVERRIDE = "no-override", _("Remove the override")
        RESET = "reset", _("Reset two-factor authentication")
        SETUP_LINK = "setup-link", _("Send a setup link")
        RESEND = "resend", _("Resend the invitation")
        DEACTIVATE = "deactivate", _("Deactivate")
        GROUP = "group", _("Add to a group")
        INVITE = "invite", _("Invite people")

    class State(models.TextChoices):
        RUNNING = "running", pgettext_lazy("bulk action", "Running")
        DONE = "done", pgettext_lazy("bulk action", "Done")
        CANCELLED = "cancelled", pgettext_lazy("bulk action", "Cancelled")
        STOPPED = "stopped", pgettext_lazy("bulk action", "Stopped")

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="bulk_actions")
    # Made with the form: two confirmations of one form are one action.
    key = models.UUIDField()
    kind = models.CharField(max_length=20, choices=Kind.choices)
    group = models.ForeignKey("operators.Group", null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=2 * TEXT_LENGTH, blank=True)
    # When the overrides that it sets end by themselves.
    until = models.DateTimeField(null=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_by_name = models.CharField(max_length=2 * TEXT_LENGTH + 3)
    address = models.GenericIPAddressField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    # Whose turn it is to work on it, and when the last one did: its heartbeat.
    turn = models.PositiveIntegerField(default=0)
    alive_at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=("account", "key"), name="one_bulk_action_per_form"),)
        indexes = (models.Index(fields=("state", "alive_at"), name="bulk_action_alive"),)

    def __str__(self) -> str:
        return f"{self.kind}, {self.state}"

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def is_stalled(self) -> bool:
        """Whether it has waited so long that no worker seems to be running: one would have requeued it."""
        return self.is_running and self.alive_at <= timezone.now() - 2 * HEARTBEAT_TIMEOUT

    @property
    def label(self) -> str:
        label = str(self.Kind(self.kind).label)
        return f"{label}: {self.group.label}" if self.group else label

    def waiting(self) -> "models.QuerySet[BulkItem]":
        return self.items.filter(state=BulkItem.State.WAITING)

    @classmethod
    def claim(cls, pk: int, turn: int) -> Self | None:
        """Return None if the action has ended, or another worker has taken that turn.

        The row stays locked until the batch is over. Its account is locked first: deleting one of its
        operators or its group locks the account and then this row, and the two must not deadlock.
        """
        row = cls.objects.filter(pk=pk, turn=turn, state=cls.State.RUNNING)
        action = row.select_related("group").first()
        if action is None:
            return None
        action.account = Account.hold(action.account_id)
        if not row.update(turn=F("turn") + 1, alive_at=timezone.now()):
            return None
        action.turn += 1
        return action

    def end(self, state: str) -> bool:
        """Store how it ended; true for one caller only."""
        running = BulkAction.objects.filter(pk=self.pk, state=self.State.RUNNING)
        if not running.update(state=state, finished_at=timezone.now()):
            return False
        self.state = state
        return True


# The actions of the list; inviting has a page of its own.
LIST_KINDS = [choice for choice in BulkAction.Kind.choices if choice[0] != BulkAction.Kind.INVITE]


class BulkItem(models.Model):
    """One operator of a bulk action; id and name are copied, so that the result outlives the operator."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("bulk action", "Waiting")
        DONE = "done", pgettext_lazy("bulk action", "Done")
        LEFT_OUT = "left_out", pgettext_lazy("bulk action", "Not done")

    action = models.ForeignKey(BulkAction, on_delete=models.CASCADE, related_name="items")
    operator_id = models.BigIntegerField(null=True)  # None: somebody still to be invited
    name = models.CharField(max_length=TEXT_LENGTH)
    email = models.CharField(max_length=TEXT_LENGTH)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=20, blank=True)
    # For an invitation: groups, override, its reason and end.
    data = models.JSONField(null=True)

    # Filled by operators.bulk.acts.load_operators()
    operator: Any

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("action", "operator_id"), name="an_operator_once_in_a_bulk_action"
            ),
        )
        indexes = (models.Index(fields=("action", "state", "id"), name="bulk_item_state"),)

    def __str__(self) -> str:
        return f"{self.email}, {self.state}"

    @property
    def why(self) -> str:
        return str(dict(Reason.choices).get(self.reason, _("It was not this operator's turn yet")))


NOT_DONE = ~Q(state=BulkItem.State.DONE)
