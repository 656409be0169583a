"""The control page: what it shows, what it does, whom it lets."""

import pytest

from .conftest import BASE, CALLBACK, World


def test_the_page_shows_generations_the_account_and_every_word(world: World) -> None:
    task_id = world.order("[slow] <b>bold</b>")
    page = world.get("/")
    assert page.status_code == 200
    assert "Simulator of MidSync" in page.text
    assert task_id in page.text
    assert 'value="9965"' in page.text
    assert "[lost-answer]" in page.text
    assert "[kie-veo]" in page.text
    assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
    assert "<b>bold" not in page.text


def test_the_page_keeps_the_callback_secret_to_itself(world: World) -> None:
    world.order()
    world.clock.advance(60)
    page = world.get("/")
    assert "portal.test" in page.text
    assert "secret" not in page.text


def test_the_list_comes_alone_for_the_page_to_refresh(world: World) -> None:
    assert "Nothing was ordered yet" in world.get("/simulator/list").text
    task_id = world.order()
    assert task_id in world.get("/simulator/list").text
    assert "<html" not in world.get("/simulator/list").text


def test_the_stylesheet_is_served(world: World) -> None:
    assert world.get("/simulator.css").headers["Content-Type"].startswith("text/css")


def test_finish_now_ends_a_generation_and_calls_back(world: World) -> None:
    task_id = world.order("[slow]")
    answer = world.form(f"/simulator/tasks/{task_id}/finish")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert world.mailbox.statuses == ["completed"]
    world.form(f"/simulator/tasks/{task_id}/finish")
    world.clock.advance(600)
    assert len(world.mailbox.received) == 1


def test_fail_it_ends_a_generation_as_failed(world: World) -> None:
    task_id = world.order()
    world.form(f"/simulator/tasks/{task_id}/fail")
    assert world.mailbox.statuses == ["failed"]
    assert world.status(task_id)["error"]["code"] == "stopped"
    assert "failed" in world.get("/simulator/list").text


def test_a_finished_generation_cannot_be_failed(world: World) -> None:
    task_id = world.order()
    world.clock.advance(60)
    world.form(f"/simulator/tasks/{task_id}/fail")
    assert world.status(task_id)["status"] == "completed"


def test_send_callback_again_repeats_the_same_bytes(world: World) -> None:
    task_id = world.order()
    world.clock.advance(60)
    world.form(f"/simulator/tasks/{task_id}/call")
    first, second = world.mailbox.received
    assert first == second


def test_a_silent_generation_can_be_made_to_call(world: World) -> None:
    task_id = world.order("[silent]")
    world.clock.advance(60)
    world.form(f"/simulator/tasks/{task_id}/call")
    assert world.mailbox.statuses == ["completed"]


def test_without_a_callback_url_there_is_nothing_to_send(world: World) -> None:
    body = world.body()
    del body["callbackUrl"]
    task_id = world.post("/unified-video/generate", body).json()["taskId"]
    assert world.form(f"/simulator/tasks/{task_id}/call").status_code == 303
    assert world.mailbox.received == []
    assert "no callback URL" in world.get("/simulator/list").text


@pytest.mark.parametrize("verb", ["finish", "fail", "call"])
def test_unknown_tasks_are_404(world: World, verb: str) -> None:
    assert world.form(f"/simulator/tasks/unknown/{verb}").status_code == 404


def test_speed_makes_videos_sooner(world: World) -> None:
    world.form("/simulator/settings", speed="1000")
    world.order()
    world.clock.advance(0.1)
    assert world.mailbox.statuses == ["completed"]


@pytest.mark.parametrize(
    "fields",
    [
        {"balance": "-1"},
        {"balance": "many"},
        {"balance": "NaN"},
        {"balance": "Infinity"},
        {"speed": "0"},
        {"speed": "nan"},
        {"speed": "fast"},
    ],
)
def test_senseless_settings_are_refused(world: World, fields: dict[str, str]) -> None:
    assert world.form("/simulator/settings", **fields).status_code == 422
    assert world.simulator.balance == 10_000
    assert world.simulator.speed == 1


def test_unknown_choices_change_nothing(world: World) -> None:
    fields = {"scenario": "x", "dialect": "x", "outage": "fail", "unknown_model": "x"}
    assert world.form("/simulator/settings", **fields).status_code == 303
    assert world.generate().status_code == 200


def test_a_choice_is_shown_as_chosen_and_an_outage_in_plain_sight(world: World) -> None:
    world.form("/simulator/settings", scenario="slow", outage="html", dialect="fal")
    page = world.get("/").text
    assert '<option value="slow" selected>' in page
    assert "<option selected>fal</option>" in page
    assert "every call is answered with <b>html</b>" in page


def test_time_can_be_advanced(world: World) -> None:
    world.order()
    assert world.form("/simulator/advance", seconds="60").status_code == 303
    assert world.mailbox.statuses == ["completed"]


@pytest.mark.parametrize("seconds", ["-1", "x", "nan", "", "1e9"])
def test_time_cannot_be_advanced_by_nonsense(world: World, seconds: str) -> None:
    assert world.form("/simulator/advance", seconds=seconds).status_code == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://midsync.test"}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 303),
    ],
)
def test_only_the_page_itself_may_change_anything(
    world: World, headers: dict[str, str], status: int
) -> None:
    answer = world.session.post(
        f"{BASE}/simulator/settings",
        data={"balance": "1"},
        headers=headers,
        allow_redirects=False,
    )
    assert answer.status_code == status
    assert world.simulator.balance == (1 if status == 303 else 10_000)


def test_the_ledger_ties_every_charge_to_a_callback(world: World) -> None:
    task_id = world.order(model="veo-3.1")
    answer = world.get("/simulator/ledger.json").json()
    assert answer["balance"] == 9937.5
    [charge] = answer["charges"]
    assert charge["taskId"] == task_id
    assert charge["pointsCharged"] == 62.5
    assert charge["callbackUrl"] == CALLBACK
    assert charge["status"] == "submitted"
