"""Limits of a request's body, in bytes: for the settings, and for gunicorn, which starts before them."""

# The longest form has three passwords of 4,096 characters, each up to 12 bytes in transit.
FORM = 256 * 1024
# A table of 2 MB and its multipart frame. As much text as Django accepts in a form by default.
TABLE = 2 * 1024 * 1024 + 512 * 1024
