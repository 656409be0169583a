"""Settings of the simulator's own process, all from the environment.

The simulator is no Django project, so these are plain values: nothing here is shared with the
portal's settings.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from midsync_portal.midsync.signature import Scheme

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "simulator"
STYLESHEET = Path(__file__).resolve().parents[2] / "static" / "css" / "simulator.css"

DEMO_KEY = "demo-key-of-the-simulator"


class WrongSetting(Exception):
    """A setting that cannot be used; the message is one sentence that names it."""


@dataclass(frozen=True)
class Settings:
    """How the simulator behaves.

    ``speed`` divides the time a video takes; ``seed`` fixes ids, timings and prices;
    ``video_height`` caps the shorter side of videos in pixels (0: as ordered);
    ``callback_hosts`` are hosts beside loopback that may be called back;
    ``signature`` is "scheme:secret", or empty for callbacks without a signature;
    ``account_callback`` is the URL of the whole account, for orders without one of their own and
    where a scenario wants it, or empty.
    """

    api_key: str = DEMO_KEY
    public_url: str = "http://127.0.0.1:8900"
    speed: float = 1.0
    seed: str = ""
    video_height: int = 0
    callback_hosts: frozenset[str] = frozenset()
    signature: str = ""
    account_callback: str = ""
    unknown_model: bool = False


def from_environment(env: Mapping[str, str] = os.environ, *, own_url: str) -> Settings:
    """The settings named SIMULATOR_…; ``own_url`` is where the process listens.

    Raises WrongSetting.
    """

    def number(name: str, default: str) -> float:
        try:
            return float(env.get(name, default))
        except ValueError:
            raise WrongSetting(f"{name} must be a number.") from None

    speed = number("SIMULATOR_SPEED", "1")
    if speed <= 0:
        raise WrongSetting("SIMULATOR_SPEED must be greater than 0.")
    signature = env.get("SIMULATOR_SIGNATURE", "")
    scheme, _, secret = signature.partition(":")
    if signature and not (scheme in list(Scheme) and secret):
        raise WrongSetting(
            f"SIMULATOR_SIGNATURE must be scheme:secret with one of {', '.join(Scheme)}."
        )
    hosts = env.get("SIMULATOR_CALLBACK_HOSTS", "").split(",")
    return Settings(
        api_key=env.get("SIMULATOR_API_KEY") or DEMO_KEY,
        public_url=(env.get("SIMULATOR_PUBLIC_URL") or own_url).rstrip("/"),
        speed=speed,
        seed=env.get("SIMULATOR_SEED", ""),
        video_height=int(number("SIMULATOR_VIDEO_HEIGHT", "0")),
        callback_hosts=frozenset(host.strip().lower() for host in hosts if host.strip()),
        signature=signature,
        account_callback=env.get("SIMULATOR_ACCOUNT_CALLBACK", ""),
        unknown_model=env.get("SIMULATOR_UNKNOWN_MODEL", "").lower() in ("1", "true", "yes", "on"),
    )
