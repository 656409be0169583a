"""A simulator in this process, its clock in the test's hand, its callbacks kept in a list."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from midsync_portal.simulator.clock import ManualClock
from midsync_portal.simulator.delivery import CallbackFailed, Post
from midsync_portal.simulator.engine import Simulator
from midsync_portal.simulator.settings import Settings
from midsync_portal.simulator.store import Store
from midsync_portal.simulator.studio import Studio
from tests.transport import SimulatorAdapter

BASE = "https://midsync.test"
KEY = "key-of-the-tests"
CALLBACK = "https://portal.test/callbacks/1/secret/"
SETTINGS = Settings(api_key=KEY, public_url="http://127.0.0.1:8900", seed="7", video_height=64)

#: The smallest valid order of every model.
ORDERS: dict[str, dict[str, Any]] = {
    "seedance-1.5-pro": {"prompt": "a fox", "resolution": "480p", "duration": 4},
    "kling-2.5-turbo": {"prompt": "a fox", "duration": 5},
    "kling-2.6-i2v": {"prompt": "a fox", "duration": 5, "images": ["https://pics.test/1.png"]},
    "kling-2.6-t2v": {"prompt": "a fox", "duration": 5},
    "kling-3.0": {"prompt": "a fox", "duration": 3, "mode": "std"},
    "runway": {"prompt": "a fox", "duration": 5, "quality": "720p", "aspectRatio": "16:9"},
    "grok-video": {"prompt": "a fox", "duration": 6, "resolution": "480p"},
    "veo-3.1-fast": {"prompt": "a fox"},
    "veo-3.1": {"prompt": "a fox"},
}


@dataclass
class Mailbox:
    """What was called back; ``answers`` are used up first, then everything gets 200."""

    received: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    answers: list[int | None] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.received.append((url, body, dict(headers)))
        answer = self.answers.pop(0) if self.answers else 200
        if answer is None:
            raise CallbackFailed("ConnectionError")
        return answer

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body, _ in self.received]

    @property
    def statuses(self) -> list[str]:
        return [body["status"] for body in self.bodies]


class World:
    """The simulator with everything around it, and short ways to talk to it."""

    def __init__(
        self,
        folder: Path,
        settings: Settings = SETTINGS,
        store: Store | None = None,
        post: Post | None = None,
    ) -> None:
        self.mailbox = Mailbox()
        self.clock = ManualClock()
        self.pauses: list[float] = []
        self.simulator = Simulator(
            store or Store(),
            self.clock,
            post or self.mailbox,
            Studio(folder, height=settings.video_height),
            settings,
            pause=self.pauses.append,
        )
        self.session = requests.Session()
        self.session.mount(BASE, SimulatorAdapter(self.simulator))
        self.session.headers["Authorization"] = f"Bearer {KEY}"

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.session.get(BASE + path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> requests.Response:
        return self.session.post(BASE + path, json=body, **more)

    def form(self, path: str, **fields: str) -> requests.Response:
        return self.session.post(BASE + path, data=fields, allow_redirects=False)

    def body(self, words: str = "", model: str = "kling-2.5-turbo", **more: Any) -> dict[str, Any]:
        order = {"model": model, "callbackUrl": CALLBACK} | ORDERS.get(model, {})
        return order | {"prompt": f"a fox {words}".strip()} | more

    def generate(self, words: str = "", **more: Any) -> requests.Response:
        return self.post("/unified-video/generate", self.body(words, **more))

    def order(self, words: str = "", **more: Any) -> str:
        """The task id of an accepted order."""
        answer = self.generate(words, **more)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["taskId"])

    def status(self, task_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.get(f"/unified-video/{task_id}/status").json()
        return answer

    def charges(self) -> list[Decimal]:
        return [entry.points for entry in self.simulator.store.ledger()]

    def close(self) -> None:
        self.simulator.store.close()
        self.session.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "media")
    yield made
    made.close()
