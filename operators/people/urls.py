"""Addresses for one operator: adding, the operator page and its actions."""

from django.urls import path

from operators.people.views import adding, detail, enrolling, profile, removal, resetting

urlpatterns = [
    path("operators/add/", adding.choose, name="add"),
    path("operators/add/invite/", adding.invite, name="invite"),
    path("operators/add/create/", adding.create, name="create"),
    path("operators/<int:pk>/", detail.main, name="detail"),
    path("operators/<int:pk>/member-of/", detail.member_of, name="member-of"),
    path("operators/<int:pk>/activity/", detail.activity, name="activity"),
    path("operators/<int:pk>/override/", detail.override, name="override"),
    path("operators/<int:pk>/sign-in-method/", detail.sign_in_method, name="sign-in-method"),
    path("operators/<int:pk>/two-factor/scan/", enrolling.scan, name="scan"),
    path("operators/<int:pk>/two-factor/reset/", resetting.reset, name="reset"),
    path("operators/<int:pk>/activate/", removal.activate, name="activate"),
    path("operators/<int:pk>/deactivate/", removal.deactivate, name="deactivate"),
    path("operators/<int:pk>/delete/", removal.delete, name="delete"),
    path("operators/<int:pk>/invitation/resend/", adding.resend, name="invitation-resend"),
    path("operators/<int:pk>/invitation/copy/", adding.copy_link, name="invitation-copy"),
    path("operators/<int:pk>/invitation/withdraw/", adding.withdraw, name="invitation-withdraw"),
    path("operators/<int:pk>/name/", profile.change_name, name="name"),
    path("operators/<int:pk>/email/", profile.change_email, name="email"),
    path("my-settings/password/", profile.change_password, name="password"),
    path("email/confirm/", profile.confirm_email, name="email-confirm"),
    path("email/<str:token>/", profile.open_email_link, name="email-link"),
]
