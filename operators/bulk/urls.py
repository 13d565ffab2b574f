"""Many operators at once."""

from django.urls import path

from operators.bulk.views import actions, inviting

urlpatterns = [
    path("operators/bulk/", actions.choose, name="bulk"),
    path("operators/bulk/actions/", actions.actions, name="bulk-actions"),
    path("operators/bulk/actions/<int:pk>/", actions.action, name="bulk-action"),
    path("operators/bulk/actions/<int:pk>/cancel/", actions.cancel, name="bulk-cancel"),
    path("operators/bulk/actions/<int:pk>/not-done/", actions.export, name="bulk-export"),
    path("operators/add/invite-many/", inviting.check, name="invite-many"),
    path("operators/add/invite-many/confirm/", inviting.confirm, name="invite-many-confirm"),
    path("operators/add/invite-many/errors/", inviting.errors, name="invite-many-errors"),
]
