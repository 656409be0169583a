"""Where processes die, by name, and the folder through which they are told to."""

import struct
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

INJECTED = Path(__file__).resolve().parent / "inject"
AT_LEAST = 5  # deaths at each point, or the run has proved nothing
POINTS: Mapping[str, str] = {
    "A": "before T1 commits",
    "B": "after T1, before the mark and the redirect",
    "C": "inside T2, uncommitted",
    "D": "after T2, before the first byte",
    "E": "after MidSync charged, its answer unread",
    "F": "answer read, T3 not begun",
    "G-inside": "inside T3, uncommitted",
    "G-after": "right after T3's commit",
    "H": "a worker with a row in hand",
    "stored": "callback stored, not applied",
    "applying": "inside the applying of a callback",
}


class Control:
    """Arms points, counts who died there, and sets the portal's clock ahead."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "armed").mkdir(parents=True)
        (folder / "hits").touch()
        self.ahead = 0.0
        self.set_clock_ahead(0.0)

    def environment(self) -> dict[str, str]:
        """What the portal's processes need to be reached."""
        return {"PYTHONPATH": str(INJECTED), "CRASH_CONTROL": str(self.folder)}

    def arm(self, point: str) -> None:
        """Let the next process that comes to the point die there."""
        (self.folder / "armed" / point).touch()

    def disarm(self) -> None:
        """Let everybody live."""
        for file in (self.folder / "armed").iterdir():
            file.unlink(missing_ok=True)

    def is_armed(self, point: str) -> bool:
        """Whether nobody has come there yet."""
        return (self.folder / "armed" / point).exists()

    def hits(self) -> Counter[str]:
        """How many have died at each point."""
        return Counter(line.split()[0] for line in self._lines())

    def roles(self) -> Counter[str]:
        """How many web processes and workers have died at a point."""
        return Counter(line.split()[1] for line in self._lines())

    def _lines(self) -> list[str]:
        return (self.folder / "hits").read_text().splitlines()

    def set_clock_ahead(self, seconds: float) -> None:
        """Set the portal's clock so many seconds ahead of the real one."""
        self.ahead = seconds
        # In place: the processes have the file mapped.
        with (self.folder / "clock").open("r+b" if (self.folder / "clock").exists() else "wb") as f:
            f.write(struct.pack("d", seconds))

    def now(self) -> float:
        """The portal's time, in seconds since the epoch."""
        return time.time() + self.ahead
