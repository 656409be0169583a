"""What there is to tell about a generation, and which video was ordered with it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from .scenarios import Scenario, without_words
from .store import Generation
from .video import VideoSpec, frame_size

#: The share of its time that a generation spends waiting before it is being made.
WAITING_SHARE = 0.15
#: Veo takes no duration.
SECONDS_WITHOUT_CHOICE = 8


@dataclass(frozen=True)
class Report:
    """What there is to tell about a generation at one moment.

    ``status`` is submitted, processing, completed, failed, cancelled, or a word nobody knows.
    """

    task_id: str
    provider_task_id: str
    model: str
    prompt: str
    status: str
    progress: int
    video_url: str
    cover_url: str
    code: str
    message: str
    points: Decimal
    seconds: int
    audio: bool
    at: float

    def say(self, **words: str) -> str:
        """The status in another dialect's words; a word that is not listed stays as it is."""
        return words.get(self.status, self.status)

    @property
    def is_success(self) -> bool:
        return self.status == "completed"

    @property
    def is_failure(self) -> bool:
        return self.status in ("failed", "cancelled")

    @property
    def urls(self) -> list[str]:
        return [self.video_url] if self.video_url else []

    @property
    def time(self) -> str:
        return datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds")


def report_of(generation: Generation, now: float, public_url: str, status: str = "") -> Report:
    """The report at the time ``now``; ``status`` overrides what the generation has reached."""
    created, ready = generation.created_at, generation.ready_at
    now = now if generation.finished_at is None else generation.finished_at
    share = (now - created) / (ready - created) if ready > created else 1.0
    if not status and generation.finished_at is None:
        status = "submitted" if share < WAITING_SHARE else "processing"
    status = status or generation.status
    done = status == "completed"
    shown = done and Scenario.NO_URL not in generation.scenarios
    media = f"{public_url}/media/{generation.task_id}"
    return Report(
        task_id=generation.task_id,
        provider_task_id=generation.provider_task_id,
        model=generation.model,
        prompt=str(generation.asked.get("prompt", "")),
        status=status,
        progress=100 if done else 0 if status == "submitted" else int(min(share, 0.95) * 100),
        video_url=f"{media}.webm" if shown else "",
        cover_url=f"{media}.jpg" if shown else "",
        code=generation.failure_code,
        message=generation.failure_message,
        points=generation.points,
        seconds=spec_of(generation).seconds,
        audio=bool(generation.asked.get("generateAudio")),
        at=now,
    )


def spec_of(generation: Generation) -> VideoSpec:
    """The video that was ordered."""
    asked = generation.asked
    shots = asked.get("multiPrompt") if asked.get("multiShots") else None
    seconds = int(asked.get("duration", SECONDS_WITHOUT_CHOICE))
    texts = shots or [{"duration": seconds, "prompt": asked.get("prompt", "")}]
    resolution = asked.get("resolution") or asked.get("quality") or "720p"
    width, height = frame_size(asked.get("aspectRatio", "16:9"), resolution)
    images = len(asked.get("images", []))
    source = f"From {images} image{'' if images == 1 else 's'}" if images else "Text to video"
    return VideoSpec(
        width,
        height,
        tuple((int(shot["duration"]), without_words(shot["prompt"])) for shot in texts),
        generation.model,
        source,
        bool(asked.get("generateAudio")),
    )
