"""The portal's settings with django-eventstream."""

import os

from midsync_portal.settings import *  # noqa: F403
from midsync_portal.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_eventstream"]
ROOT_URLCONF = "tests.bench.live.variants.eventstream_urls"
if os.environ.get("BENCH_REDIS"):
    host, _, port = os.environ["BENCH_REDIS"].partition(":")
    EVENTSTREAM_REDIS = {"host": host, "port": int(port), "db": 0}
