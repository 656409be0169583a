"""The portal's settings as the tests run them: only the environment is replaced."""

import os
import tempfile

for name in list(os.environ):
    if name.startswith(("MIDSYNC_", "PORTAL_", "CALLBACK_", "RESULT_", "LISTEN_")):
        del os.environ[name]
os.environ |= {
    "ENV_FILE": os.devnull,
    "DEBUG": "false",
    "SECRET_KEY": "a-key-of-the-tests-that-is-long-enough-for-the-checks-0123456789",
    "PORTAL_URL": "http://127.0.0.1:8000",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "MIDSYNC_BASE_URL": "http://127.0.0.1:8900",
    "MIDSYNC_API_KEY": "canary-key-of-the-tests",
    "RESULT_ORIGINS_TRUSTED": "http://127.0.0.1:8900",
    "CALLBACK_SIGNING_KEYS": "callback-key-of-the-tests",
    "RECONCILE_HOUR": "-1",  # tests that want it say so
    "MEDIA_ROOT": tempfile.mkdtemp(prefix="portal-media-"),
}

from midsync_portal.settings import *  # noqa: E402, F403
from midsync_portal.settings import DATABASES, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES |= {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
if DATABASES["default"]["ENGINE"] == "midsync_portal.sqlite":
    # A file, not memory: threads of one test see one database, as in production.
    DATABASES["default"]["TEST"] = {
        "NAME": os.path.join(tempfile.gettempdir(), f"portal-test-{os.getppid()}.sqlite3")
    }
else:  # DATABASE_URL names a PostgreSQL server: a database of this run's own
    DATABASES["default"]["TEST"] = {"NAME": f"portal_test_{os.getppid()}"}
