"""What is said when a task ends, to screen readers and in notifications; tests/browser goes on."""

import pytest
from django.utils import translation

from midsync_portal.models.status import Status
from midsync_portal.wording import end_sentence
from tests.pages import Page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": Status.SUCCEEDED, "points_charged": 35}, "Ready: a red fox"),
        ({"status": Status.REJECTED}, "Refused: a red fox · Nothing was charged."),
        (
            {"status": Status.FAILED, "points_charged": 0},
            "Failed: a red fox · Nothing was charged.",
        ),
        (
            {"status": Status.FAILED, "points_charged": 35},
            "Failed: a red fox · 35 points were charged.",
        ),
        (
            {"status": Status.CANCELLED},
            "Cancelled: a red fox · We don't know yet whether points were charged.",
        ),
        ({"status": Status.RUNNING, "progress": 50}, ""),
        ({"status": Status.UNCONFIRMED}, ""),
    ],
)
def test_an_end_is_said_in_one_sentence_and_nothing_before_it(make_task, fields, said):
    assert end_sentence(make_task(prompt="a red fox", **fields)) == said


def test_a_long_prompt_is_cut_and_the_language_is_the_readers(make_task):
    task = make_task(prompt="雪の中の狐" * 30, status=Status.SUCCEEDED)
    with translation.override("ja"):
        said = end_sentence(task)
    assert said.startswith("完成：雪の中")
    assert len(said) < 70


def test_a_row_carries_what_is_said_and_whose_it_is(client, ana, make_task):
    task = make_task(status=Status.SUCCEEDED, prompt="a red fox")
    client.force_login(ana)
    for path, ending in (("/tasks/", ""), (task.get_absolute_url(), "-status")):
        shown = Page(client.get(path)).by_id[f"task-{task.public_id}{ending}"]
        assert shown["data-says"] == "Ready: a red fox"
        assert (shown["data-by"], shown["data-url"]) == (str(ana.pk), task.get_absolute_url())


def test_notifications_of_the_browser_are_offered_by_its_script_alone(client, ana):
    client.force_login(ana)
    card = Page(client.get("/notifications/")).by_id["notices-browser"]
    assert "hidden" in card
