"""Rows by polling: nobody is told of anything."""

import django

django.setup()

from .without_hub import WithoutHub  # noqa: E402

application = WithoutHub(lambda public_id, row: None)
