"""The audit trail: what happened in an account."""

from typing import Any, NoReturn

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.account import TEXT_LENGTH, Account
from accounts.search_keys import SearchKey


class Action(models.TextChoices):
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
    """A function, so that another kind needs no migration."""
    return [(action.value, str(action.label)) for action in Action]


class AppendOnlyError(TypeError):
    """An audit entry was about to be changed or removed."""


class AppendOnlyQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **_kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
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
        """Refuses to change an entry."""
        if self.pk is not None:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AppendOnlyError
