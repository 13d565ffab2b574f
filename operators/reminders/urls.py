"""Reminders."""

from django.urls import path

from operators.reminders import views

urlpatterns = [
    path("reminders/", views.reminders, name="reminders"),
    path("reminders/send/", views.send, name="reminders-send"),
    path("reminders/<int:pk>/stop/", views.stop, name="reminders-stop"),
    path("reminders/schedule/", views.schedule, name="reminders-schedule"),
]
