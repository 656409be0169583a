"""One row, watched in several languages."""

import pytest

from midsync_portal.live.stream import BadQuery, read_query
from midsync_portal.models import TaskEvent

from .people import row, run_on

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_row_arrives_in_the_language_of_each_page(make_task, anas_browser, open_page):
    task = make_task()
    english = open_page(anas_browser, rows=[task])
    japanese = open_page(anas_browser, rows=[task], language="ja")
    for page in (english, japanese):
        page.wait_for(row(task, "queued"))
    run_on(task)
    assert ">In progress<" in english.wait_for(row(task, "running"))
    came = japanese.wait_for(row(task, "running"))
    assert ">作成中<" in came
    assert "In progress" not in came


def test_new_tasks_are_counted_in_the_language_of_the_page(make_task, anas_browser, open_page):
    task = make_task()
    page = open_page(anas_browser, rows=[task], counts_from=task.public_id, language="zh-hant")
    page.wait_for(row(task, "queued"))
    make_task().record(TaskEvent.Kind.CREATED, "customer")
    page.wait_for(">1 個新任務<")


@pytest.mark.parametrize("language", ["fr", "", "JA", "ja,en"])
def test_a_language_that_is_not_ours_is_refused(language):
    with pytest.raises(BadQuery):
        read_query(f"rows=&lang={language}".encode())
