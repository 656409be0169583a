"""The documented endpoints: keys, bodies, answers."""

from decimal import Decimal

import pytest

from midsync_portal.simulator.offer import MODELS

from .conftest import BASE, ORDERS, World


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/unified-video/models"),
        ("POST", "/unified-video/quote"),
        ("POST", "/unified-video/generate"),
        ("GET", "/unified-video/ms-1/status"),
        ("GET", "/v1/usage/logs"),
        ("GET", "/v1/usage/summary"),
    ],
)
@pytest.mark.parametrize("key", ["", "Bearer wrong", "Basic key-of-the-tests"])
def test_every_endpoint_wants_the_right_key(world: World, method: str, path: str, key: str) -> None:
    answer = world.session.request(method, BASE + path, headers={"Authorization": key})
    assert answer.status_code == 401
    assert answer.json()["success"] is False
    assert answer.json()["error"]["code"] == "unauthorized"


def test_models_lists_nine_models_with_parameters_and_hints(world: World) -> None:
    answer = world.get("/unified-video/models").json()
    ids = [model["id"] for model in answer["models"]]
    assert ids == [model.id for model in MODELS]
    assert len(ids) == 9
    assert set(answer["modelParams"]) == set(answer["pricingHints"]) == set(ids)
    duration = answer["modelParams"]["grok-video"]["duration"]
    assert duration["type"] == "integer"
    assert (duration["min"], duration["max"], duration["default"]) == (6, 30, 6)
    prompt = answer["modelParams"]["seedance-1.5-pro"]["prompt"]
    assert (prompt["minLength"], prompt["maxLength"], prompt["required"]) == (3, 2500, True)
    ratio = answer["modelParams"]["kling-2.5-turbo"]["aspectRatio"]
    assert ratio["hiddenWhen"] == {"images": "present"}
    assert [option["value"] for option in ratio["options"]] == ["16:9", "9:16", "1:1"]


def test_an_unknown_model_is_offered_and_can_be_ordered_when_switched_on(world: World) -> None:
    order = {"model": "aurora-1", "prompt": "a fox", "duration": 3}
    assert world.post("/unified-video/quote", order).status_code == 422
    world.form("/simulator/settings", unknown_model="on")
    offered = world.get("/unified-video/models").json()
    assert offered["models"][-1]["id"] == "aurora-1"
    assert world.post("/unified-video/quote", order).json()["pointsCharged"] == 9.75


def test_quote_answers_the_price_and_charges_nothing(world: World) -> None:
    answer = world.post("/unified-video/quote", world.body())
    assert answer.json() == {"success": True, "model": "kling-2.5-turbo", "pointsCharged": 35}
    assert world.charges() == []


@pytest.mark.parametrize("model", ORDERS)
def test_generate_takes_every_model_charges_it_and_names_both_ids(world: World, model: str) -> None:
    quoted = world.post("/unified-video/quote", world.body(model=model)).json()
    answer = world.generate(model=model).json()
    assert answer["success"] is True
    assert answer["model"] == model
    assert answer["status"] == "submitted"
    assert answer["taskId"] != answer["providerTaskId"]
    assert answer["pointsCharged"] == quoted["pointsCharged"]
    assert answer["estimatedTimeSec"] >= 1
    assert world.charges() == [Decimal(str(answer["pointsCharged"]))]


def test_generate_takes_points_from_the_account(world: World) -> None:
    before = world.simulator.balance
    world.order()
    assert world.simulator.balance == before - 35


def test_generate_is_refused_when_the_account_cannot_pay(world: World) -> None:
    world.form("/simulator/settings", balance="34.99")
    answer = world.generate()
    assert answer.status_code == 402
    assert answer.json()["error"]["code"] == "insufficient_points"
    assert world.charges() == []
    assert world.simulator.balance == Decimal("34.99")


def test_status_follows_the_generation_to_its_video(world: World) -> None:
    task_id = world.order()
    first = world.status(task_id)
    assert (first["success"], first["taskId"], first["status"]) == (True, task_id, "submitted")
    world.clock.advance(3)
    second = world.status(task_id)
    assert second["status"] == "processing"
    assert 0 < second["progress"] < 100
    world.clock.advance(10)
    last = world.status(task_id)
    assert last["status"] == "completed"
    assert last["output"]["url"] == f"http://127.0.0.1:8900/media/{task_id}.webm"
    assert last["pointsCharged"] == 35


def test_status_of_an_unknown_task_is_404(world: World) -> None:
    answer = world.get("/unified-video/ms-unknown/status")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_usage_logs_have_one_row_per_charge_newest_first_in_pages(world: World) -> None:
    world.order(model="runway")
    world.clock.advance(60)
    world.order(model="seedance-1.5-pro")
    answer = world.get("/v1/usage/logs", params={"page": 1, "limit": 1}).json()
    assert answer["pagination"] == {"page": 1, "limit": 1, "total": 2}
    assert [row["model"] for row in answer["logs"]] == ["seedance-1.5-pro"]
    row = answer["logs"][0]
    assert row["pointsCharged"] == 9.6
    assert row["createdAt"] == "2027-01-15T08:01:00.000Z"
    assert "taskId" not in row
    older = world.get("/v1/usage/logs", params={"page": 2, "limit": 1}).json()
    assert [row["model"] for row in older["logs"]] == ["runway"]


def test_usage_logs_are_filtered_by_model_and_time(world: World) -> None:
    world.order(model="runway")
    world.clock.advance(86_400)
    world.order(model="veo-3.1")

    def models(**query: str) -> list[str]:
        return [row["model"] for row in world.get("/v1/usage/logs", params=query).json()["logs"]]

    assert models(model="runway") == ["runway"]
    assert models(**{"from": "2027-01-16"}) == ["veo-3.1"]
    assert models(to="2027-01-15") == ["runway"]
    assert models(**{"from": "2027-01-15T08:00:00Z", "to": "2027-01-15T08:00:01Z"}) == ["runway"]
    assert world.get("/v1/usage/logs", params={"from": "yesterday"}).status_code == 400
    assert world.get("/v1/usage/logs", params={"page": "x"}).status_code == 400


def test_usage_summary_adds_up_by_model(world: World) -> None:
    for model in ("runway", "veo-3.1", "veo-3.1"):
        world.order(model=model)
    answer = world.get("/v1/usage/summary").json()
    assert answer["totalPointsCharged"] == 135
    assert answer["totalRequests"] == 3
    assert answer["byModel"] == [
        {"model": "veo-3.1", "requests": 2, "pointsCharged": 125},
        {"model": "runway", "requests": 1, "pointsCharged": 10},
    ]
    assert world.get("/v1/usage/summary", params={"to": "never"}).status_code == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff"])
@pytest.mark.parametrize("verb", ["quote", "generate"])
def test_a_body_that_is_no_json_object_is_refused(world: World, body: bytes, verb: str) -> None:
    answer = world.session.post(f"{BASE}/unified-video/{verb}", data=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_json"


def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    answer = world.session.post(f"{BASE}/unified-video/quote", data=b" " * 1_048_577)
    assert answer.status_code == 413


def test_wrong_methods_and_addresses_are_refused(world: World) -> None:
    assert world.get("/unified-video/generate").status_code == 405
    assert world.get("/unified-video/generate").headers["Allow"] == "POST"
    assert world.get("/nowhere").status_code == 404


def test_health_needs_no_key(world: World) -> None:
    answer = world.session.get(f"{BASE}/healthz", headers={"Authorization": ""})
    assert (answer.status_code, answer.text) == (200, "ok")


def test_the_same_seed_gives_the_same_ids_and_times(tmp_path, world: World) -> None:
    other = World(tmp_path / "other")
    assert world.generate().json() == other.generate().json()
    assert world.generate().json() == other.generate().json()
    other.close()
