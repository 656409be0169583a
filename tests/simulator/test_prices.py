"""Every row of the documented price table, and the made-up ones."""

from decimal import Decimal
from typing import Any

import pytest

from midsync_portal.simulator.prices import as_number, price_of

from .conftest import ORDERS, World

I2V: dict[str, Any] = {"model": "kling-2.6-i2v"}
KLING3: dict[str, Any] = {"model": "kling-3.0", "duration": 4}
SEEDANCE: dict[str, Any] = {"model": "seedance-1.5-pro", "duration": 4}


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({"model": "kling-2.5-turbo", "duration": 5}, 35),
        ({"model": "kling-2.5-turbo", "duration": 10}, 70),
        (I2V | {"duration": 5}, 46),
        (I2V | {"duration": 10}, 92),
        (I2V | {"duration": 5, "generateAudio": True}, 92),
        (I2V | {"duration": 10, "generateAudio": True}, 184),
        (KLING3 | {"mode": "std"}, 4 * 12),
        (KLING3 | {"mode": "std", "generateAudio": True}, 4 * 17),
        (KLING3 | {"mode": "pro"}, 4 * 15),
        (KLING3 | {"mode": "pro", "generateAudio": True}, 4 * 23),
        ({"model": "runway", "duration": 5, "quality": "720p"}, 10),
        ({"model": "runway", "duration": 5, "quality": "1080p"}, 25),
        ({"model": "runway", "duration": 10, "quality": "720p"}, 25),
        ({"model": "grok-video", "duration": 6, "resolution": "480p"}, 9),
        ({"model": "grok-video", "duration": 10, "resolution": "480p"}, 17),
        ({"model": "grok-video", "duration": 30, "resolution": "480p"}, 57),
        ({"model": "grok-video", "duration": 6, "resolution": "720p"}, 17),
        ({"model": "grok-video", "duration": 10, "resolution": "720p"}, 25),
        ({"model": "grok-video", "duration": 30, "resolution": "720p"}, 65),
        ({"model": "veo-3.1-fast"}, 17),
        # Made up, because nobody published them:
        ({"model": "veo-3.1"}, 62.5),
        ({"model": "kling-2.6-t2v", "duration": 10, "generateAudio": True}, 184),
        (SEEDANCE | {"resolution": "480p"}, 9.6),
        (SEEDANCE | {"resolution": "720p"}, 20.8),
        (SEEDANCE | {"resolution": "1080p", "generateAudio": True}, 92),
    ],
)
def test_quote_and_charge_follow_the_table(
    world: World, changes: dict[str, Any], points: float
) -> None:
    body = world.body(**changes)
    assert world.post("/unified-video/quote", body).json()["pointsCharged"] == points
    assert world.post("/unified-video/generate", body).json()["pointsCharged"] == points
    assert world.charges() == [Decimal(str(points))]


def test_several_shots_cost_the_sum_of_their_seconds(world: World) -> None:
    shots = [{"prompt": "one", "duration": 2}, {"prompt": "two", "duration": 5}]
    body = {"model": "kling-3.0", "multiShots": True, "multiPrompt": shots, "mode": "pro"}
    assert world.post("/unified-video/quote", body).json()["pointsCharged"] == 7 * 15


def test_every_model_in_the_offer_has_a_price(world: World) -> None:
    for model in world.simulator.models:
        assert price_of(model.id, world.simulator.checked(world.body(model=model.id))[1]) > 0
    assert set(ORDERS) == {model.id for model in world.simulator.models}


def test_a_model_without_a_price_is_an_error() -> None:
    with pytest.raises(LookupError):
        price_of("nothing", {})


def test_points_are_plain_numbers_on_the_wire() -> None:
    assert repr(as_number(Decimal("35.00"))) == "35"
    assert repr(as_number(Decimal("9.60"))) == "9.6"
