"""Finding old work: search and filters in the URL, stable pages, totals, CSV."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.finding import export, pages
from midsync_portal.finding.export import safe_cell
from midsync_portal.finding.filters import read_filter
from midsync_portal.finding.pages import PAGE_SIZE
from midsync_portal.models import Membership
from midsync_portal.models.status import Status
from tests.conftest import make_user
from tests.pages import Page

LIST = "/tasks/"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def rows(answer):
    """The task numbers of the rows on a page, in order."""
    return [one["data-task"] for one in Page(answer).with_class("task-row")]


def numbers(*tasks):
    """As `rows` gives them."""
    return [str(task.public_id) for task in tasks]


def link(answer, rel):
    """Where the page's link of that kind leads."""
    return next((one["href"] for one in Page(answer).elements if one.get("rel") == rel), "")


@pytest.fixture
def bea(ana):
    """Bea, a member of Ana's team."""
    user = make_user("bea@alder.example", name="Bea")
    Membership.objects.create(user=user, customer=ana.customers.get())
    return user


# --- what is looked for --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("needle", "is_found"),
    [
        ("FOX", True),
        ("ox in th", True),
        ("fox snow", False),  # one piece of text, no words
        ("雪の中", True),
        ("狐", True),
        ("狐狸", False),
        ("ÉTOILE", True),
        ("100%", True),
        ("10_%", False),
        ("ms-ABC", True),
        ("pv-9", True),
        ("'; DROP TABLE", False),
        ("\x00fox", True),
    ],
)
def test_a_search_looks_into_prompts_and_references(client, ana, make_task, needle, is_found):
    task = make_task(
        prompt="A red Fox in the snow, 雪の中の紅い狐, étoile, 100% wool",
        midsync_task_id="ms-abc-1",
        provider_task_id="pv-9",
    )
    make_task(prompt="something else")
    client.force_login(ana)
    answer = client.get(LIST, {"q": needle})
    assert rows(answer) == (numbers(task) if is_found else [])
    if not is_found:
        assert "Nothing fits" in answer.content.decode()


def test_a_search_looks_into_our_own_numbers_whole_or_in_part(client, ana, make_task):
    task, _ = make_task(), make_task()
    client.force_login(ana)
    for needle in (str(task.public_id), str(task.public_id)[4:20].upper()):
        assert rows(client.get(LIST, {"q": needle})) == numbers(task)


def test_a_rare_text_is_found_behind_the_near_tasks(client, ana, make_task, monkeypatch):
    old = [make_task(prompt=f"動画 {n}", created_at=NOW - timedelta(days=n)) for n in range(3)]
    for _ in range(4):
        make_task()
    monkeypatch.setattr(pages, "NEAR", 2)
    client.force_login(ana)
    answer = client.get(LIST, {"q": "動画"})
    assert rows(answer) == numbers(*old)
    assert Page(answer).text_of("task-totals").startswith("3 tasks")


def test_each_filter_narrows_the_list(client, ana, bea, make_task):
    failed = make_task(status=Status.FAILED, created_at=NOW, points_quoted=48)
    veo = make_task(video_model="veo-3.1-fast", created_at=NOW - timedelta(days=1))
    dear = make_task(points_quoted=48, points_charged=60, created_at=NOW - timedelta(days=2))
    beas = make_task(ordered_by=bea, created_at=NOW - timedelta(days=3))
    client.force_login(ana)
    for query, wanted in [
        ({"status": "failed"}, [failed]),
        ({"model": "veo-3.1-fast"}, [veo]),
        ({"least": "48"}, [failed, dear]),
        ({"least": "48", "most": "59.9"}, [failed]),
        ({"since": "2026-03-09", "until": "2026-03-09"}, [veo]),
        ({"until": "2026-03-08"}, [dear, beas]),
        ({"mine": "1"}, [failed, veo, dear]),
        ({"mine": "1", "since": "2026-03-08", "least": "0"}, [failed, dear]),
        ({"status": "", "q": " ", "since": ""}, [failed, veo, dear, beas]),
    ]:
        assert rows(client.get(LIST, query)) == numbers(*wanted), query
    client.force_login(bea)
    assert rows(client.get(LIST, {"mine": "1"})) == numbers(beas)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"status": "foo"}, "“foo” is not a status"),
        ({"model": "foo\x00"}, "is not a model"),
        ({"since": "foo"}, "“foo” is not a day"),
        ({"since": "9999-01-01"}, "“9999-01-01” is not a day"),
        ({"until": "2026-02-30"}, "“2026-02-30” is not a day"),
        ({"since": "2026-03-10", "until": "2026-03-09"}, "both were left out"),
        ({"least": "NaN"}, "“NaN” is not a number of points"),
        ({"least": "-1"}, "is not a number of points"),
        ({"most": "1e999999"}, "is not a number of points"),
        ({"least": "5", "most": "4"}, "both were left out"),
        ({"q": "x" * 300}, "first 200 characters"),
        ({"status": "<b>" + "x" * 100}, "x…” is not a status"),
    ],
)
def test_what_makes_no_sense_is_left_out_and_said(client, ana, make_task, query, said):
    task = make_task(prompt="x" * 200)
    client.force_login(ana)
    answer = client.get(LIST, query)
    assert rows(answer) == numbers(task)
    assert said in Page(answer).text_of("task-ignored")


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Asia/Tokyo", "2026-03-10"),
        ("America/New_York", "2026-03-09"),
        ("", "2026-03-09"),
        ("Nowhere/Land", "2026-03-09"),
        ("../../etc/passwd", "2026-03-09"),
        ("America", "2026-03-09"),
        ("x" * 300, "2026-03-09"),
    ],
)
def test_a_day_is_one_of_whoever_reads(client, ana, make_task, zone, day):
    task = make_task(created_at=datetime(2026, 3, 9, 20, 30, tzinfo=UTC))
    client.force_login(ana)
    client.cookies["portal_zone"] = zone
    found = [
        one
        for one in ("2026-03-09", "2026-03-10")
        if rows(client.get(LIST, {"since": one, "until": one}))
    ]
    assert found == [day]
    assert str(task.public_id) in rows(client.get(LIST, {"since": day}))


def test_the_form_and_the_links_carry_the_filter(client, ana, make_task):
    for _ in range(PAGE_SIZE + 1):
        make_task(points_quoted=5)
    client.force_login(ana)
    answer = client.get(LIST, {"q": "fox", "least": "1.50", "status": "queued", "model": ""})
    page = Page(answer)
    assert page.form("task-filter") == {
        "q": ["fox"],
        "status": ["queued"],
        "since": [""],
        "until": [""],
        "least": ["1.5"],
        "most": [""],
    }
    assert page.by_id["task-results"]["data-page"] == "/tasks/?q=fox&status=queued&least=1.5"
    assert link(answer, "next").startswith("/tasks/?q=fox&status=queued&least=1.5&before=")
    assert "/tasks/export/?q=fox&amp;status=queued&amp;least=1.5" in answer.content.decode()


def test_a_model_that_is_gone_can_still_be_looked_for(client, ana, make_task):
    task = make_task(video_model="old-model")
    client.force_login(ana)
    answer = client.get(LIST, {"model": "old-model"})
    assert rows(answer) == numbers(task)
    assert "Old Model" in answer.content.decode()


@given(st.dictionaries(st.sampled_from(["q", "status", "since", "least", "most"]), st.text()))
def test_no_text_breaks_a_filter(sent):
    wanted = read_filter(sent, [])
    assert read_filter(wanted.values, []) == wanted


def test_nobody_finds_what_is_anothers(client, ana, ben, make_task):
    make_task(prompt="secret fox")
    client.force_login(ben)
    for path in (LIST, "/tasks/export/", "/tasks/totals/"):
        answer = client.get(path, {"q": "secret"})
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert b"secret fox" not in text
        assert b"1 task" not in text


# --- pages ---------------------------------------------------------------------------------------


def test_pages_stay_put_when_new_tasks_arrive(client, ana, make_task):
    tasks = [make_task(created_at=NOW - timedelta(minutes=n)) for n in range(3 * PAGE_SIZE)]
    client.force_login(ana)
    first = client.get(LIST)
    older = link(first, "next")
    second = rows(client.get(older))
    for n in range(3):
        make_task(created_at=NOW + timedelta(minutes=n + 1))
    assert rows(client.get(older)) == second == numbers(*tasks[PAGE_SIZE : 2 * PAGE_SIZE])
    third = client.get(link(client.get(older), "next"))
    assert rows(third) == numbers(*tasks[2 * PAGE_SIZE :])
    assert link(third, "next") == ""
    assert rows(client.get(link(third, "prev"))) == second
    back = client.get(link(client.get(older), "prev"))
    assert rows(back) == numbers(*tasks[:PAGE_SIZE])  # 3 newer ones are above
    assert rows(client.get(link(back, "prev")))[3:] == numbers(*tasks[: PAGE_SIZE - 3])


@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize("number", ["x", "1 OR 1", "00000000-0000-0000-0000-000000000000"])
def test_an_odd_place_is_not_found(client, ana, name, number):
    client.force_login(ana)
    assert client.get(LIST, {name: number}).status_code == 404


def test_only_the_newest_tasks_of_all_are_put_on_top(client, ana, make_task):
    client.force_login(ana)
    assert Page(client.get(LIST, {"q": "x"})).by_id["feed"]["data-stream"].endswith("&list=0")
    task = make_task()
    for query, news in (({}, "1"), ({"status": "queued"}, task.public_id)):
        feed = Page(client.get(LIST, query)).by_id["feed"]["data-stream"]
        assert feed == f"/stream/?team={task.customer_id}&rows={task.public_id}&list={news}"


@pytest.mark.parametrize("query", ["", "q=fox", "q=雪", "status=queued", "mine=1&least=1"])
def test_a_list_costs_the_same_however_long(client, ana, make_task, monkeypatch, query):
    monkeypatch.setattr(pages, "AT_ONCE", PAGE_SIZE + 2)

    def queries(place=""):
        with CaptureQueriesContext(connection) as captured:
            assert rows(client.get(f"{LIST}?{query}&{place}"))
        return len(captured)

    client.force_login(ana)
    tasks = [make_task(points_quoted=5, prompt="fox 雪") for _ in range(PAGE_SIZE + 1)]
    client.get(LIST)  # the first visit also writes the session
    deep = f"before={tasks[-1].public_id}"
    few, few_deep = queries(), queries(deep)
    for _ in range(PAGE_SIZE):
        make_task(points_quoted=5, prompt="fox 雪")
    assert queries() == few <= 10
    assert queries(deep) == few_deep <= 10


# --- totals --------------------------------------------------------------------------------------


def test_what_was_found_is_added_up(client, ana, make_task):
    make_task(points_quoted=48, points_charged=Decimal("50.5"))
    make_task(points_quoted=10)
    make_task(status=Status.FAILED, points_quoted=100, points_charged=100)
    client.force_login(ana)
    said = Page(client.get(LIST, {"status": "queued"})).text_of("task-totals")
    assert said == "2 tasks quoted 58 charged 50.5 points"


def test_many_tasks_are_added_up_after_the_page(client, ana, make_task, monkeypatch):
    monkeypatch.setattr(pages, "AT_ONCE", PAGE_SIZE + 2)
    for _ in range(PAGE_SIZE + 3):
        make_task(points_quoted=2, points_charged=1)
    client.force_login(ana)
    line = Page(client.get(LIST, {"mine": "1"})).by_id["task-totals"]
    assert line["hx-get"] == "/tasks/totals/?mine=1"
    said = f"{PAGE_SIZE + 3} tasks quoted {2 * (PAGE_SIZE + 3)} charged {PAGE_SIZE + 3} points"
    assert Page(client.get(line["hx-get"])).text_of("task-totals") == said
    # Without JavaScript it is a link.
    assert Page(client.get(LIST, {"mine": "1", "add_up": "1"})).text_of("task-totals") == said


def test_rare_words_are_added_up_with_their_first_page(client, ana, make_task, monkeypatch):
    for n in range(PAGE_SIZE + 3):
        make_task(prompt="狐", points_quoted=2, created_at=NOW - timedelta(days=n))
    make_task()
    monkeypatch.setattr(pages, "NEAR", 2)
    client.force_login(ana)
    first = client.get(LIST, {"q": "狐"})
    said = f"{PAGE_SIZE + 3} tasks quoted {2 * (PAGE_SIZE + 3)} charged 0 points"
    assert Page(first).text_of("task-totals") == said
    second = client.get(link(first, "next"))
    assert len(rows(second)) == 3
    assert Page(second).text_of("task-totals") == said
    monkeypatch.setattr(pages, "AT_ONCE", PAGE_SIZE + 2)
    line = Page(client.get(LIST, {"q": "狐"})).by_id["task-totals"]
    assert line["hx-get"].startswith("/tasks/totals/")


def test_no_tasks_at_all_and_nothing_that_fits_are_two_things(client, ana):
    client.force_login(ana)
    assert "No videos yet" in client.get(LIST).content.decode()
    nothing = client.get(LIST, {"status": "failed"}).content.decode()
    assert "Nothing fits" in nothing
    assert "Clear filters" in nothing


# --- CSV -----------------------------------------------------------------------------------------


def exported(client, query=None):
    """The lines of an export as dictionaries."""
    answer = client.get("/tasks/export/", query)
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("\ufeff")
    assert answer["Content-Disposition"].startswith('attachment; filename="tasks-')
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline="")))


def test_what_was_found_is_exported(client, ana, make_task, monkeypatch):
    monkeypatch.setattr(export, "BATCH", 2)
    tasks = [
        make_task(
            prompt=f"狐 {n}",
            points_quoted=48,
            points_charged=Decimal("48.50"),
            created_at=NOW - timedelta(days=n),
            midsync_task_id=f"ms-{n}",
        )
        for n in range(5)
    ]
    make_task(prompt="other")
    client.force_login(ana)
    lines = exported(client, {"q": "狐"})
    assert [line["task"] for line in lines] == numbers(*tasks)
    assert lines[0]["prompt"] == "狐 0"
    assert lines[0]["ordered_at_utc"] == "2026-03-10 12:00:00"
    assert (lines[0]["points_quoted"], lines[0]["points_charged"]) == ("48", "48.5")
    assert lines[0]["ordered_by"] == "Ana"
    assert lines[0]["page"].endswith(tasks[0].get_absolute_url())


def test_an_export_holds_no_link_secret_or_raw_reason(client, ana, make_task):
    make_task(
        status=Status.FAILED,
        source_url="https://cdn.example.com/secret-link",
        failure_message="raw words of MidSync",
        request_body='{"secret": 1}',
    )
    client.force_login(ana)
    (line,) = exported(client)
    assert "secret" not in str(line)
    assert "raw words" not in str(line)


def test_an_export_ends_somewhere(client, ana, make_task, monkeypatch):
    monkeypatch.setattr(export, "ROWS_MAX", 3)
    monkeypatch.setattr(export, "BATCH", 2)
    for _ in range(5):
        make_task()
    client.force_login(ana)
    assert len(exported(client)) == 3


@given(st.text())
def test_no_cell_is_a_formula_and_every_cell_can_be_read_back(text):
    cell = safe_cell(text)
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert cell.removeprefix("'") == text.replace("\x00", "").removeprefix("'")


@pytest.mark.parametrize("path", ["/tasks/export/", "/tasks/totals/"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_they_are_only_read_and_only_by_members(client, sam, ana, path, method):
    assert client.get(path).status_code == 302
    client.force_login(ana)
    assert getattr(client, method)(path).status_code == 405
    client.force_login(sam)  # in no team
    assert client.get(path).status_code == 404
