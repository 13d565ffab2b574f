"""The account, and the audit trail of what happens in it."""

from typing import TYPE_CHECKING, Any, NoReturn

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.outgoing import OutgoingMail  # noqa: F401  Django looks for an app's models here
from accounts.policy import Policy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

POLICY_LABELS: dict[str, "_StrPromise"] = {
    Policy.REQUIRED: pgettext_lazy("policy", "Required"),
    Policy.OPTIONAL: pgettext_lazy("policy", "Optional"),
    Policy.DISABLED: pgettext_lazy("policy", "Disabled"),
}
POLICY_CHOICES = list(POLICY_LABELS.items())

# Long enough for every real name and address; the same for both, so that one rule can be explained.
TEXT_LENGTH = 254


class Account(models.Model):
    """The tenant: a company whose administrators set the policy for its operators."""

    name = models.CharField(_("name"), max_length=TEXT_LENGTH)
    two_factor_policy = models.CharField(
        _("Two-factor authentication setting"), max_length=10, choices=POLICY_CHOICES, default=Policy.OPTIONAL
    )
    policy_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # A name instead of a key: the sentence stays true after that operator has been deleted.
    policy_changed_by = models.CharField(max_length=TEXT_LENGTH, blank=True, editable=False)

    def __str__(self) -> str:
        return self.name

    def set_policy(self, policy: str, changed_by: str) -> str | None:
        """Store the account-wide policy; return the old one, or None where nothing changed."""
        old = self.two_factor_policy
        new = {
            "two_factor_policy": policy,
            "policy_changed_by": changed_by,
            "policy_changed_at": timezone.now(),
        }
        if not Account.objects.filter(pk=self.pk).exclude(two_factor_policy=policy).update(**new):
            return None
        for field, value in new.items():
            setattr(self, field, value)
        return old


class Action(models.TextChoices):
    """What an audit entry is about."""

    SIGNED_IN = "signed_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Sign-in failed: wrong password")
    SIGN_IN_REFUSED = "sign_in_refused", _("Sign-in refused")
    CODE_FAILED = "code_failed", _("Wrong two-factor code")
    SIGN_IN_STOPPED = "sign_in_stopped", _("Sign-in stopped: setup link needed")
    SIGNED_OUT = "signed_out", _("Logged out")
    SETUP_LINK_SENT = "setup_link_sent", _("Setup link emailed")
    SETUP_LINK_FAILED = "setup_link_failed", _("Setup link could not be emailed")
    TWO_FACTOR_ENROLLED = "two_factor_enrolled", _("Two-factor authentication set up")
    TWO_FACTOR_RESET = "two_factor_reset", _("Two-factor authentication reset")
    ACCOUNT_POLICY = "account_policy", _("Account's two-factor setting changed")
    OVERRIDE = "override", _("Two-factor override changed")
    SIGN_IN_METHOD = "sign_in_method", _("Sign-in method changed")
    ACCOUNT_CREATED = "account_created", _("Account created")
    OPERATOR_CREATED = "operator_created", _("Operator added")
    OPERATOR_INVITED = "operator_invited", _("Invitation sent")
    INVITATION_FAILED = "invitation_failed", _("Invitation could not be emailed")
    INVITATION_LINK = "invitation_link", _("Invitation link copied")
    INVITATION_ACCEPTED = "invitation_accepted", _("Invitation accepted")
    INVITATION_WITHDRAWN = "invitation_withdrawn", _("Invitation withdrawn")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    PASSWORD_RESET_SENT = "password_reset_sent", _("Password reset link requested")
    PASSWORD_RESET = "password_reset", _("Password reset by emailed link")
    NAME_CHANGED = "name_changed", _("Name changed")
    EMAIL_REQUESTED = "email_requested", _("New email address to be confirmed")
    EMAIL_CHANGED = "email_changed", _("Email address changed")
    DEACTIVATED = "deactivated", _("Operator deactivated")
    ACTIVATED = "activated", _("Operator activated")
    DELETED = "deleted", _("Operator deleted")
    GROUPS_CHANGED = "groups_changed", _("Groups changed")
    SUB_ACCOUNT_CHANGED = "sub_account_changed", _("Sub account changed")
    GROUP_CREATED = "group_created", _("Group added")
    GROUP_RENAMED = "group_renamed", _("Group renamed")
    GROUP_DELETED = "group_deleted", _("Group deleted")
    SUB_ACCOUNT_CREATED = "sub_account_created", _("Sub account added")
    SUB_ACCOUNT_RENAMED = "sub_account_renamed", _("Sub account renamed")
    SUB_ACCOUNT_DELETED = "sub_account_deleted", _("Sub account deleted")


class AppendOnlyError(TypeError):
    """An audit entry was about to be changed or removed."""


class AppendOnlyQuerySet(models.QuerySet["AuditEntry"]):
    """Rows that can be added and read, nothing else."""

    def update(self, **_kwargs: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        """Refuse."""
        raise AppendOnlyError


class AuditEntry(models.Model):
    """One thing that happened: who, to whom, what, from what to what, when, from where.

    Actor and subject are copied as text and number: an entry outlives the operators it speaks of.
    Never holds a secret, a code, a password or a link.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="audit_entries")
    at = models.DateTimeField(_("when"), default=timezone.now)
    action = models.CharField(_("what"), max_length=30, choices=Action.choices)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(_("who"), max_length=2 * TEXT_LENGTH + 3, blank=True)
    subject_id = models.BigIntegerField(null=True, blank=True)
    subject_name = models.CharField(_("whom"), max_length=2 * TEXT_LENGTH + 3, blank=True)
    old = models.TextField(_("old value"), blank=True)
    new = models.TextField(_("new value"), blank=True)
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=("account", "-id"), name="audit_account"),
            models.Index(fields=("account", "subject_id", "-id"), name="audit_subject"),
            models.Index(fields=("account", "actor_id", "-id"), name="audit_actor"),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.get_action_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; refuse to change."""
        if self.pk is not None:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnlyError
