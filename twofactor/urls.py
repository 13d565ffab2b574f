"""Address of the code step."""

from django.urls import path

from twofactor import views

app_name = "twofactor"
urlpatterns = [path("login/code/", views.verify, name="verify")]
