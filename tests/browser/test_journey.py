"""The main job, in the demo as it is: from the log-in to a playing video, untouched."""

from collections.abc import Callable
from decimal import Decimal
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from .portal import Portal
from .visitor import Visitor

pytestmark = pytest.mark.browser

PHONE, DESKTOP = (390, 844), (1280, 900)
FRAME = "https://pictures.example.com/first-frame.png"


def serve_picture(route: Route) -> None:
    """The customer's own picture, somewhere on the web."""
    picture = BytesIO()
    Image.new("RGB", (160, 90), "teal").save(picture, "PNG")
    route.fulfill(body=picture.getvalue(), content_type="image/png")


def follow_to_the_end(visitor: Visitor, points: Decimal) -> str:
    """Generate, see the charge, watch the row become ready without a request of the page."""
    visitor.remember_statuses()
    task = visitor.generate()
    assert visitor.points_charged(task) == points
    expect(visitor.row(task)).to_contain_text(f"{points.normalize():f}")
    visitor.wait_until_quiet()
    visitor.requests.clear()
    visitor.wait_for_status(task, "succeeded")
    assert visitor.requests_for_data() == []
    *before, last = visitor.statuses_seen(task)
    assert before, "the row was ready when it came"
    assert set(before) <= {"submitting", "queued", "running"}
    assert last == "succeeded"
    return task


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_text_becomes_a_playing_video(
    demo: Portal, open_window: Callable[..., Visitor], theme: str, size: tuple[int, int]
) -> None:
    ana = open_window(demo, width=size[0], height=size[1], theme=theme)
    ana.log_in()
    ana.choose_model("kling-2.5-turbo")
    ana.write_prompt(f"a paper boat on a lake, {theme}, {size[0]} pixels wide")
    ana.give("duration", "5")
    assert ana.wait_for_price() == Decimal(35)
    task = follow_to_the_end(ana, Decimal(35))
    ana.open_task(task)
    assert ana.play_video() == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize(
    ("theme", "size"), [("dark", PHONE), ("light", DESKTOP)], ids=["phone", "desktop"]
)
def test_a_picture_becomes_a_playing_video(
    demo: Portal, open_window: Callable[..., Visitor], theme: str, size: tuple[int, int]
) -> None:
    ana = open_window(demo, width=size[0], height=size[1], theme=theme)
    ana.page.route(FRAME, serve_picture)
    ana.log_in("/?model=kling-2.6-i2v")
    ana.choose_model("kling-2.6-i2v")
    ana.write_prompt(f"the boat begins to move, {theme}")
    ana.field("images").first.fill(FRAME)
    ana.field("images").first.blur()
    ana.give("duration", "5")
    price = ana.wait_for_price()
    assert price in {Decimal(46), Decimal(92)}
    task = follow_to_the_end(ana, price)
    ana.open_task(task)
    assert ana.play_video() == pytest.approx(5, abs=0.5)
