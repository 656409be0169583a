"""What MidSync's rules refuse is refused, and the answer names the field."""

from typing import Any

import pytest

from .conftest import World

PICTURE = "https://pics.test/1.png"
SHOT = {"prompt": "a fox", "duration": 3}
ELEMENT = {"name": "fox", "description": "red", "images": [PICTURE, PICTURE]}
KLING: dict[str, Any] = {"model": "kling-3.0"}
GROK: dict[str, Any] = {"model": "grok-video"}
VEO_FAST: dict[str, Any] = {"model": "veo-3.1-fast"}
VEO: dict[str, Any] = {"model": "veo-3.1"}
RUNWAY: dict[str, Any] = {"model": "runway"}
SEEDANCE: dict[str, Any] = {"model": "seedance-1.5-pro"}
I2V: dict[str, Any] = {"model": "kling-2.6-i2v"}
SHOTS = KLING | {"multiShots": True, "prompt": "x"}

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unknown model", {"model": "sora"}, "model"),
    ("field of another model", I2V | {"aspectRatio": "1:1"}, "aspectRatio"),
    ("unknown field", {"colour": "red"}, "colour"),
    ("empty text", {"negativePrompt": ""}, "negativePrompt"),
    ("null", {"cfgScale": None}, "cfgScale"),
    ("prompt missing", {"prompt": None}, "prompt"),
    ("prompt blank", {"prompt": "   "}, "prompt"),
    ("prompt no text", {"prompt": 7}, "prompt"),
    ("empty project", {"projectId": ""}, "projectId"),
    ("callback no text", {"callbackUrl": 7}, "callbackUrl"),
    ("seedance: prompt short", SEEDANCE | {"prompt": "ab"}, "prompt"),
    ("seedance: prompt long", SEEDANCE | {"prompt": "a" * 2501}, "prompt"),
    ("seedance: three images", SEEDANCE | {"images": [PICTURE] * 3}, "images"),
    ("seedance: duration", SEEDANCE | {"duration": 5}, "duration"),
    ("seedance: resolution", SEEDANCE | {"resolution": "4k"}, "resolution"),
    ("seedance: lens", SEEDANCE | {"fixedLens": "yes"}, "fixedLens"),
    ("turbo: two images", {"images": [PICTURE] * 2}, "images"),
    ("turbo: ratio with image", {"images": [PICTURE], "aspectRatio": "1:1"}, "aspectRatio"),
    ("turbo: negative prompt", {"negativePrompt": "a" * 2501}, "negativePrompt"),
    (
        "turbo: negative prompt with image",
        {"images": [PICTURE], "negativePrompt": "a" * 501},
        "negativePrompt",
    ),
    ("turbo: duration", {"duration": 7}, "duration"),
    ("turbo: duration true", {"duration": True}, "duration"),
    ("turbo: scale no number", {"cfgScale": "much"}, "cfgScale"),
    ("turbo: images no list", {"images": PICTURE}, "images"),
    ("turbo: images no URLs", {"images": ["file:///etc/passwd"]}, "images"),
    ("i2v: no image", I2V | {"images": []}, "images"),
    ("i2v: prompt long", I2V | {"prompt": "a" * 1001}, "prompt"),
    ("i2v: negative prompt", I2V | {"negativePrompt": "x"}, "negativePrompt"),
    ("i2v: scale", I2V | {"cfgScale": 0.5}, "cfgScale"),
    ("i2v: camera", I2V | {"cameraControl": {}}, "cameraControl"),
    ("t2v: image", {"model": "kling-2.6-t2v", "images": [PICTURE]}, "images"),
    ("kling 3: short", KLING | {"duration": 2}, "duration"),
    ("kling 3: long", KLING | {"duration": 16}, "duration"),
    ("kling 3: half", KLING | {"duration": 3.5}, "duration"),
    ("kling 3: mode", KLING | {"mode": "fun"}, "mode"),
    ("kling 3: three images", KLING | {"images": [PICTURE] * 3}, "images"),
    ("kling 3: shots switched off", KLING | {"multiPrompt": [SHOT]}, "multiPrompt"),
    ("kling 3: no shots", SHOTS, "multiPrompt"),
    ("kling 3: six shots", SHOTS | {"multiPrompt": [SHOT] * 6}, "multiPrompt"),
    ("kling 3: shots too short", SHOTS | {"multiPrompt": [SHOT | {"duration": 2}]}, "multiPrompt"),
    (
        "kling 3: shots too long",
        SHOTS | {"multiPrompt": [SHOT | {"duration": 8}] * 2, "duration": 16},
        "duration",
    ),
    ("kling 3: shot of 13 s", SHOTS | {"multiPrompt": [SHOT | {"duration": 13}]}, "multiPrompt"),
    ("kling 3: wordy shot", SHOTS | {"multiPrompt": [SHOT | {"prompt": "a" * 501}]}, "multiPrompt"),
    ("kling 3: shot without words", SHOTS | {"multiPrompt": [{"duration": 3}]}, "multiPrompt"),
    ("kling 3: shot no object", SHOTS | {"multiPrompt": ["x"]}, "multiPrompt"),
    ("kling 3: other sum", SHOTS | {"multiPrompt": [SHOT], "duration": 9}, "duration"),
    (
        "kling 3: images in shots",
        SHOTS | {"multiPrompt": [SHOT], "images": [PICTURE] * 2},
        "images",
    ),
    ("kling 3: four elements", KLING | {"klingElements": [ELEMENT] * 4}, "klingElements"),
    ("kling 3: elements no list", KLING | {"klingElements": "x"}, "klingElements"),
    ("kling 3: nameless", KLING | {"klingElements": [{"images": [PICTURE] * 2}]}, "klingElements"),
    (
        "kling 3: one picture",
        KLING | {"klingElements": [ELEMENT | {"images": [PICTURE]}]},
        "klingElements",
    ),
    ("runway: 10 s in 1080p", RUNWAY | {"duration": 10, "quality": "1080p"}, "duration"),
    ("runway: two images", RUNWAY | {"images": [PICTURE] * 2}, "images"),
    ("runway: no ratio", RUNWAY | {"aspectRatio": None}, "aspectRatio"),
    ("runway: prompt long", RUNWAY | {"prompt": "a" * 1801}, "prompt"),
    ("runway: watermark", RUNWAY | {"watermark": 7}, "watermark"),
    ("grok: eight images", GROK | {"images": [PICTURE] * 8}, "images"),
    ("grok: long", GROK | {"duration": 31}, "duration"),
    ("grok: spicy with image", GROK | {"images": [PICTURE], "mode": "spicy"}, "mode"),
    (
        "grok: image and task",
        GROK | {"images": [PICTURE], "referenceTaskId": "t"},
        "referenceTaskId",
    ),
    ("grok: index alone", GROK | {"referenceIndex": 1}, "referenceIndex"),
    ("grok: index 6", GROK | {"referenceTaskId": "t", "referenceIndex": 6}, "referenceIndex"),
    ("veo fast: four images", VEO_FAST | {"images": [PICTURE] * 4}, "images"),
    ("veo fast: three without mode", VEO_FAST | {"images": [PICTURE] * 3}, "images"),
    (
        "veo fast: text with image",
        VEO_FAST | {"images": [PICTURE], "mode": "TEXT_2_VIDEO"},
        "images",
    ),
    ("veo fast: references without", VEO_FAST | {"mode": "REFERENCE_2_VIDEO"}, "images"),
    ("veo fast: seed", VEO_FAST | {"seeds": 9999}, "seeds"),
    ("veo: references", VEO | {"images": [PICTURE], "mode": "REFERENCE_2_VIDEO"}, "mode"),
]

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("number as text", {"duration": "5"}),
    ("scale beyond 1 is clamped", {"cfgScale": 7}),
    ("project", {"projectId": "p-1"}),
    ("turbo from image", {"images": [PICTURE]}),
    ("i2v: more images than used", I2V | {"images": [PICTURE] * 3}),
    ("runway ignores the ratio with an image", RUNWAY | {"images": [PICTURE]}),
    ("grok without prompt from image", GROK | {"images": [PICTURE], "prompt": None}),
    ("grok from a task", GROK | {"referenceTaskId": "t", "prompt": None}),
    ("veo fast: references", VEO_FAST | {"images": [PICTURE] * 3, "mode": "REFERENCE_2_VIDEO"}),
    ("veo: frames", VEO | {"images": [PICTURE] * 2}),
    (
        "kling 3: shots without prompt",
        SHOTS | {"multiPrompt": [SHOT] * 2, "duration": 6, "prompt": None},
    ),
    ("kling 3: elements", KLING | {"klingElements": [ELEMENT]}),
]


def changed(world: World, changes: dict[str, Any]) -> dict[str, Any]:
    """A valid order with changes; a field that is None is left out, except where None is meant."""
    body = world.body(**({"model": changes.get("model", "kling-2.5-turbo")} | changes))
    return {name: value for name, value in body.items() if value is not None or name == "cfgScale"}


@pytest.mark.parametrize(
    ("changes", "field"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_refused_with_the_field(world: World, changes: dict[str, Any], field: str) -> None:
    body = changed(world, changes)
    for verb in ("quote", "generate"):
        answer = world.post(f"/unified-video/{verb}", body)
        assert answer.status_code == 422
        assert answer.json()["success"] is False
        assert answer.json()["error"]["field"] == field
        assert answer.json()["error"]["details"][0]["field"] == field
    assert world.charges() == []


@pytest.mark.parametrize("changes", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_accepted(world: World, changes: dict[str, Any]) -> None:
    answer = world.post("/unified-video/generate", changed(world, changes))
    assert answer.status_code == 200, answer.text


def test_grok_needs_a_prompt_without_an_image(world: World) -> None:
    answer = world.post("/unified-video/quote", {"model": "grok-video", "duration": 6})
    assert answer.json()["error"]["field"] == "prompt"
