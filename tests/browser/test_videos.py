"""Our own copy in a real browser: saved by the worker, played from the portal, sought in."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .portal import Portal
from .visitor import PATIENCE, Visitor

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("size", "theme"), [((1280, 900), "light"), ((390, 844), "dark")], ids=["desktop", "phone"]
)
def test_a_video_is_saved_and_plays_from_the_portal_at_any_place(
    demo: Portal, open_window: Callable[..., Visitor], size: tuple[int, int], theme: str
) -> None:
    ana = open_window(demo, width=size[0], height=size[1], theme=theme)
    ana.log_in()
    ana.choose_model("kling-2.5-turbo")
    ana.write_prompt(f"a lighthouse that is saved, {theme}")
    ana.give("duration", "5")
    ana.wait_for_price()
    task = ana.generate()
    ana.open_task(task)
    line = ana.page.locator(f"#task-{task}-copy")
    expect(line).to_have_attribute("data-copy-state", "stored", timeout=PATIENCE)
    expect(line).to_contain_text("Saved")  # without a reload: the stream brings it

    video = ana.page.locator("video")
    expect(video).to_have_attribute("src", f"/tasks/{task}/video/")
    expect(video).to_have_attribute("poster", f"/tasks/{task}/poster/")
    assert ana.play_video() == pytest.approx(5, abs=0.5)
    video.evaluate("v => { v.pause(); v.currentTime = 4 }")
    ana.wait_until(lambda: bool(video.evaluate("v => !v.seeking && v.readyState >= 2")))
    assert video.evaluate("v => v.currentTime") == pytest.approx(4, abs=0.1)
    assert video.evaluate("v => v.seekable.end(0)") == pytest.approx(5, abs=0.5)

    with ana.page.expect_download() as download:
        ana.page.get_by_role("link", name=re.compile("^Download")).click()
    name = f"a-lighthouse-that-is-saved-{theme}-{task[:8]}.webm"
    assert download.value.suggested_filename == name
    assert download.value.path().read_bytes()[:4] == b"\x1a\x45\xdf\xa3"

    picture = ana.page.request.get(f"/tasks/{task}/poster/")
    assert (picture.status, picture.headers["content-type"]) == (200, "image/jpeg")
