"""Callbacks: where they may go, how often they are tried, how they are signed."""

import time
from dataclasses import replace

import pytest

from midsync_portal.midsync.signature import verify
from midsync_portal.simulator.clock import Clock, ManualClock
from midsync_portal.simulator.delivery import CallbackNotAllowed, HttpPost, is_allowed
from midsync_portal.simulator.store import Store

from .conftest import CALLBACK, SETTINGS, World

ACCOUNT = "https://portal.test/callbacks/"


def test_a_callback_that_is_not_taken_is_tried_again_later_each_time(world: World) -> None:
    world.mailbox.answers = [500, None, 404, 302]
    task_id = world.order()
    world.simulator.finish(task_id)
    world.simulator.tick()
    counts = []
    for seconds in (2, 10, 30, 60):
        counts.append(len(world.mailbox.received))
        world.clock.advance(seconds)
    assert counts == [1, 2, 3, 4]
    assert len(world.mailbox.received) == 5
    assert len({body for _, body, _ in world.mailbox.received}) == 1
    [callback] = world.simulator.store.callbacks(task_id)
    assert (callback.state, callback.answer, callback.attempts) == ("done", "200", 5)


def test_a_callback_that_is_never_taken_is_given_up(world: World) -> None:
    world.mailbox.answers = [500] * 99
    task_id = world.order()
    world.clock.advance(3600)
    [callback] = world.simulator.store.callbacks(task_id)
    assert (callback.state, callback.attempts) == ("gave-up", 5)
    assert len(world.mailbox.received) == 5


def test_without_a_callback_url_nothing_is_sent(world: World) -> None:
    body = world.body()
    del body["callbackUrl"]
    world.post("/unified-video/generate", body)
    world.clock.advance(60)
    assert world.mailbox.received == []


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8000/callbacks/1/", True),
        ("http://localhost:8000/", True),
        ("https://portal.localhost/", True),
        ("http://[::1]:8000/", True),
        ("http://web:8000/", True),
        ("https://example.com/", False),
        ("http://192.168.1.7/", False),
        ("http://10.0.0.1/", False),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1@example.com/", False),
        ("ftp://localhost/", False),
        ("no url", False),
    ],
)
def test_only_this_machine_is_called_and_hosts_that_a_setting_names(
    url: str, allowed: bool
) -> None:
    assert is_allowed(url, frozenset({"web"})) is allowed


def test_a_stranger_is_not_called_at_all() -> None:
    with pytest.raises(CallbackNotAllowed, match=r"example\.com"):
        HttpPost()("https://example.com/callbacks/1/secret/", b"{}", {})


def test_a_callback_to_a_stranger_is_given_up_at_once(tmp_path) -> None:
    world = World(tmp_path, post=HttpPost())
    task_id = world.order()
    world.clock.advance(60)
    [callback] = world.simulator.store.callbacks(task_id)
    assert (callback.state, callback.attempts) == ("gave-up", 1)
    assert "portal.test is not on this machine" in callback.answer
    world.close()


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [("hmac", "secret"), ("kie", "secret"), ("standard-webhooks", "whsec_c2VjcmV0")],
)
@pytest.mark.parametrize("dialect", ["midsync", "kie"])
def test_a_signed_callback_is_one_that_the_portal_accepts(
    tmp_path, scheme: str, secret: str, dialect: str
) -> None:
    world = World(tmp_path, replace(SETTINGS, signature=f"{scheme}:{secret}"))
    world.order(f"[{dialect}]")
    world.clock.advance(60)
    [(_, body, headers)] = world.mailbox.received
    verify(scheme, secret, headers, body, time.time())
    world.close()


@pytest.mark.parametrize(
    ("words", "own", "urls"),
    [
        ("", CALLBACK, [CALLBACK]),
        ("", "", [ACCOUNT]),
        ("[account-too]", CALLBACK, [CALLBACK, ACCOUNT]),
        ("[account-only]", CALLBACK, [ACCOUNT]),
        ("[account-only] [bad-token]", CALLBACK, [ACCOUNT]),
    ],
)
def test_the_account_s_url_gets_what_has_none_of_its_own_and_what_a_scenario_sends_there(
    tmp_path, words: str, own: str, urls: list[str]
) -> None:
    world = World(tmp_path, replace(SETTINGS, account_callback=ACCOUNT))
    body = {name: value for name, value in world.body(words, callbackUrl=own).items() if value}
    world.post("/unified-video/generate", body)
    world.clock.advance(60)
    assert [url for url, _, _ in world.mailbox.received] == urls
    assert len({body for _, body, _ in world.mailbox.received}) == 1
    world.close()


def test_advancing_the_clock_makes_everything_happen_in_its_order() -> None:
    clock, seen = ManualClock(100.0), []
    due = [105.0, 101.0, 200.0]
    clock.watch(lambda: min(due, default=None), lambda: seen.append(due.pop(due.index(min(due)))))
    clock.advance(50)
    assert seen == [101.0, 105.0]
    assert clock.now() == 150.0


def test_the_real_clock_can_be_advanced_but_never_turned_back() -> None:
    clock = Clock(lambda: 7.0)
    clock.advance(3)
    assert clock.now() == 10.0
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


def test_everything_is_remembered_over_a_restart_and_half_sent_callbacks_go_out(tmp_path) -> None:
    settings = replace(SETTINGS, seed="")
    before = World(tmp_path, settings, Store(tmp_path / "db.sqlite3"))
    task_id = before.order()
    before.simulator.finish(task_id)
    before.simulator.store.claim(before.clock.now())
    seed = before.simulator.seed
    before.close()
    after = World(tmp_path, settings, Store(tmp_path / "db.sqlite3"))
    assert after.simulator.seed == seed
    assert after.charges() == [35]
    after.clock.advance(1)
    assert [body["taskId"] for body in after.mailbox.bodies] == [task_id]
    assert after.order() != task_id
    after.close()


def broken_order(world: World) -> None:
    with world.simulator.store.transaction():
        world.order()
        raise RuntimeError


def test_nothing_is_charged_when_writing_down_fails(world: World) -> None:
    before = world.simulator.balance
    with pytest.raises(RuntimeError):
        broken_order(world)
    assert world.charges() == []
    assert world.simulator.balance == before
