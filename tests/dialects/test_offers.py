"""Every shape that the list of models could have is read alike."""

import pytest

from midsync_portal.midsync.client import MidSyncClient

from .gateways import KIE
from .offers import AURORA, KNOWN, OFFERS, WITH_AURORA
from .server import API_KEY, Gateway


def models_of(offer: str) -> dict[str, object]:
    with Gateway(KIE, offer=offer) as gateway:
        offered = MidSyncClient(gateway.origin, API_KEY).list_models().models
    return {model.id: model for model in offered}  # type: ignore[return-value]


@pytest.mark.parametrize("offer", OFFERS)
def test_known_models_are_found(offer: str) -> None:
    assert set(KNOWN) <= set(models_of(offer))


@pytest.mark.parametrize("offer", WITH_AURORA)
def test_a_model_nobody_knows_is_read_from_what_is_said_about_it(offer: str) -> None:
    aurora = models_of(offer)[AURORA]
    assert [parameter.name for parameter in aurora.parameters] == [  # type: ignore[attr-defined]
        "prompt",
        "duration",
        "look",
        "strength",
        "loop",
    ]
