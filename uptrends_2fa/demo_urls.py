"""The product's addresses, and the demo's mailbox for whoever sits at this machine."""

from django.urls import path

from uptrends_2fa import demo_mailbox
from uptrends_2fa.urls import urlpatterns as product_urls

urlpatterns = [
    *product_urls,
    path("mails/", demo_mailbox.mails, name="demo-mails"),
    path("mails/<str:name>/", demo_mailbox.mail, name="demo-mail"),
]
