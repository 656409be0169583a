"""The videos are real: length, size, codecs, sound, pictures that move and carry the words."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from midsync_portal.simulator import captions
from midsync_portal.simulator.reports import spec_of
from midsync_portal.simulator.studio import MOST_AHEAD, Studio, render_apart
from midsync_portal.simulator.video import FPS, Painter, VideoSpec, frame_size, poster, render

from .conftest import World

SMALL = VideoSpec(96, 64, ((2, "a red fox in the snow"),), "runway", "Text to video", True)
PICTURE = "https://pics.test/1.png"


def frames(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def order_and_fetch(world: World, folder: Path, **order: Any) -> Path:
    """The video of an order as a browser would get it."""
    task_id = world.order(**order)
    world.clock.advance(60)
    answer = world.get(f"/media/{task_id}.webm")
    assert answer.status_code == 200
    path = folder / "fetched.webm"
    path.write_bytes(answer.content)
    return path


@pytest.mark.parametrize("audio", [True, False])
def test_a_video_has_the_ordered_length_size_codecs_and_sound(tmp_path: Path, audio: bool) -> None:
    path = tmp_path / "video.webm"
    render(replace(SMALL, audio=audio), path)
    with av.open(str(path)) as container:
        assert container.format.name == "matroska,webm"
        assert abs(container.duration / 1_000_000 - 2) <= 1 / FPS
        picture = container.streams.video[0].codec_context
        assert (picture.name, picture.width, picture.height) == ("vp9", 96, 64)
        sound = [stream.codec_context.name for stream in container.streams.audio]
        assert sound == (["opus"] if audio else [])
    assert len(frames(path)) == 2 * FPS
    assert [one.name for one in tmp_path.iterdir()] == ["video.webm"]


def test_the_sound_is_heard_for_the_whole_length(tmp_path: Path) -> None:
    render(SMALL, tmp_path / "video.webm")
    with av.open(str(tmp_path / "video.webm")) as container:
        heard = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].codec_context.sample_rate
    samples = np.concatenate(heard, axis=1)
    assert abs(samples.shape[1] / rate - 2) <= 1 / FPS
    assert 0.02 < np.abs(samples).max() < 1.0


def test_the_pictures_move(tmp_path: Path) -> None:
    render(replace(SMALL, shots=((3, "a fox"),)), tmp_path / "video.webm")
    seen = frames(tmp_path / "video.webm")
    assert np.abs(seen[0].astype(int) - seen[-1].astype(int)).mean() > 2


def test_the_words_change_with_the_shot_and_the_model() -> None:
    spec = replace(SMALL, width=320, height=180, shots=((1, "a fox"), (1, "a wolf at night")))
    first, second = (Painter(spec).words(spec.text_at(at)) for at in (0.5, 1.5))
    assert first.tobytes() != second.tobytes()
    other = Painter(replace(spec, model="veo-3.1")).words("a fox")
    assert other.tobytes() != first.tobytes()


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [
        ("16:9", "720p", (1280, 720)),
        ("9:16", "720p", (720, 1280)),
        ("1:1", "480p", (480, 480)),
        ("4:3", "1080p", (1440, 1080)),
        ("3:4", "720p", (720, 960)),
        ("21:9", "480p", (1120, 480)),
        ("2:3", "480p", (480, 720)),
        ("3:2", "720p", (1080, 720)),
        ("16:9", "480p", (854, 480)),
        ("Auto", "720p", (1280, 720)),
    ],
)
def test_the_resolution_is_the_shorter_side(
    ratio: str, resolution: str, size: tuple[int, int]
) -> None:
    assert frame_size(ratio, resolution) == size


@pytest.mark.parametrize(
    ("order", "size", "seconds", "source", "audio"),
    [
        ({"model": "veo-3.1-fast"}, (1280, 720), 8, "Text to video", False),
        (
            {"model": "runway", "quality": "1080p", "aspectRatio": "9:16"},
            (1080, 1920),
            5,
            "Text to video",
            False,
        ),
        (
            {"model": "grok-video", "images": [PICTURE] * 2, "resolution": "480p"},
            (480, 720),
            6,
            "From 2 images",
            False,
        ),
        (
            {"model": "kling-2.6-i2v", "generateAudio": True},
            (1280, 720),
            5,
            "From 1 image",
            True,
        ),
    ],
)
def test_the_order_decides_what_is_made(
    world: World,
    order: dict[str, Any],
    size: tuple[int, int],
    seconds: int,
    source: str,
    audio: bool,
) -> None:
    generation = world.simulator.store.generation(world.order("[slow]", **order))
    assert generation is not None
    spec = spec_of(generation)
    assert (spec.width, spec.height) == size
    assert (spec.seconds, spec.source, spec.audio) == (seconds, source, audio)
    assert spec.text_at(0) == "a fox"


def test_an_ordered_video_can_be_fetched_and_played(world: World, tmp_path: Path) -> None:
    order = {"model": "seedance-1.5-pro", "aspectRatio": "9:16", "generateAudio": True}
    path = order_and_fetch(world, tmp_path, **order)
    with av.open(str(path)) as container:
        assert abs(container.duration / 1_000_000 - 4) <= 1 / FPS
        picture = container.streams.video[0].codec_context
        assert (picture.width, picture.height) == (64, 114)
        assert len(container.streams.audio) == 1


def test_several_shots_last_as_long_as_their_sum(world: World, tmp_path: Path) -> None:
    shots = [{"prompt": "one", "duration": 2}, {"prompt": "two", "duration": 1}]
    order = {"model": "kling-3.0", "multiShots": True, "multiPrompt": shots, "duration": 3}
    path = order_and_fetch(world, tmp_path, **order)
    assert len(frames(path)) == 3 * FPS


def test_media_is_served_in_parts_and_may_be_embedded(world: World) -> None:
    task_id = world.order(model="seedance-1.5-pro")
    world.clock.advance(60)
    path = f"/media/{task_id}.webm"
    whole = world.get(path)
    assert whole.headers["Content-Type"] == "video/webm"
    assert whole.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert whole.headers["Accept-Ranges"] == "bytes"
    size = len(whole.content)
    for wanted, start, end in (
        ("bytes=0-9", 0, 9),
        ("bytes=5-", 5, size - 1),
        ("bytes=-4", size - 4, size - 1),
        (f"bytes=9-{size * 2}", 9, size - 1),
    ):
        part = world.get(path, headers={"Range": wanted})
        assert part.status_code == 206
        assert part.headers["Content-Range"] == f"bytes {start}-{end}/{size}"
        assert part.content == whole.content[start : end + 1]
    beyond = world.get(path, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    for unclear in ("bytes=x-y", "lines=1-2", "bytes=0-1,4-5", "bytes=-"):
        assert world.get(path, headers={"Range": unclear}).content == whole.content
    assert len(world.session.head(whole.url).content) == 0


def test_the_cover_is_a_picture_of_the_video(world: World, tmp_path: Path) -> None:
    task_id = world.order(model="seedance-1.5-pro")
    world.clock.advance(60)
    answer = world.get(f"/media/{task_id}.jpg")
    assert answer.headers["Content-Type"] == "image/jpeg"
    (tmp_path / "cover.jpg").write_bytes(answer.content)
    with Image.open(tmp_path / "cover.jpg") as cover:
        assert (cover.format, cover.size) == ("JPEG", (114, 64))


def test_there_is_no_video_before_its_time_nor_under_another_name(world: World) -> None:
    task_id = world.order()
    assert world.get(f"/media/{task_id}.webm").status_code == 404
    world.clock.advance(60)
    assert world.get(f"/media/{task_id}.mp4").status_code == 404
    assert world.get("/media/unknown.webm").status_code == 404
    assert world.get("/media/../simulator.sqlite3").status_code == 404


def test_a_video_is_made_once_and_not_when_nobody_asks(tmp_path: Path) -> None:
    made: list[str] = []

    def note(spec: VideoSpec, path: Path) -> None:
        made.append(path.name)
        path.touch()

    studio = Studio(tmp_path, render=note)
    studio.prepare("ms-1", SMALL)
    assert made == []
    studio.file("ms-1.webm", SMALL)
    studio.file("ms-1.webm", SMALL)
    assert made == ["ms-1.webm"]
    with pytest.raises(ValueError, match="no name"):
        studio.file("../../etc/passwd", SMALL)


def test_what_a_stopped_process_left_unfinished_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".ms-1.webm.77").touch()
    (tmp_path / "ms-2.webm").touch()
    Studio(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["ms-2.webm"]


def test_a_few_videos_are_made_ahead_and_a_flood_is_not(tmp_path: Path) -> None:
    made: list[str] = []
    go = threading.Event()

    def wait(spec: VideoSpec, path: Path) -> None:
        assert go.wait(30)
        made.append(path.name)
        path.touch()

    studio = Studio(tmp_path, ahead=True, render=wait)
    for number in range(50):
        studio.prepare(f"ms-{number}", SMALL)
    go.set()
    studio.finish()
    assert made == [f"ms-{number}.webm" for number in range(MOST_AHEAD)]


def test_an_order_that_comes_while_it_stops_is_taken_all_the_same(tmp_path: Path) -> None:
    studio = Studio(tmp_path, ahead=True)
    studio.close()
    studio.prepare("ms-1", SMALL)
    assert not (tmp_path / "ms-1.webm").exists()


def test_a_video_is_rendered_in_a_process_of_its_own(tmp_path: Path) -> None:
    tiny = replace(SMALL, shots=((1, "a fox"),), audio=False)
    render_apart(tiny, tmp_path / "video.webm")
    assert len(frames(tmp_path / "video.webm")) == FPS
    with pytest.raises(RuntimeError, match="could not be rendered"):
        render_apart(tiny, tmp_path / "missing" / "video.webm")


@pytest.fixture
def no_other_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "CANDIDATES", ())


@pytest.mark.usefixtures("no_other_fonts")
def test_text_that_no_font_can_draw_is_replaced_by_a_sentence() -> None:
    _, text = captions.font_for("雪の中の狐", 20)
    assert text == "A prompt of 5 characters that no font here can draw"
    _, text = captions.font_for("a fox 狐 in the snow", 20)
    assert text == "a fox  in the snow"


@pytest.mark.parametrize(
    "text", ["", "x", "a fox " * 400, "W" * 900, "雪" * 300, "a\n\nb\tc", "[]", "👩‍🚀🚀"]
)
@pytest.mark.parametrize("size", [(64, 64), (320, 180), (90, 160)])
def test_any_prompt_fits_into_the_picture(tmp_path: Path, text: str, size: tuple[int, int]) -> None:
    font, lines, step = captions.fit(text, size[0], size[1], size[1] // 8)
    assert all(font.getlength(line) <= size[0] for line in lines)
    assert len(lines) * step <= max(size[1], step)
    spec = VideoSpec(*size, ((1, text),), "runway", "Text to video", False)
    poster(spec, tmp_path / "cover.jpg")
    assert (tmp_path / "cover.jpg").stat().st_size > 500
