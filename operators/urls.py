"""Addresses of sign-in and of the operators' pages."""

from django.urls import path

from operators.bulk.views import actions, inviting
from operators.groups.views import groups, sub_accounts
from operators.links import views as links
from operators.lists import views
from operators.overrides import views as exceptions
from operators.overview import views as overview
from operators.people.views import adding, detail, enrolling, profile, removal, resetting
from operators.policy import views as policy
from operators.reminders import views as reminding
from operators.signin.views import freezing, login, offering, password_reset, sessions

app_name = "operators"
urlpatterns = [
    # Sign-in
    path("", login.home, name="home"),
    path("login/", login.log_in, name="login"),
    path("logout/", login.log_out, name="logout"),
    path("login/set-up/", offering.offer, name="offer"),
    path("password-reset/", password_reset.request_link, name="password-reset"),
    path("password-reset/sent/", password_reset.sent, name="password-reset-sent"),
    path("password-reset/new/", password_reset.choose, name="password-reset-choose"),
    path("password-reset/<str:token>/", password_reset.open_link, name="password-reset-link"),
    # Overview
    path("account/two-factor/", overview.two_factor_overview, name="overview"),
    path("account/two-factor/links/", links.links, name="links"),
    path("account/two-factor/links/export/", links.export, name="links-export"),
    path("operators/<int:pk>/setup-link/send/", links.send_setup_link, name="setup-link-send"),
    path("operators/<int:pk>/setup-link/copy/", links.copy_setup_link, name="setup-link-copy"),
    path("operators/<int:pk>/setup-link/withdraw/", links.withdraw_setup_link, name="setup-link-withdraw"),
    # Lists
    path("operators/", views.operators, name="list"),
    path("operators/export/", views.export, name="export"),
    path("groups/", groups.groups, name="groups"),
    path("groups/add/", groups.add, name="group-add"),
    path("groups/<int:pk>/", groups.edit, name="group"),
    path("groups/<int:pk>/delete/", groups.delete, name="group-delete"),
    path("sub-accounts/", sub_accounts.sub_accounts, name="sub-accounts"),
    path("sub-accounts/add/", sub_accounts.add, name="sub-account-add"),
    path("sub-accounts/<int:pk>/", sub_accounts.edit, name="sub-account"),
    path("sub-accounts/<int:pk>/delete/", sub_accounts.delete, name="sub-account-delete"),
    path("exceptions/", exceptions.exceptions, name="exceptions"),
    path("exceptions/export/", exceptions.export, name="exceptions-export"),
    # Reminders
    path("reminders/", reminding.reminders, name="reminders"),
    path("reminders/send/", reminding.send, name="reminders-send"),
    path("reminders/<int:pk>/stop/", reminding.stop, name="reminders-stop"),
    path("reminders/schedule/", reminding.schedule, name="reminders-schedule"),
    # Many operators at once
    path("operators/bulk/", actions.choose, name="bulk"),
    path("operators/bulk/actions/", actions.actions, name="bulk-actions"),
    path("operators/bulk/actions/<int:pk>/", actions.action, name="bulk-action"),
    path("operators/bulk/actions/<int:pk>/cancel/", actions.cancel, name="bulk-cancel"),
    path("operators/bulk/actions/<int:pk>/not-done/", actions.export, name="bulk-export"),
    # Adding an operator
    path("operators/add/", adding.choose, name="add"),
    path("operators/add/invite/", adding.invite, name="invite"),
    path("operators/add/invite-many/", inviting.check, name="invite-many"),
    path("operators/add/invite-many/confirm/", inviting.confirm, name="invite-many-confirm"),
    path("operators/add/invite-many/errors/", inviting.errors, name="invite-many-errors"),
    path("operators/add/create/", adding.create, name="create"),
    # One operator
    path("operators/<int:pk>/", detail.main, name="detail"),
    path("operators/<int:pk>/member-of/", detail.member_of, name="member-of"),
    path("operators/<int:pk>/activity/", detail.activity, name="activity"),
    path("operators/<int:pk>/override/", detail.override, name="override"),
    path("operators/<int:pk>/sign-in-method/", detail.sign_in_method, name="sign-in-method"),
    path("operators/<int:pk>/two-factor/scan/", enrolling.scan, name="scan"),
    path("operators/<int:pk>/two-factor/reset/", resetting.reset, name="reset"),
    path("operators/<int:pk>/end-sessions/", sessions.end_all, name="end-sessions"),
    path("operators/<int:pk>/activate/", removal.activate, name="activate"),
    path("operators/<int:pk>/deactivate/", removal.deactivate, name="deactivate"),
    path("operators/<int:pk>/delete/", removal.delete, name="delete"),
    path("operators/<int:pk>/invitation/resend/", adding.resend, name="invitation-resend"),
    path("operators/<int:pk>/invitation/copy/", adding.copy_link, name="invitation-copy"),
    path("operators/<int:pk>/invitation/withdraw/", adding.withdraw, name="invitation-withdraw"),
    # Name, address and password
    path("operators/<int:pk>/name/", profile.change_name, name="name"),
    path("operators/<int:pk>/email/", profile.change_email, name="email"),
    path("my-settings/password/", profile.change_password, name="password"),
    # Where you are signed in, and where others are without a second factor
    path("account/settings/preview/", policy.preview, name="policy-preview"),
    path("account/settings/preview/<slug:group>/", policy.people, name="policy-preview-people"),
    path("account/settings/end-sessions/", sessions.end_unprotected, name="end-unprotected"),
    path("my-settings/sessions/", sessions.sessions, name="sessions"),
    path("my-settings/sessions/end-others/", sessions.end_others, name="sessions-end-others"),
    path("my-settings/sessions/<uuid:public_id>/end/", sessions.end, name="session-end"),
    path("my-settings/trusted-browsers/remove-all/", sessions.remove_all_trusted, name="trusted-remove-all"),
    path("my-settings/trusted-browsers/<int:pk>/remove/", sessions.remove_trusted, name="trusted-remove"),
    # A new address
    path("not-me/<str:token>/", freezing.this_was_not_me, name="not-me"),
    path("operators/<int:pk>/free/", freezing.free, name="free"),
    path("email/confirm/", profile.confirm_email, name="email-confirm"),
    path("email/<str:token>/", profile.open_email_link, name="email-link"),
]
