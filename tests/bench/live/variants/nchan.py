"""Rows by nginx's nchan module: a channel per task, the row is posted to nginx after the commit."""

import http.client
import os
import threading

import django

django.setup()

from .without_hub import WithoutHub  # noqa: E402

_local = threading.local()


def publish(public_id: str, row: str) -> None:
    """Post a row to nginx, on one kept connection per thread."""
    if not hasattr(_local, "connection"):
        host, _, port = os.environ["BENCH_NCHAN"].partition(":")
        _local.connection = http.client.HTTPConnection(host, int(port), timeout=5)
    _local.connection.request("POST", f"/pub/{public_id}", row.encode())
    _local.connection.getresponse().read()


application = WithoutHub(publish)
