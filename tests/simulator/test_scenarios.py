"""Every word that can stand in a prompt does what its sentence says."""

from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import requests

from midsync_portal.simulator.scenarios import OUTAGES, SENTENCES, Scenario, scenarios_in
from midsync_portal.simulator.scenarios import without_words as shown

from .conftest import CALLBACK, World


def test_every_scenario_has_a_sentence_and_outages_are_scenarios() -> None:
    assert set(SENTENCES) == set(Scenario)
    assert set(OUTAGES) < set(Scenario)


def test_words_are_found_in_any_case_combined_and_left_out_of_the_picture() -> None:
    prompt = "a [SLOW] fox [twice] in [brackets]"
    assert scenarios_in(prompt) == {Scenario.SLOW, Scenario.TWICE}
    assert shown(prompt) == "a fox in"


def test_without_a_word_one_callback_with_the_video_is_sent(world: World) -> None:
    task_id = world.order()
    world.clock.advance(60)
    [(url, _, headers)] = world.mailbox.received
    assert url == CALLBACK
    assert headers["Content-Type"] == "application/json"
    [body] = world.mailbox.bodies
    assert body["taskId"] == task_id
    assert body["providerTaskId"]
    assert body["status"] == "completed"
    assert body["output"]["url"].endswith(f"/media/{task_id}.webm")
    assert body["pointsCharged"] == 35


@pytest.mark.parametrize(
    ("word", "status", "code"),
    [
        ("refuse", 422, "content_policy"),
        ("no-points", 402, "insufficient_points"),
        ("unauthorised", 401, "unauthorized"),
        ("too-many", 429, "rate_limited"),
        ("maintenance", 503, "maintenance"),
    ],
)
def test_refused_without_a_charge(world: World, word: str, status: int, code: str) -> None:
    assert world.post("/unified-video/quote", world.body(f"[{word}]")).status_code == 200
    answer = world.generate(f"[{word}]")
    assert answer.status_code == status
    assert answer.json()["success"] is False
    assert answer.json()["error"]["code"] == code
    assert world.charges() == []
    world.clock.advance(600)
    assert world.mailbox.received == []


def test_refuse_names_the_prompt(world: World) -> None:
    assert world.generate("[refuse]").json()["error"]["field"] == "prompt"


def test_too_many_says_when_to_come_back(world: World) -> None:
    assert world.generate("[too-many]").headers["Retry-After"] == "3"
    assert world.generate("[too-many]").status_code == 429


def test_rate_limited_accepts_the_second_attempt(world: World) -> None:
    first = world.generate("[rate-limited]")
    assert (first.status_code, first.headers["Retry-After"]) == (429, "3")
    assert world.charges() == []
    assert world.generate("[rate-limited]").status_code == 200
    assert world.charges() == [35]


def test_html_is_a_proxys_page_without_a_charge(world: World) -> None:
    answer = world.generate("[html]")
    assert answer.status_code == 502
    assert answer.headers["Content-Type"].startswith("text/html")
    assert world.charges() == []


def test_hang_charges_and_never_answers(world: World) -> None:
    with pytest.raises(requests.ReadTimeout):
        world.generate("[hang]")
    assert world.charges() == [35]


def test_lost_answer_charges_drops_the_connection_and_still_calls_back(world: World) -> None:
    with pytest.raises(requests.ConnectionError):
        world.generate("[lost-answer]")
    assert world.charges() == [35]
    world.clock.advance(60)
    assert world.mailbox.statuses == ["completed"]


def test_cut_answer_charges_and_breaks_off(world: World) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        world.generate("[cut-answer]")
    assert world.charges() == [35]


def test_server_error_charges_and_answers_500(world: World) -> None:
    assert world.generate("[server-error]").status_code == 500
    assert world.charges() == [35]


def test_drip_charges_and_answers_slowly(world: World) -> None:
    answer = world.generate("[drip]")
    assert answer.json()["success"] is True
    assert len(world.pauses) == -(-len(answer.content) // 4)
    assert world.charges() == [35]


def test_early_calls_back_before_the_answer(world: World) -> None:
    task_id = world.order("[early]")
    assert [body["taskId"] for body in world.mailbox.bodies] == [task_id]
    assert world.status(task_id)["status"] == "completed"
    world.clock.advance(60)
    assert len(world.mailbox.received) == 1


def test_surprise_price_charges_a_quarter_more_than_quoted(world: World) -> None:
    body = world.body("[surprise-price]")
    assert world.post("/unified-video/quote", body).json()["pointsCharged"] == 35
    answer = world.post("/unified-video/generate", body).json()
    assert answer["pointsCharged"] == 43.75
    assert world.charges() == [Decimal("43.75")]


def test_quote_down_leaves_generate_working(world: World) -> None:
    assert world.post("/unified-video/quote", world.body("[quote-down]")).status_code == 503
    assert world.generate("[quote-down]").status_code == 200


def test_fail_reports_a_reason_and_keeps_the_points(world: World) -> None:
    task_id = world.order("[fail]")
    world.clock.advance(60)
    [body] = world.mailbox.bodies
    assert body["status"] == world.status(task_id)["status"] == "failed"
    assert body["error"]["code"] == "content_rejected"
    assert "safety check" in body["error"]["message"]
    assert "output" not in body
    assert world.get(f"/media/{task_id}.webm").status_code == 404
    assert world.charges() == [35]


def test_hostile_reason_is_full_of_markup(world: World) -> None:
    world.order("[hostile-reason]")
    world.clock.advance(60)
    assert "<script>" in world.mailbox.bodies[0]["error"]["message"]


def test_cancel_reports_cancelled(world: World) -> None:
    task_id = world.order("[cancel]")
    world.clock.advance(60)
    assert world.mailbox.statuses == ["cancelled"]
    assert world.status(task_id)["status"] == "cancelled"


def test_slow_takes_ten_times_as_long(world: World, tmp_path) -> None:
    usual = World(tmp_path / "usual")
    short = usual.generate().json()["estimatedTimeSec"]
    usual.close()
    assert abs(world.generate("[slow]").json()["estimatedTimeSec"] - 10 * short) <= 5
    world.clock.advance(5 * short)
    assert world.mailbox.received == []
    world.clock.advance(6 * short)
    assert world.mailbox.statuses == ["completed"]


def test_silent_never_calls_back_but_status_knows(world: World) -> None:
    task_id = world.order("[silent]")
    world.clock.advance(3600)
    assert world.mailbox.received == []
    assert world.status(task_id)["status"] == "completed"


def test_twice_sends_the_same_bytes_two_times(world: World) -> None:
    world.order("[twice]")
    world.clock.advance(60)
    first, second = world.mailbox.received
    assert first == second


def test_out_of_order_reports_progress_after_the_end(world: World) -> None:
    world.order("[out-of-order]")
    world.clock.advance(60)
    assert world.mailbox.statuses == ["completed", "processing"]


def test_unknown_word_comes_half_way(world: World) -> None:
    world.order("[unknown-word]")
    world.clock.advance(60)
    assert world.mailbox.statuses == ["percolating", "completed"]


def test_no_url_reports_success_without_a_video(world: World) -> None:
    task_id = world.order("[no-url]")
    world.clock.advance(60)
    assert world.mailbox.bodies[0]["output"] == world.status(task_id)["output"] == {}


def test_an_expired_link_is_refused_and_status_names_a_fresh_one(world: World) -> None:
    task_id = world.order("[expired-link]")
    world.clock.advance(60)
    told, asked = world.mailbox.bodies[0]["output"], world.status(task_id)["output"]
    for kind in ("url", "cover_url"):
        dead, fresh = (urlsplit(output[kind]) for output in (told, asked))
        assert world.get(f"{dead.path}?{dead.query}").status_code == 403
        assert world.get(fresh.path).status_code == 200


def test_words_work_together(world: World) -> None:
    with pytest.raises(requests.ConnectionError):
        world.generate("[lost-answer] [fail] [twice]")
    world.clock.advance(60)
    assert world.mailbox.statuses == ["failed", "failed"]


def test_words_count_in_shots_too(world: World) -> None:
    shots = [{"prompt": "a fox [fail]", "duration": 3}]
    world.order(model="kling-3.0", multiShots=True, multiPrompt=shots, duration=3)
    world.clock.advance(60)
    assert world.mailbox.statuses == ["failed"]


def test_a_scenario_of_the_control_page_is_for_orders_without_a_word(world: World) -> None:
    world.form("/simulator/settings", scenario="fail")
    world.order()
    world.order("[twice]")
    world.clock.advance(60)
    assert sorted(world.mailbox.statuses) == ["completed", "completed", "failed"]


@pytest.mark.parametrize(
    ("outage", "status"),
    [("unauthorised", 401), ("too-many", 429), ("maintenance", 503), ("html", 502)],
)
def test_an_outage_strikes_every_endpoint_but_not_the_control_page(
    world: World, outage: str, status: int
) -> None:
    world.form("/simulator/settings", outage=outage)
    assert world.get("/unified-video/models").status_code == status
    assert world.generate().status_code == status
    assert world.get("/v1/usage/logs").status_code == status
    assert world.get("/").status_code == 200
    assert world.charges() == []
    world.form("/simulator/settings", outage="none")
    assert world.generate().status_code == 200


def test_an_outage_can_hang(world: World) -> None:
    world.form("/simulator/settings", outage="hang")
    with pytest.raises(requests.ReadTimeout):
        world.get("/unified-video/models")
