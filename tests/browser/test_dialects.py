"""The same journey with MidSyncs that speak quite other dialects than the simulator."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.dialects.clip import SECONDS
from tests.dialects.gateways import (
    FAL,
    KIE,
    KLING,
    MINIMAX,
    PIXVERSE,
    POINTS,
    REPLICATE,
    RUNWAY,
    Dialect,
)
from tests.dialects.offers import AURORA, WITH_AURORA
from tests.dialects.server import Gateway

from .portal import portal_at
from .visitor import Visitor

pytestmark = pytest.mark.browser

Open = Callable[..., Visitor]


@pytest.mark.parametrize(
    "dialect",
    [KIE, FAL, REPLICATE, PIXVERSE, KLING, MINIMAX, replace(RUNWAY, not_found_times=0)],
    ids=lambda dialect: dialect.name,
)
def test_the_whole_journey_with_another_midsync(
    dialect: Dialect, open_window: Open, prepared: Path, tmp_path: Path
) -> None:
    polled = dialect.name == RUNWAY.name  # which never calls back
    settings = {"FIRST_CHECK_SECONDS": "4"} if polled else {}
    with (
        Gateway(dialect) as gateway,
        portal_at(gateway.origin, prepared, tmp_path, **settings) as portal,
    ):
        ana = open_window(portal)
        ana.log_in()
        if dialect.offer in WITH_AURORA:
            ana.reload_until_offered(AURORA)
            ana.choose_model(AURORA)
            ana.give("duration", "9")
            ana.give("look", "anime")
        else:
            ana.choose_model("veo-3.1-fast")
        ana.write_prompt("a red fox in the snow")
        assert ana.wait_for_price() == Decimal(str(POINTS))
        task = ana.generate()
        assert ana.points_charged(task) == Decimal(str(POINTS))
        (order,) = gateway.orders
        if dialect.offer in WITH_AURORA:
            assert (order.body["duration"], order.body["look"]) == (9, "anime")
        ana.wait_until_quiet()
        ana.requests.clear()
        gateway.finish(order)
        ana.wait_for_status(task, "succeeded")
        assert ana.requests_for_data() == []
        assert all(status == 200 for status, _ in order.answers)
        ana.open_task(task)
        assert ana.play_video() == pytest.approx(SECONDS, abs=0.3)
        assert len(gateway.orders) == 1
        ana.page.close()  # before its portal goes
