"""The order form's comforts: limits, folded settings, links in order, what models cost."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
import requests

from midsync_portal import gate
from midsync_portal.catalog import get_catalog
from midsync_portal.models import StartingPrice
from midsync_portal.starting_prices import ask_next_price, offers, simplest_body
from midsync_portal.upstream import get_client
from tests.ordering import PICTURES, built_in, edit, shown
from tests.pages import Page
from tests.test_views_new import HTMX, NEW, PARAMETERS, filled

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def studio(client, ana, wire):
    """Ana's browser."""
    client.force_login(ana)
    return client


# --- limits and folded settings ------------------------------------------------------------------


@pytest.mark.parametrize(("model", "most"), [("kling-2.6-t2v", "1000"), ("runway", "1800")])
def test_the_prompt_says_how_much_the_model_takes(studio, model, most):
    form = filled(studio, model, prompt="a red 🦊")
    page = Page(studio.post(PARAMETERS, form, headers=HTMX))
    assert page.text_of("id_prompt-count") == f"7 of {most} characters"
    assert page.by_id["id_prompt-count"]["data-max"] == most
    assert "id_prompt-count" in page.by_id["id_prompt"]["aria-describedby"]


@pytest.mark.parametrize(
    ("typed", "is_open"),
    [
        ({}, False),
        ({"negativePrompt": "rain"}, True),
        ({"cfgScale": "odd"}, True),
    ],
    ids=["untouched", "changed", "wrong"],
)
def test_advanced_settings_open_by_themselves_where_they_matter(studio, typed, is_open):
    form = filled(studio, prompt="a red fox", **typed)
    page = Page(studio.post(PARAMETERS, form, headers=HTMX))
    assert ("open" in page.by_id["task-advanced"]) is is_open
    assert ("data-wrong" in page.by_id["task-advanced"]) is ("cfgScale" in typed)


def test_a_box_that_starts_ticked_counts_as_changed_when_it_is_not():
    assert not shown(edit("veo-3.1"), "enableTranslation").changed
    unticked = edit("veo-3.1", **{"was-enableTranslation": "true"})
    assert shown(unticked, "enableTranslation").changed


# --- links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "order"),
    [
        ("images-0-down", [1, 0, 2]),
        ("images-2-up", [0, 2, 1]),
        ("images-0-up", [0, 1, 2]),
        ("images-2-down", [0, 1, 2]),
        ("images-9-up", [0, 1, 2]),
        ("prompt-0-down", [0, 1, 2]),
        ("images-x-down", [0, 1, 2]),
    ],
)
def test_links_change_places(move, order):
    form = edit("grok-video", images=PICTURES[:3], move=move)
    assert form.typed["images"] == [PICTURES[place] for place in order]


def test_links_inside_of_a_row_change_places():
    fields = {
        "klingElements-0-name": "fox",
        "klingElements-0-images": PICTURES[:2],
        "move": "klingElements-0-images-0-down",
    }
    form = edit("kling-3.0", **fields)
    assert form.typed["klingElements"][0]["images"] == PICTURES[1::-1]


def test_links_change_places_without_javascript(studio):
    form = filled(studio, "seedance-1.5-pro", images=PICTURES[:2])
    page = Page(studio.post(PARAMETERS, form | {"move": ["images-1-up"]}))
    assert page.form()["images"] == PICTURES[1::-1]


@pytest.mark.parametrize(
    ("model", "typed", "marks"),
    [
        ("seedance-1.5-pro", {"images": PICTURES[:2]}, ["First frame", "Last frame"]),
        ("runway", {"images": PICTURES[:1]}, ["First frame"]),
        ("kling-2.6-i2v", {"images": PICTURES[:2]}, ["First frame", ""]),
        ("grok-video", {"images": PICTURES[:2]}, ["", ""]),
        ("veo-3.1-fast", {"images": PICTURES[:2]}, ["First frame", "Last frame"]),
        ("veo-3.1-fast", {"images": PICTURES[:2], "mode": "REFERENCE_2_VIDEO"}, ["", ""]),
    ],
)
def test_first_and_last_frame_are_marked_where_the_model_has_them(model, typed, marks):
    assert [one.mark for one in shown(edit(model, **typed), "images").inputs] == marks


def test_links_to_videos_are_shown_as_videos(studio):
    from tests.test_drafts import offer

    listed = {"referenceVideoUrls": {"type": "array"}, "prompt": {"type": "string"}}
    offer({"id": "acme-1", "parameters": listed})
    form = filled(studio, "acme-1", referenceVideoUrls="https://example.com/a.mp4")
    page = Page(studio.post(PARAMETERS, form, headers=HTMX))
    (video,) = [one for one in page.elements if one["tag"] == "video"]
    assert video["src"].startswith("https://example.com/a.mp4")
    assert video["preload"] == "metadata"


# --- what models cost ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("seedance-1.5-pro", {"duration": 4, "resolution": "480p"}),
        ("runway", {"duration": 5, "quality": "720p"}),
        ("kling-3.0", {"duration": 3, "mode": "std"}),
        ("grok-video", {"duration": 6, "resolution": "480p"}),
        ("kling-2.6-i2v", {"duration": 5, "images": ["https://example.com/picture.jpg"]}),
    ],
)
def test_the_simplest_video_is_short_small_and_silent(model, wanted):
    body = simplest_body(built_in(model))
    assert body is not None
    assert {name: body[name] for name in wanted} == wanted
    assert not body.get("generateAudio")


def test_the_picker_says_from_what_a_model_costs_as_midsync_said(studio, wire, clock):
    wire.answers["quote"] = {"success": True, "pointsCharged": "20.5"}
    while ask_next_price(get_client()):
        pass
    assert wire.count("quote") == len(get_catalog().models)
    page = Page(studio.get(NEW, {"model": "runway"}))
    assert "from 20.5 points" in page.text_of("model-now")
    assert "Text or 1 image · 5 or 10 s" in page.text_of("model-now")
    assert not ask_next_price(get_client())
    clock.advance(hours=7)
    assert ask_next_price(get_client())


def test_an_old_price_and_an_unknown_one_are_not_shown(studio, wire, clock):
    clock_start = clock.now()
    StartingPrice.objects.create(video_model="runway", points=10, asked_at=clock_start)
    StartingPrice.objects.create(video_model="kling-3.0", points=None, asked_at=clock_start)
    prices = {one.video_model.id: one.points for one in offers(get_catalog().models)}
    assert prices["runway"] == Decimal(10)
    assert prices["kling-3.0"] is None
    clock.advance(hours=25)
    assert not any(one.points for one in offers(get_catalog().models))
    assert "from" not in Page(studio.get(NEW, {"model": "runway"})).text_of("model-now")


@pytest.mark.parametrize(
    ("answer", "points"),
    [((400, {"error": "no"}), None), (requests.ReadTimeout("slow"), Decimal(10))],
    ids=["refused", "no answer"],
)
def test_what_midsync_does_not_say_is_not_made_up(wire, answer, points, clock):
    for model in get_catalog().models:
        StartingPrice.objects.create(video_model=model.id, points=10, asked_at=clock.now())
    StartingPrice.objects.filter(video_model="runway").update(
        asked_at=clock.now() - timedelta(hours=9)
    )
    wire.answers["quote"] = answer
    assert ask_next_price(get_client())
    assert StartingPrice.objects.get(video_model="runway").points == points
    assert not ask_next_price(get_client())


def test_the_worker_asks_one_price_at_a_look_once_it_knows_the_models(worker, wire):
    worker.look()
    worker.wait()
    assert wire.count("quote") == 0
    worker.refresh_catalog()
    for asked in (1, 2, 2):
        worker.look()
        worker.wait()
        assert wire.count("quote") == asked
    assert json.loads(wire.asked[-1][1].body)["prompt"]


def test_no_price_is_asked_while_midsync_is_away(worker, wire, monkeypatch):
    worker.refresh_catalog()
    monkeypatch.setattr(gate, "is_away", lambda: True)
    worker.look()
    worker.wait()
    assert wire.count("quote") == 0
