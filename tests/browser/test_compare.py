"""The same prompt on two models, from the choice to two videos that play side by side."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .portal import Portal
from .visitor import Visitor

pytestmark = pytest.mark.browser


def fits(visitor: Visitor) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return not visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth")


def tops(visitor: Visitor) -> set[float]:
    """Where the columns begin, from above."""
    tops = "columns => columns.map(one => one.getBoundingClientRect().top)"
    return set(visitor.page.locator(".column").evaluate_all(tops))


def test_two_models_are_compared_at_the_desk_and_watched_on_the_phone(
    demo: Portal, open_window: Callable[..., Visitor]
) -> None:
    ana = open_window(demo)
    ana.log_in()
    ana.page.get_by_role("link", name="Compare models").click()
    for box in ana.page.locator("[name=models]:checked").all():
        box.uncheck()
    for model in ("kling-2.5-turbo", "runway"):
        ana.page.locator(f"[name=models][value='{model}']").check()
    ana.write_prompt("two boats on a lake")
    ana.give("image", "")  # of another journey
    ana.give("duration", "7")
    assert fits(ana)
    ana.page.get_by_role("button", name="See prices").click()
    columns = ana.page.locator(".column")
    expect(columns).to_have_count(2)
    expect(columns.last).to_contain_text("Duration: “7” is not offered; it is 5 now.")
    points = [
        int("".join(filter(str.isdigit, shown)))
        for shown in ana.page.locator(".quote__points").all_inner_texts()
    ]
    ana.page.get_by_role("button", name=f"Generate all for {sum(points)} points").click()
    ana.page.wait_for_url("**/compare/*/")
    phone = open_window(demo, width=390, height=844, theme="dark")
    phone.log_in(ana.page.url.removeprefix(demo.address))
    tasks = ana.tasks()
    assert len(tasks) == 2
    for visitor in (ana, phone):
        for task in tasks:
            visitor.wait_for_status(task, "succeeded")
            expect(visitor.page.locator(f"#task-{task}-player")).to_be_visible()
        assert fits(visitor)
    assert len(tops(ana)) == 1
    assert len(tops(phone)) == 2
    assert [ana.points_charged(task) for task in tasks] == points
