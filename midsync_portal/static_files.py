"""Static files as they are served: one stylesheet for customers, compressed, named by content."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

BUNDLES = ("css/portal.css",)
IMPORT = re.compile(r'@import url\("([\w.-]+)"\);')


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """WhiteNoise's storage; a stylesheet in BUNDLES holds what it imports from its folder."""

    def post_process(
        self, paths: Mapping[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        """Bundle, then hash and compress; ``paths`` says where each collected file comes from."""
        bundled: dict[str, Any] = {}
        for name in () if dry_run else BUNDLES:
            if name in paths:
                self.delete(name)
                self.save(name, ContentFile(_bundle(paths, name).encode()))
                bundled[name] = (self, name)
        yield from super().post_process({**paths, **bundled}, dry_run, **options)


def _bundle(paths: Mapping[str, Any], name: str) -> str:
    """The text of a stylesheet with what it imports; KeyError where that was not collected."""
    folder = name.rpartition("/")[0]
    return IMPORT.sub(lambda found: _text(paths, f"{folder}/{found[1]}"), _text(paths, name))


def _text(paths: Mapping[str, Any], name: str) -> str:
    storage, path = paths[name]
    with storage.open(path) as file:
        text: str = file.read().decode()
    return text
