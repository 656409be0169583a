"""Our copies in a private bucket of S3, or of a store that speaks like it (VIDEO_STORAGE=s3)."""

from typing import Any, BinaryIO

from botocore.config import Config
from storages.backends.s3 import S3Storage

TRIES = 3


class BucketStorage(S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Private objects of unique names, of which a part can be read without the rest."""

    def get_default_settings(self) -> dict[str, Any]:
        """django-storages' own, with ours; whatever S3_… says wins."""
        own: dict[str, Any] = super().get_default_settings()
        return own | {
            "file_overwrite": False,
            "default_acl": None,
            "client_config": Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"total_max_attempts": TRIES, "mode": "standard"},
                # Checksums that other stores than Amazon's do not know.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        }

    def open_part(self, name: str, start: int, length: int) -> BinaryIO:
        """The bytes of an object from `start` on, as they come from the network.

        Its `open` would fetch the whole object first. Raises FileNotFoundError.
        """
        key = self._normalize_name(name)
        try:
            got = self.bucket.Object(key).get(Range=f"bytes={start}-{start + length - 1}")
        except self.connection.meta.client.exceptions.NoSuchKey:
            raise FileNotFoundError(name) from None
        body: BinaryIO = got["Body"]
        return body
