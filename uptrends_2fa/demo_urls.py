"""The product's addresses, and the demo's mailbox at /mails/ for whoever sits at this machine."""

from django.urls import include, path

from uptrends_2fa.urls import urlpatterns as product_urls

mailbox = include("django_mail_viewer.urls")
urlpatterns = [*product_urls, path("mails/", mailbox)]
