"""Addresses for groups and sub accounts."""

from django.urls import path

from operators.groups.views import groups, sub_accounts

urlpatterns = [
    path("groups/", groups.groups, name="groups"),
    path("groups/add/", groups.add, name="group-add"),
    path("groups/<int:pk>/", groups.edit, name="group"),
    path("groups/<int:pk>/delete/", groups.delete, name="group-delete"),
    path("sub-accounts/", sub_accounts.sub_accounts, name="sub-accounts"),
    path("sub-accounts/add/", sub_accounts.add, name="sub-account-add"),
    path("sub-accounts/<int:pk>/", sub_accounts.edit, name="sub-account"),
    path("sub-accounts/<int:pk>/delete/", sub_accounts.delete, name="sub-account-delete"),
]
