"""Each dialect is spoken in callbacks and status, and the portal's reader understands it."""

import json

import pytest

from midsync_portal.midsync.reader import read_report
from midsync_portal.midsync.types import ReportedStatus
from midsync_portal.simulator.dialects import (
    NEVER_CALLS_BACK,
    TELL_EVERY_CHANGE,
    TELL_ONLY_THE_END,
    Dialect,
)

from .conftest import World

CALLING = [dialect for dialect in Dialect if dialect not in NEVER_CALLS_BACK]


def last(world: World, words: str) -> object:
    """The last callback about an order with these words."""
    world.order(words)
    world.clock.advance(60)
    return json.loads(world.mailbox.received[-1][1])


@pytest.mark.parametrize("dialect", CALLING)
def test_success_is_called_back_with_the_video(world: World, dialect: Dialect) -> None:
    answer = world.generate(f"[{dialect}]").json()
    world.clock.advance(60)
    report = read_report(world.mailbox.bodies[-1])
    assert report.status is ReportedStatus.SUCCEEDED
    own_id = answer["taskId"] if dialect is Dialect.MIDSYNC else answer["providerTaskId"]
    assert own_id in report.ids
    if dialect is Dialect.MINIMAX:
        assert report.video_urls == ()
    else:
        assert report.video_urls[0] == f"http://127.0.0.1:8900/media/{answer['taskId']}.webm"


@pytest.mark.parametrize("dialect", CALLING)
def test_failure_is_called_back_with_a_reason(world: World, dialect: Dialect) -> None:
    report = read_report(last(world, f"[{dialect}] [fail]"))
    assert report.status is ReportedStatus.FAILED
    if dialect not in (Dialect.PIXVERSE, Dialect.MAXAPI):
        assert "safety check" in report.failure_message


@pytest.mark.parametrize("dialect", Dialect)
def test_status_speaks_the_dialect_from_waiting_to_the_video(
    world: World, dialect: Dialect
) -> None:
    task_id = world.order(f"[{dialect}]")
    waiting = read_report(world.status(task_id))
    assert waiting.status in (ReportedStatus.QUEUED, ReportedStatus.RUNNING)
    world.clock.advance(3)
    assert read_report(world.status(task_id)).status is ReportedStatus.RUNNING
    world.clock.advance(60)
    done = read_report(world.status(task_id))
    assert done.status is ReportedStatus.SUCCEEDED
    assert done.video_urls[0].endswith(f"/media/{task_id}.webm")


@pytest.mark.parametrize("dialect", Dialect)
def test_status_tells_of_a_failure(world: World, dialect: Dialect) -> None:
    task_id = world.order(f"[{dialect}] [fail]")
    world.clock.advance(60)
    assert read_report(world.status(task_id)).status is ReportedStatus.FAILED


@pytest.mark.parametrize("dialect", sorted(TELL_EVERY_CHANGE))
def test_some_call_back_when_work_starts(world: World, dialect: Dialect) -> None:
    world.order(f"[{dialect}]")
    world.clock.advance(60)
    statuses = [read_report(body).status for body in world.mailbox.bodies]
    assert statuses == [ReportedStatus.RUNNING, ReportedStatus.SUCCEEDED]


@pytest.mark.parametrize("dialect", sorted(TELL_ONLY_THE_END))
def test_some_have_no_words_for_anything_but_the_end(world: World, dialect: Dialect) -> None:
    world.order(f"[{dialect}] [out-of-order] [unknown-word]")
    world.clock.advance(60)
    assert len(world.mailbox.received) == 1


def test_runway_itself_never_calls_back(world: World) -> None:
    world.order(f"[{Dialect.RUNWAY}]")
    world.clock.advance(600)
    assert world.mailbox.received == []


def test_the_dialect_of_the_control_page_is_for_orders_without_a_word(world: World) -> None:
    world.form("/simulator/settings", dialect="fal")
    world.order()
    world.order("[kie]")
    world.clock.advance(60)
    assert {"request_id" in body for body in world.mailbox.bodies} == {True, False}
    assert {"code" in body for body in world.mailbox.bodies} == {True, False}
