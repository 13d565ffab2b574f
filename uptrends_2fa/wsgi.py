"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from uptrends_2fa import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "uptrends_2fa.settings")

application = get_wsgi_application()
checks.refuse_to_serve()
