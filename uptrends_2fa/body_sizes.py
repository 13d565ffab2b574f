"""How large may a request's body be, in bytes? Read by the settings, and by gunicorn before there are any."""

# The longest form has three passwords of 4,096 characters, each of which takes up to 12 bytes on the way.
FORM = 256 * 1024
# A table of 2 MB, and what stands around it. As much text as Django takes in a form by itself.
TABLE = 2 * 1024 * 1024 + 512 * 1024
