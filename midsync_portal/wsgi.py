"""Django as a WSGI application; asgi.py runs it in pools of threads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "midsync_portal.settings")

application = get_wsgi_application()
