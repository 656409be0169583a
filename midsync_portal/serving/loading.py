"""What a process of the server loads before it serves."""

import gc
from importlib import import_module

is_done = False  # in this process, or in the one of which it is a copy


def load() -> None:
    """Load what every process of the server needs; Django is set up. No query, no thread."""
    global is_done
    from django.conf import settings
    from django.template.loader import get_template
    from django.urls import get_resolver
    from django.utils.translation import override

    for name in ("asgi", "wsgi", "serving.site"):
        import_module(f"midsync_portal.{name}")
    get_resolver().url_patterns  # noqa: B018 - reading it imports every view
    # Templates, too: a process that begins during an upgrade must not read new ones with old code.
    folder = settings.BASE_DIR / "templates"
    for file in (*folder.rglob("*.html"), *folder.rglob("*.txt")):
        get_template(str(file.relative_to(folder)))
    for language, _ in settings.LANGUAGES:
        with override(language):  # which reads its words
            pass
    # What is here stays. To look at it in each collection would stop the process for a tenth of a
    # second, time and again, and copy what forked processes share.
    gc.collect()
    gc.freeze()
    is_done = True
