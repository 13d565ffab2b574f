"""Addresses below /account/."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("settings/", views.account_settings, name="settings"),
    path("settings/trusted-browsers/", views.trusted_browsers, name="trusted-browsers"),
    path("audit/", views.audit_log, name="audit-log"),
    path("audit/export/", views.audit_export, name="audit-export"),
    path("audit/policy-changes/", views.policy_export, name="policy-export"),
]
