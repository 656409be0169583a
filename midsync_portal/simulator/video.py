"""Makes the ordered video: the prompt and the model on moving colours, with a soft chord.

WebM with VP9 and Opus, which every browser plays, Chromium without H.264 too.
"""

import colorsys
import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from . import captions

FPS = 15
SAMPLE_RATE = 48_000
AUDIO_BLOCK = 960
#: Colours move on a small grid that is then enlarged: that is where the time is saved.
GRID = 40
INK = (255, 255, 255)


@dataclass(frozen=True)
class VideoSpec:
    """What to make. ``shots`` are (seconds, text) pairs; their sum is the length of the video."""

    width: int
    height: int
    shots: tuple[tuple[int, str], ...]
    model: str
    source: str
    audio: bool

    @property
    def seconds(self) -> int:
        return sum(length for length, _ in self.shots)

    @property
    def frames(self) -> int:
        return self.seconds * FPS

    def text_at(self, seconds: float) -> str:
        """The prompt of the shot that runs at that moment."""
        for length, text in self.shots:
            if seconds < length:
                return text
            seconds -= length
        return self.shots[-1][1]

    def shrunk(self, short_side: int) -> "VideoSpec":
        """The same video, its shorter side at most ``short_side`` pixels."""
        factor = min(1.0, short_side / min(self.width, self.height))
        return replace(self, width=_even(self.width * factor), height=_even(self.height * factor))


def frame_size(aspect_ratio: str, resolution: str) -> tuple[int, int]:
    """Width and height in pixels, both even; "720p" is the length of the shorter side."""
    short = int(resolution.removesuffix("p"))
    across, _, down = aspect_ratio.partition(":")
    wide, high = (int(across), int(down)) if across.isdigit() and down.isdigit() else (16, 9)
    unit = short / min(wide, high)
    return _even(wide * unit), _even(high * unit)


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def render(spec: VideoSpec, path: Path) -> None:
    """Write the video; the file appears under its name only when it is complete."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with av.open(str(unfinished), "w", format="webm") as container:
        picture = container.add_stream("libvpx-vp9", rate=FPS)
        assert isinstance(picture, VideoStream)  # noqa: S101 - narrows the type
        picture.width, picture.height, picture.pix_fmt = spec.width, spec.height, "yuv420p"
        picture.time_base = Fraction(1, FPS)
        picture.codec_context.gop_size = FPS * 4
        picture.codec_context.bit_rate = 2 * spec.width * spec.height
        picture.options = {
            "deadline": "realtime",
            "cpu-used": "8",
            "row-mt": "1",
            "threads": "2",
            "tile-columns": "2",
        }
        sound: AudioStream | None = None
        if spec.audio:
            sound = container.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo")
        # The sound keeps pace with the picture, so that the player finds both side by side.
        blocks = chord(spec) if sound else iter(())
        heard = 0
        for number, image in enumerate(pictures(spec)):
            frame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(picture.encode(frame))
            while sound and heard * FPS < (number + 1) * SAMPLE_RATE:
                container.mux(sound.encode(next(blocks)))
                heard += AUDIO_BLOCK
        container.mux(picture.encode(None))
        if sound:
            container.mux(sound.encode(None))
    unfinished.replace(path)


def poster(spec: VideoSpec, path: Path) -> None:
    """Write one picture out of the middle of the video, as JPEG."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    painter = Painter(spec)
    painter.picture(spec.frames // 2).save(unfinished, "JPEG", quality=85)
    unfinished.replace(path)


def pictures(spec: VideoSpec) -> Iterator[Image.Image]:
    """Every frame of the video in its order."""
    painter = Painter(spec)
    return (painter.picture(number) for number in range(spec.frames))


class Painter:
    """Paints single frames: a drifting gradient, the words on it, a bar that fills."""

    def __init__(self, spec: VideoSpec) -> None:
        self.spec = spec
        self.unit = min(spec.width, spec.height) / 100
        self.digest = hashlib.sha256(f"{spec.model}\n{spec.shots}".encode()).digest()
        hue = self.digest[0] / 256
        self.colours = [
            np.array(colorsys.hls_to_rgb((hue + turn) % 1, light, full), dtype=np.float32) * 255
            for turn, light, full in ((0, 0.15, 0.6), (0.07, 0.46, 0.72), (0.17, 0.40, 0.6),
                                      (0.9, 0.50, 0.7))
        ]  # fmt: skip
        rows = max(2, round(GRID * spec.height / max(spec.width, spec.height)))
        columns = max(2, round(GRID * spec.width / max(spec.width, spec.height)))
        down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
        self.across, self.down = across.astype(np.float32), down.astype(np.float32)
        self.layers: dict[str, Image.Image] = {}
        self.count_font, _ = captions.font_for("0123456789/s", max(8, round(self.unit * 3)))
        widest = f"{spec.seconds:04.1f} / {spec.seconds} s    {spec.frames:03d} / {spec.frames}"
        self.count_width = self.count_font.getlength(widest) + self.unit

    def picture(self, number: int) -> Image.Image:
        """Frame ``number`` of the video."""
        spec, seconds = self.spec, number / FPS
        small = Image.fromarray(self._gradient(seconds))
        image = small.resize((spec.width, spec.height), Image.Resampling.BICUBIC)
        text = spec.text_at(seconds)
        if text not in self.layers:
            self.layers = {text: self.words(text)}
        layer = self.layers[text]
        image.paste(INK, (0, 0), layer)
        self._progress(ImageDraw.Draw(image, "RGBA"), number)
        return image

    def _gradient(self, seconds: float) -> NDArray[np.uint8]:
        """Three soft lights that wander over a dark ground."""
        ground, *lights = self.colours
        canvas = np.empty((*self.across.shape, 3), dtype=np.float32)
        canvas[:] = ground
        for place, colour in enumerate(lights):
            start = self.digest[place + 1] / 256 * math.tau
            pace = 0.35 + self.digest[place + 4] / 640
            middle = 0.5 + 0.42 * math.cos(start + seconds * pace)
            level = 0.5 + 0.42 * math.sin(start * 1.7 + seconds * pace * 0.8)
            distance = (self.across - middle) ** 2 + (self.down - level) ** 2
            strength = (0.85 * np.exp(-distance * 7.0))[..., None]
            canvas += (colour - canvas) * strength
        canvas *= (1.0 - 0.35 * self.down**2)[..., None]
        return canvas.clip(0, 255).astype(np.uint8)

    def words(self, text: str) -> Image.Image:
        """Prompt and labels as one mask, painted once for each shot."""
        spec, unit = self.spec, self.unit
        layer = Image.new("L", (spec.width, spec.height), 0)
        draw = ImageDraw.Draw(layer)
        edge = unit * 7
        label = max(8, round(unit * 3.4))
        top = f"MidSync simulator  ·  {spec.source}"
        font, lines, _ = captions.fit(top, spec.width - 2 * edge, label * 1.5, label)
        draw.text((edge, edge), lines[0] if lines else "", fill=190, font=font)
        font, lines, step = captions.fit(
            text or "No prompt", spec.width - 2 * edge, spec.height - unit * 44, round(unit * 9.5)
        )
        y = (spec.height - len(lines) * step) / 2 - unit * 2
        for line in lines:
            draw.text((edge, y), line, fill=255, font=font)
            y += step
        font, lines, _ = captions.fit(spec.model, spec.width / 2 - edge, unit * 6, round(unit * 4))
        draw.text((edge, spec.height - unit * 15.5), lines[0], fill=235, font=font)
        return layer

    def _progress(self, draw: ImageDraw.ImageDraw, number: int) -> None:
        """The bar, the time and the frame counter at the bottom."""
        spec, unit = self.spec, self.unit
        left, right = unit * 7, spec.width - unit * 7
        top, thick = spec.height - unit * 8, max(2.0, unit * 0.9)
        done = left + (right - left) * (number + 1) / spec.frames
        draw.rounded_rectangle((left, top, right, top + thick), thick / 2, fill=(255, 255, 255, 60))
        draw.rounded_rectangle(
            (left, top, max(done, left + thick), top + thick), thick / 2, fill=(255, 255, 255, 235)
        )
        count = f"{number / FPS:04.1f} / {spec.seconds} s    {number + 1:03d} / {spec.frames}"
        place = (right - self.count_width, spec.height - unit * 15)
        draw.text(place, count, fill=(255, 255, 255, 215), font=self.count_font)


def chord(spec: VideoSpec) -> Iterator[av.AudioFrame]:
    """A soft major chord that swells and fades, exactly as long as the video."""
    root = 110.0 * 2 ** ((hashlib.sha256(spec.model.encode()).digest()[0] % 12) / 12)
    total = spec.seconds * SAMPLE_RATE
    for start in range(0, total, AUDIO_BLOCK):
        at = np.arange(start, start + AUDIO_BLOCK) / SAMPLE_RATE
        fade = np.clip(np.minimum(at, spec.seconds - at) / 0.6, 0, 1)
        channels = []
        for side in (0.0, 0.4):
            tones = sum(
                np.sin(math.tau * root * ratio * at)
                * (0.6 + 0.4 * np.sin(math.tau * (0.11 + 0.05 * voice) * at + side + voice))
                / (voice + 2)
                for voice, ratio in enumerate((1.0, 1.5, 2.0, 2.5, 3.0))
            )
            channels.append(0.16 * fade * tones)
        samples = np.stack(channels, axis=1).astype(np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        frame.time_base = Fraction(1, SAMPLE_RATE)
        yield frame
