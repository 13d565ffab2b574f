"""The account, and the audit trail of what happens in it."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.outgoing import OutgoingMail  # noqa: F401  Django looks for an app's models here
from accounts.policy import AccountRule, Policy
from accounts.search_keys import SearchKey

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
        """Let others who hold this account wait until the transaction is over; return it as it is then.

        The key stays free (FOR NO KEY UPDATE): every entry in the trail refers to it, and whoever writes
        one may hold what this transaction is about to change.
        """
        return cls.objects.select_for_update(no_key=True).get(pk=pk)

    @property
    def rule(self) -> AccountRule:
        """What the account asks of its operators."""
        return AccountRule(self.two_factor_policy, self.required_from)

    def set_policy(self, policy: str, changed_by: str, required_from: "datetime | None" = None) -> bool:
        """Store the account-wide policy, and from when on Required counts; return whether that was done.

        One conditional UPDATE decides: nothing is stored where somebody else has changed the rule since
        it was read here.
        """
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


class Action(models.TextChoices):
    """What an audit entry is about."""

    SIGNED_IN = "signed_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Sign-in failed: wrong password")
    SIGN_IN_REFUSED = "sign_in_refused", _("Sign-in refused")
    PROVED = "proved", _("Identity proved again")
    PROOF_FAILED = "proof_failed", _("Proof of identity failed")
    CODE_FAILED = "code_failed", _("Wrong two-factor code")
    LOGIN_UNFINISHED = "login_unfinished", _("Login not finished after the right password")
    SIGN_IN_STOPPED = "sign_in_stopped", _("Sign-in stopped: setup link needed")
    SIGNED_OUT = "signed_out", _("Logged out")
    SESSION_ENDED = "session_ended", _("Session ended")
    OTHER_SESSIONS_ENDED = "other_sessions_ended", _("All other sessions ended")
    ALL_SESSIONS_ENDED = "all_sessions_ended", _("All sessions ended by an administrator")
    UNPROTECTED_ENDED = "unprotected_ended", _("Unprotected sessions ended")
    BROWSER_TRUSTED = "browser_trusted", _("Browser trusted")
    BROWSER_REMOVED = "browser_removed", _("Trusted browser removed")
    BROWSERS_REMOVED = "browsers_removed", _("All trusted browsers removed")
    SETUP_LINK_SENT = "setup_link_sent", _("Setup link emailed")
    SETUP_LINK_FAILED = "setup_link_failed", _("Setup link could not be emailed")
    SETUP_LINK_COPIED = "setup_link_copied", _("Setup link copied")
    SETUP_LINK_WITHDRAWN = "setup_link_withdrawn", _("Setup link withdrawn")
    TWO_FACTOR_ENROLLED = "two_factor_enrolled", _("Two-factor authentication set up")
    AUTHENTICATOR_LOCKED = "authenticator_locked", _("Authenticator locked: too many wrong codes")
    FROZEN = "frozen", _("Sign-in frozen: “This was not me”")
    FREED = "freed", _("Sign-in freed")
    PHONE_CHANGED = "phone_changed", _("Authenticator app replaced")
    RECOVERY_CODE_USED = "recovery_code_used", _("Recovery code used")
    RECOVERY_CODES_DOWNLOADED = "recovery_codes_downloaded", _("Recovery codes downloaded")
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed", _("New recovery codes made")
    TWO_FACTOR_RESET = "two_factor_reset", _("Two-factor authentication reset")
    ACCOUNT_POLICY = "account_policy", _("Account's two-factor setting changed")
    TRUSTED_BROWSERS = "trusted_browsers", _("Trusted-browser setting changed")
    OVERRIDE = "override", _("Two-factor override changed")
    REMINDED = "reminded", _("Reminders sent")
    REMINDER_SCHEDULE = "reminder_schedule", _("Reminder schedule changed")
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
    AUDIT_EXPORTED = "audit_exported", _("Audit log exported")
    EVIDENCE_EXPORTED = "evidence_exported", _("File exported")
    BULK_STARTED = "bulk_started", _("Bulk action started")
    BULK_CANCELLED = "bulk_cancelled", _("Bulk action cancelled")
    BULK_ENDED = "bulk_ended", _("Bulk action ended")
    ADDRESS_ELSEWHERE = "address_elsewhere", _("Address that cannot be invited was tried")
    LIMIT_REACHED = "limit_reached", _("Limit reached: refused for a while")
    AUDIT_PRUNED = "audit_pruned", _("Old audit entries removed")


def action_choices() -> list[tuple[str, str]]:
    """Return what an entry can be about. A function, so that another kind needs no migration."""
    return [(action.value, str(action.label)) for action in Action]


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
    action = models.CharField(_("what"), max_length=30, choices=action_choices)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(_("who"), max_length=2 * TEXT_LENGTH + 3, blank=True)
    subject_id = models.BigIntegerField(null=True, blank=True)
    subject_name = models.CharField(_("whom"), max_length=2 * TEXT_LENGTH + 3, blank=True)
    old = models.TextField(_("old value"), blank=True)
    new = models.TextField(_("new value"), blank=True)
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    people_key = SearchKey(of=("actor_name", "subject_name"))

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


class PeriodicTask(models.Model):
    """When a function of PERIODIC_TASKS is to be called next; see accounts.periodic."""

    name = models.CharField(primary_key=True, max_length=200)
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Tally(models.Model):
    """How often something happened in a window that began with its first time; see accounts.tally."""

    key = models.CharField(primary_key=True, max_length=160)
    count = models.PositiveIntegerField()
    ends_at = models.BigIntegerField(db_index=True)  # seconds since 1970

    def __str__(self) -> str:
        return f"{self.count} times {self.key}"
