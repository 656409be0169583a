"""What a gateway knows of one order, and one message it sends about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Order:
    """One accepted generate call."""

    number: int
    body: dict[str, object]
    origin: str  # of the gateway, where its results lie
    idempotency_key: str = ""
    stage: int = 0  # how many of the dialect's steps have happened
    failed: bool = False
    times_asked: int = 0
    answers: list[tuple[int, bytes]] = field(default_factory=list)  # to our callbacks

    @property
    def task_id(self) -> str:
        """MidSync's id."""
        return f"{31800 + self.number}"

    @property
    def provider_id(self) -> str:
        """The id of the company behind it."""
        return f"up-{self.number:04d}-c0ffee"

    @property
    def callback_url(self) -> str:
        return str(self.body.get("callbackUrl", ""))

    @property
    def prompt(self) -> str:
        return str(self.body.get("prompt", ""))

    @property
    def video_url(self) -> str:
        return f"{self.origin}/results/{self.number}.webm"

    @property
    def cover_url(self) -> str:
        return f"{self.origin}/results/{self.number}.png"


@dataclass(frozen=True)
class Message:
    """One POST to the callback URL."""

    body: object
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        return json.dumps(self.body).encode()
