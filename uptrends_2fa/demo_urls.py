"""The product's addresses, and the demo's mailbox."""

from django.urls import path

from uptrends_2fa import demo_mailbox, urls

urlpatterns = [
    *urls.urlpatterns,
    path("mails/", demo_mailbox.mails, name="demo-mails"),
    path("mails/<str:name>/", demo_mailbox.mail, name="demo-mail"),
]

handler500 = urls.handler500
