"""Django's admin over the operators, set up as well as its documentation says, for the measurement only."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from operators.models import Operator
from operators.rules.status import Status
from operators.status.labels import STATUS_LABELS
from operators.status.query import status_condition

if TYPE_CHECKING:
    OperatorAdminBase = admin.ModelAdmin[Operator]
else:
    OperatorAdminBase = admin.ModelAdmin


class Site(admin.AdminSite):
    """An admin for the administrators of the product, which knows no staff."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Let the administrator of the account in."""
        return cast("Operator", request.user).is_administrator


site = Site()


class StatusFilter(admin.SimpleListFilter):
    """The same filter as the product's list has, by the same condition."""

    title, parameter_name = "status", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every status."""
        return [(status.value, str(label)) for status, label in STATUS_LABELS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Operator]) -> QuerySet[Operator]:
        """Those with the status."""
        value = self.value()
        if not value:
            return queryset
        rule = cast("Operator", request.user).account.rule
        return queryset.filter(status_condition(Status(value), rule, timezone.now()))


@admin.register(Operator, site=site)
class OperatorAdmin(OperatorAdminBase):
    """The columns of the product's list; nothing is asked for row by row."""

    list_display = ("name", "email", "group_names_column", "status_column", "last_login")
    list_select_related = ("account", "authenticator")
    list_filter = (StatusFilter,)
    search_fields = ("name", "email")
    ordering = ("name",)
    list_per_page = 100

    def get_queryset(self, request: HttpRequest) -> QuerySet[Operator]:
        """With all groups of a page in one query."""
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="groups")
    def group_names_column(self, operator: Operator) -> str:
        """All groups but Everyone, as in the product's list."""
        return ", ".join(group.label for group in operator.groups.all()) or "—"

    @admin.display(description="status")
    def status_column(self, operator: Operator) -> str:
        """The words of the product's list."""
        return str(STATUS_LABELS[operator.status])

    def has_view_permission(self, request: HttpRequest, obj: Operator | None = None) -> bool:
        """Whoever is in may look."""
        return True

    def has_change_permission(self, request: HttpRequest, obj: Operator | None = None) -> bool:
        """The names lead somewhere."""
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing can be added."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Operator | None = None) -> bool:
        """Nothing can be deleted, so that check boxes and actions cost the admin nothing."""
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever is in sees the operators."""
        return True
