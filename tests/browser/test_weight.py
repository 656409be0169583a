"""What a first view of each page loads: few requests, little of it, and nothing twice."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Request

from midsync_portal.static_files import STYLES_KEPT

from .conftest import Pair
from .visitor import Visitor

pytestmark = pytest.mark.browser

SCRIPTS_MAX, STYLES_MAX = 30 * 1024, 12 * 1024  # bytes as sent, compressed
PAGE_MAX = 10 * 1460  # of a page with its styles: what a new connection sends without waiting
REQUESTS_MAX = 12  # of a first view without media
MOVED_MAX = 0.01  # cumulative layout shift while a page loads
SHIFTS = """window.moved = 0;
new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.moved += one.value;
}).observe({ type: "layout-shift", buffered: true });"""
# Files that came over the line and not from the browser's cache.
TRANSFERRED = """() => performance.getEntriesByType("resource")
    .filter((one) => one.name.includes("/static/") && one.transferSize)
    .map((one) => one.name)"""

# Whether the file of the styles, which nobody waits for, was asked for after the page was drawn.
WAITED = """() => {
    const [drawn] = performance.getEntriesByName("first-contentful-paint");
    const file = performance.getEntriesByType("resource").find((one) => one.name.endsWith(".css"));
    return drawn.startTime < file.startTime;
}"""


@pytest.mark.whole_browser  # which asks for the icon as well
def test_pages_are_light_and_load_nothing_twice(
    pair: Pair, open_window: Callable[..., Visitor], record_property: Callable[[str, object], None]
) -> None:
    ana = open_window(pair.portal, width=390, height=844)
    ana.log_in()
    task = order(ana)
    cookies = [one for one in ana.page.context.cookies() if one["name"] != STYLES_KEPT]
    figures = []
    # The list of what was ordered here: how many tasks other tests have left is not to be weighed.
    pages = ("/", "/tasks/?q=weighed", f"/tasks/{task}/", "/compare/", "/accounts/password/change/")
    for path in pages:
        window = open_window(pair.portal, width=390, height=844)
        window.page.context.add_cookies(cookies)  # but none of its files
        window.page.add_init_script(SHIFTS)
        first = loads(window, path)
        assert window.page.evaluate("window.moved") <= MOVED_MAX, path
        assert window.page.evaluate(WAITED), path
        weight = {
            kind: sum(bytes_of(one) for one in first if one.resource_type == kind)
            for kind in ("document", "script", "fetch")  # fetched is only the file of the styles
        }
        figures.append(
            f"{path}: {len(first)} requests, {weight['document']} bytes of the page itself,"
            f" {weight['script']} of scripts, {weight['fetch']} of styles"
        )
        assert len(first) <= REQUESTS_MAX, path
        assert weight["script"] <= SCRIPTS_MAX, path
        assert 0 < weight["fetch"] <= STYLES_MAX, path
        assert weight["document"] <= PAGE_MAX, path
        again = loads(window, path)
        assert bytes_of(again[0]) < weight["document"] - 5_000, path  # without the styles
        assert "stylesheet" in {one.resource_type for one in again}, path
        assert window.page.evaluate(TRANSFERRED) == [], path
        for one in first:
            if "/static/" in one.url:
                assert "immutable" in (one.response().header_value("cache-control") or ""), one.url
    record_property("figures", "\n".join(figures))


def order(visitor: Visitor) -> str:
    """A task that is ready, so that lists and pages are not empty."""
    visitor.choose_model("kling-2.5-turbo")
    visitor.write_prompt("weighed")
    visitor.wait_for_price()
    return visitor.generate()


def loads(visitor: Visitor, path: str) -> list[Request]:
    """What a visit of the page asks for, but for media and the stream."""
    visitor.requests.clear()
    visitor.page.goto(visitor.portal.address + path)
    visitor.wait_until(lambda: keeps_styles(visitor))
    visitor.wait_until_quiet()
    return [
        one
        for one in visitor.requests
        if one.resource_type not in {"media", "eventsource"} and not one.url.endswith("/stream/")
    ]


def keeps_styles(visitor: Visitor) -> bool:
    """Whether the file of the styles is in the browser's cache."""
    return any(one["name"] == STYLES_KEPT for one in visitor.page.context.cookies())


def bytes_of(request: Request) -> int:
    """The size of its answer as it is sent."""
    response = request.response()
    return (
        0
        if response is None or response.from_service_worker
        else request.sizes()["responseBodySize"]
    )
