"""The product as in production, with the fast hasher."""

from bench.product_settings import *  # noqa: F403

ROOT_URLCONF = "bench.logins.product.urls"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
