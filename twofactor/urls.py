"""Addresses of the code step, of recovery codes, and of a new phone."""

from django.urls import path

from twofactor import views

app_name = "twofactor"
urlpatterns = [
    path("login/code/", views.verify, name="verify"),
    path("login/recovery-code/", views.recover, name="recover"),
    path("recovery-codes/", views.recovery_codes, name="recovery-codes"),
    path("recovery-codes/reminder/", views.recovery_reminder, name="recovery-reminder"),
    path("recovery-codes/new/", views.renew_recovery_codes, name="recovery-codes-new"),
    path("recovery-codes/download/", views.download_recovery_codes, name="recovery-codes-download"),
    path("new-phone/", views.new_phone, name="new-phone"),
]
