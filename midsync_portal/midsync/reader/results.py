"""The links of a report: candidates for the video, and the cover."""

from collections.abc import Iterator

from . import names
from .values import Place, as_json, echoes_request

_DEPTH = 5
_NODES_MAX = 1000  # values looked at in search of a link
_URL_MAX = 8192  # characters; what is usable is decided by `links`


def video_urls(found: list[Place]) -> tuple[str, ...]:
    """Every candidate for the video in the documented order, without repeats."""
    urls: dict[str, None] = {}
    for place in found:
        for url in _in_place(place):
            urls[url] = None
            if len(urls) == names.RESULTS_MAX:
                return tuple(urls)
    return tuple(urls)


def only_video_file(payload: object) -> tuple[str, ...]:
    """The one link of a body that ends like a video file, whatever it is called there.

    Empty where there are several, and for links among the inputs or in an echo of the request.
    """
    urls: set[str] = set()
    to_see: list[object] = [payload]
    for _ in range(_NODES_MAX):
        if not to_see:
            break
        value = to_see.pop()
        if isinstance(value, list):
            to_see += value[:_NODES_MAX]
        elif isinstance(value, dict):
            if value is payload or not echoes_request(value):
                inputs = names.INPUT_NAMES | names.REQUEST_NAMES | {names.URLS_NAME}
                to_see += [inner for name, inner in value.items() if name not in inputs]
        elif (url := _url(value)) and _path(url).endswith(names.VIDEO_ENDINGS):
            urls.add(url)
    return tuple(urls) if len(urls) == 1 else ()


def cover_url(found: list[Place]) -> str:
    """The still picture of the video; not a picture that the customer sent in."""
    for place in found:
        doubtful = () if "prompt" in place.fields else names.DOUBTFUL_COVER_NAMES
        for name in names.COVER_NAMES + doubtful:
            value = place.fields.get(name)
            if isinstance(value, list) and value:
                value = value[0]
            if url := _url(value):
                return url
    return ""


def _in_place(place: Place) -> Iterator[str]:
    for name in names.RESULT_NAMES:
        yield from _links(place.fields.get(name), _DEPTH)
    yield from _in_object(place.fields, _DEPTH, inner=bool(place.path))


def _in_object(fields: dict[str, object], depth: int, *, inner: bool) -> Iterator[str]:
    """The links of one object, by the names that mean a video."""
    if depth == 0 or _is_other_kind(fields):
        return
    for name in names.VIDEO_NAMES + names.VIDEO_OBJECT_NAMES + names.VIDEO_LIST_NAMES:
        yield from _links(fields.get(name), depth - 1)
    for name in names.NESTED_RESULT_NAMES:
        yield from _links(fields.get(name), depth - 1)
    if inner and not isinstance(fields.get(names.URLS_NAME), dict):
        yield from _links(fields.get(names.URLS_NAME), depth - 1)


def _links(value: object, depth: int) -> Iterator[str]:
    """The links of a string, a list, an object, or of one of these written as JSON text."""
    if depth == 0:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = as_json(value)
    if isinstance(value, dict):
        yield from _in_object(value, depth, inner=True)
    elif isinstance(value, list):
        for entry in value[: 4 * names.RESULTS_MAX]:
            yield from _links(entry, depth - 1)
    elif (url := _url(value)) and not _path(url).endswith(names.OTHER_ENDINGS):
        yield url


def _is_other_kind(fields: dict[str, object]) -> bool:
    """Whether an object in a list of results calls itself an image, a cover or an input."""
    kinds = [fields.get(name) for name in names.KIND_NAMES]
    words = [kind.lower() for kind in kinds if isinstance(kind, str)]
    return any(word in names.OTHER_KINDS or word.startswith(names.OTHER_MEDIA) for word in words)


def _url(value: object) -> str:
    if not isinstance(value, str):
        return ""
    url = value.strip()
    return url if url[:4].lower() == "http" and len(url) <= _URL_MAX else ""


def _path(url: str) -> str:
    return url.partition("?")[0].partition("#")[0].lower()
