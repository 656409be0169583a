"""The portal's real client understands the simulator."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from midsync_portal.midsync import errors
from midsync_portal.midsync.client import MidSyncClient
from midsync_portal.midsync.types import ReportedStatus
from tests.transport import SimulatorAdapter

from .conftest import BASE, KEY, World


@pytest.fixture
def client(world: World) -> MidSyncClient:
    adapter = SimulatorAdapter(world.simulator)
    return MidSyncClient(BASE, KEY, adapter=adapter, sleep=lambda seconds: None)


def test_the_client_orders_and_follows_a_video(world: World, client: MidSyncClient) -> None:
    body = world.body("", "seedance-1.5-pro")
    assert client.quote(body).points == Decimal("9.6")
    made = client.generate(body, "key-1")
    assert made.points_charged == Decimal("9.6")
    assert made.midsync_task_id.startswith("ms-")
    assert made.status is ReportedStatus.QUEUED
    world.clock.advance(60)
    report = client.get_status(made.midsync_task_id)
    assert report.status is ReportedStatus.SUCCEEDED
    assert report.cover_url.endswith(".jpg")
    [charge] = world.get("/simulator/ledger.json").json()["charges"]
    assert charge["idempotencyKey"] == "key-1"


def test_the_client_reads_usage(world: World, client: MidSyncClient) -> None:
    client.generate(world.body("", "seedance-1.5-pro"), "key-1")
    page = client.usage_logs(model="seedance-1.5-pro")
    assert [row.points_charged for row in page.logs] == [Decimal("9.6")]
    assert client.usage_summary().total_points_charged == Decimal("9.6")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("[refuse]", errors.InvalidRequest),
        ("[no-points]", errors.InsufficientPoints),
        ("[too-many]", errors.TooManyRequests),
        ("[unauthorised]", errors.MidSyncMisconfigured),
        ("[maintenance]", errors.MidSyncUnavailable),
        ("[html]", errors.MidSyncUnavailable),
        ("[hang]", errors.MidSyncUnavailable),
        ("[lost-answer]", errors.MidSyncUnavailable),
        ("[cut-answer]", errors.MidSyncUnavailable),
        ("[server-error]", errors.MidSyncUnavailable),
    ],
)
def test_the_client_sorts_each_fault(
    world: World, client: MidSyncClient, words: str, error: Callable[..., Exception]
) -> None:
    with pytest.raises(errors.MidSyncError) as caught:
        client.generate(world.body(words), "key-1")
    assert type(caught.value) is error


def test_the_client_is_told_which_field_is_wrong(world: World, client: MidSyncClient) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        client.quote(world.body(duration=7))
    assert caught.value.field == "duration"
