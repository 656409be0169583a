"""The pictures of README.md, taken in the demo; not a test, `bin/pictures` runs it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from midsync_portal.demo import read_kept

from .pictures import take
from .portal import Portal, demo_in
from .visitor import PATIENCE, Visitor

Open = Callable[..., Visitor]
WIDTH = 1200  # pixels; the phone's are twice as fine


@pytest.fixture(scope="module")
def demo(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("demo")
    with demo_in(folder, prepared, speed=4, video_height=360) as portal:
        yield portal


def choose(demo: Portal, **chosen: str) -> None:
    """How the next orders go, without a word in their prompts."""
    port = read_kept(demo.folder / "data").simulator_port
    requests.post(f"http://127.0.0.1:{port}/simulator/settings", chosen, timeout=10)


def order(visitor: Visitor, model: str, prompt: str) -> str:
    visitor.choose_model(model)
    visitor.write_prompt(prompt)
    visitor.wait_for_price()
    return visitor.generate()


def show_a_frame(visitor: Visitor, task: str) -> None:
    """Play our copy of the video until it shows something, and stop there."""
    visitor.wait_for_status(task, "succeeded")
    player = visitor.page.locator(f"#task-{task}-player[poster]")
    expect(player).to_be_visible(timeout=PATIENCE)
    player.evaluate("player => { player.muted = true; return player.play(); }")
    visitor.wait_until(lambda: bool(player.evaluate("player => player.currentTime > 1")))
    player.evaluate("player => player.pause()")


def test_pictures_of_the_readme(demo: Portal, open_window: Open, browser: Browser) -> None:
    ana = open_window(demo, width=WIDTH, height=820)
    ana.log_in()

    # The comparison.
    ana.page.get_by_role("link", name="Compare models").click()
    for box in ana.page.locator("[name=models]:checked").all():
        box.uncheck()
    for model in ("kling-2.5-turbo", "runway"):
        ana.page.locator(f"[name=models][value='{model}']").check()
    ana.write_prompt("Two paper boats on a mountain lake at dawn, seen from above")
    ana.page.get_by_role("button", name="See prices").click()
    ana.page.get_by_role("button", name="Generate all for").click()
    ana.page.wait_for_url("**/compare/*/")
    for task in ana.tasks():
        show_a_frame(ana, task)
    take(ana, "comparison")

    # A failed row among others, and one on its way.
    ana.page.goto(demo.address)
    fox = order(ana, "runway", "A red fox crosses a frozen river, wide shot")
    ana.wait_for_status(fox, "succeeded")
    choose(demo, scenario="fail")
    failed = order(ana, "kling-2.5-turbo", "A crowd on a square, faces in close-up")
    ana.wait_for_status(failed, "failed")
    take(ana, "failed", ana.row(failed))
    choose(demo, scenario="slow", dialect="replicate", speed="2")
    slow = order(ana, "kling-2.6-t2v", "A snow globe with a tiny city, the camera moves inside")
    ana.wait_for_status(slow, "running")

    # The studio, with the next order typed in.
    ana.choose_model("seedance-1.5-pro")
    ana.write_prompt("An old tram climbs a steep street in the rain, neon signs, slow dolly shot")
    ana.wait_for_price()
    take(ana, "studio")

    # The same on a phone.
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        color_scheme="dark",
        base_url=demo.address,
    )
    phone = open_window(demo, context=context)
    phone.log_in("/tasks/")
    take(phone, "phone")
