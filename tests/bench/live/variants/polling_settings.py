"""The portal's settings with one more page: the rows that htmx would poll for."""

from midsync_portal.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.live.variants.polling_urls"
