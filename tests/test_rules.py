"""The built-in rules, model by model: each row of what MidSync documents has a test."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midsync_portal.forms import GenerationForm
from midsync_portal.simulator.checks import check
from midsync_portal.simulator.offer import MODELS as SIMULATED
from tests.ordering import (
    PICTURE,
    PICTURES,
    SECOND_PICTURE,
    built_in,
    edit,
    names_shown,
    order,
    shown,
)

# The least that each model takes.
LEAST: dict[str, dict[str, Any]] = {
    "seedance-1.5-pro": {"prompt": "a red fox", "duration": 8, "resolution": "720p"},
    "kling-2.5-turbo": {"prompt": "a red fox", "duration": 5},
    "kling-2.6-i2v": {"prompt": "a red fox", "duration": 5, "images": [PICTURE]},
    "kling-2.6-t2v": {"prompt": "a red fox", "duration": 5},
    "kling-3.0": {"prompt": "a red fox", "duration": 5},
    "runway": {"prompt": "a red fox", "duration": 5, "quality": "720p", "aspectRatio": "16:9"},
    "grok-video": {"prompt": "a red fox", "duration": 6, "resolution": "480p"},
    "veo-3.1-fast": {"prompt": "a red fox"},
    "veo-3.1": {"prompt": "a red fox"},
}
SHOTS = {
    "multiShots": "true",
    "multiPrompt-0-prompt": "the fox wakes",
    "multiPrompt-0-duration": "4",
    "multiPrompt-1-prompt": "the fox runs",
    "multiPrompt-1-duration": "3",
}


def least(video_model: str, **fields: Any) -> GenerationForm:
    """An order with what the model needs, and the given fields; None leaves one out."""
    merged = LEAST[video_model] | fields
    return order(video_model, **{name: one for name, one in merged.items() if one is not None})


@pytest.mark.parametrize("video_model", LEAST)
def test_the_least_that_a_model_takes_is_sent_as_it_is(video_model: str) -> None:
    form = least(video_model)

    assert form.is_valid(), form.errors
    assert form.body() == {"model": video_model, **LEAST[video_model]}


@pytest.mark.parametrize(
    ("video_model", "names"),
    [
        ("seedance-1.5-pro", "prompt images aspectRatio resolution duration generateAudio "
                             "fixedLens nsfwChecker"),
        ("kling-2.5-turbo", "prompt images aspectRatio duration negativePrompt cfgScale"),
        ("kling-2.6-i2v", "prompt images duration generateAudio"),
        ("kling-2.6-t2v", "prompt aspectRatio duration generateAudio"),
        ("kling-3.0", "prompt multiShots multiPrompt images aspectRatio duration mode "
                      "generateAudio klingElements"),
        ("runway", "prompt images aspectRatio duration quality watermark"),
        ("grok-video", "prompt images aspectRatio duration resolution mode nsfwChecker"),
        ("veo-3.1-fast", "prompt images mode aspectRatio enableTranslation seeds watermark"),
        ("veo-3.1", "prompt images mode aspectRatio enableTranslation seeds watermark"),
    ],
)  # fmt: skip
def test_each_model_has_its_fields_and_no_others(video_model: str, names: str) -> None:
    assert [one.name for one in built_in(video_model).parameters] == names.split()


@pytest.mark.parametrize(
    ("video_model", "field", "values"),
    [
        ("seedance-1.5-pro", "aspectRatio", "1:1 4:3 3:4 16:9 9:16 21:9 2:3 3:2"),
        ("seedance-1.5-pro", "resolution", "480p 720p 1080p"),
        ("seedance-1.5-pro", "duration", "4 8 12"),
        ("kling-2.5-turbo", "aspectRatio", "1:1 16:9 9:16"),
        ("kling-2.5-turbo", "duration", "5 10"),
        ("kling-2.6-i2v", "duration", "5 10"),
        ("kling-3.0", "aspectRatio", "16:9 9:16 1:1"),
        ("kling-3.0", "mode", "std pro"),
        ("runway", "aspectRatio", "1:1 16:9 9:16 4:3 3:4"),
        ("runway", "duration", "5 10"),
        ("runway", "quality", "720p 1080p"),
        ("grok-video", "aspectRatio", "1:1 16:9 2:3 3:2 9:16"),
        ("grok-video", "resolution", "480p 720p"),
        ("grok-video", "mode", "fun normal spicy"),
        ("veo-3.1-fast", "aspectRatio", "16:9 9:16 Auto"),
        ("veo-3.1-fast", "mode", "TEXT_2_VIDEO FIRST_AND_LAST_FRAMES_2_VIDEO REFERENCE_2_VIDEO"),
        ("veo-3.1", "mode", "TEXT_2_VIDEO FIRST_AND_LAST_FRAMES_2_VIDEO"),
    ],
)
def test_a_choice_offers_the_documented_values_and_refuses_others(
    video_model: str, field: str, values: str
) -> None:
    parameter = built_in(video_model).parameter(field)

    assert parameter is not None
    assert {option.text for option in parameter.options} == set(values.split())
    assert field in least(video_model, **{field: "7:5"}).errors


@pytest.mark.parametrize(
    ("video_model", "field", "minimum", "maximum"),
    [
        ("kling-3.0", "duration", 3, 15),
        ("grok-video", "duration", 6, 30),
        ("veo-3.1-fast", "seeds", 10000, 99999),
    ],
)
def test_a_whole_number_stays_in_its_range(
    video_model: str, field: str, minimum: int, maximum: int
) -> None:
    for value in (minimum, maximum):
        assert least(video_model, **{field: value}).body()[field] == value
    for value in (minimum - 1, maximum + 1, f"{minimum}.5", "many"):
        assert list(least(video_model, **{field: value}).errors) == [field]


@pytest.mark.parametrize(
    ("video_model", "maximum"),
    [("seedance-1.5-pro", 2500), ("kling-2.6-i2v", 1000), ("runway", 1800),
     ("kling-2.5-turbo", 5000), ("grok-video", 5000), ("veo-3.1-fast", 5000)],
)  # fmt: skip
def test_a_prompt_has_at_most_so_many_characters(video_model: str, maximum: int) -> None:
    assert least(video_model, prompt="é" * maximum).is_valid()
    assert list(least(video_model, prompt="é" * (maximum + 1)).errors) == ["prompt"]


def test_seedance_wants_three_characters_of_prompt() -> None:
    assert "prompt" in least("seedance-1.5-pro", prompt="ab").errors
    assert least("seedance-1.5-pro", prompt="abc").is_valid()


@pytest.mark.parametrize("video_model", LEAST)
def test_a_prompt_is_required_without_images(video_model: str) -> None:
    assert least(video_model, prompt="  \n").errors["prompt"] == ["Please write a prompt."]


@pytest.mark.parametrize(
    ("video_model", "maximum"),
    [("seedance-1.5-pro", 2), ("kling-2.5-turbo", 1), ("kling-2.6-i2v", 7), ("kling-3.0", 2),
     ("runway", 1), ("grok-video", 7), ("veo-3.1-fast", 2), ("veo-3.1", 2)],
)  # fmt: skip
def test_a_model_takes_at_most_so_many_images_in_their_order(
    video_model: str, maximum: int
) -> None:
    pictures = PICTURES[:maximum][::-1]
    assert least(video_model, images=pictures).body()["images"] == pictures
    assert list(least(video_model, images=PICTURES[: maximum + 1]).errors) == ["images"]


def test_kling_26_i2v_needs_an_image() -> None:
    assert least("kling-2.6-i2v", images=[""]).errors["images"] == ["Please add an image."]


@pytest.mark.parametrize(
    "field", ["aspectRatio", "negativePrompt", "cfgScale", "cameraControl", "mode"]
)
def test_kling_26_i2v_is_never_sent_what_it_does_not_take(field: str) -> None:
    form = least("kling-2.6-i2v", **{field: "16:9"})

    assert not form.is_valid()
    assert field in form.form_errors[0]


# --- kling-2.5-turbo -----------------------------------------------------------------------------


def test_kling_25_hides_the_aspect_ratio_with_an_image_and_does_not_send_it() -> None:
    assert "aspectRatio" in names_shown(edit("kling-2.5-turbo"))
    assert "aspectRatio" not in names_shown(edit("kling-2.5-turbo", images=[PICTURE]))
    form = least("kling-2.5-turbo", images=[PICTURE], aspectRatio="1:1")
    assert "aspectRatio" not in form.body()


@pytest.mark.parametrize(("images", "maximum"), [([], 2500), ([PICTURE], 500)])
def test_kling_25_takes_a_shorter_negative_prompt_with_an_image(
    images: list[str], maximum: int
) -> None:
    def form(length: int) -> GenerationForm:
        return least("kling-2.5-turbo", images=images, negativePrompt="x" * length)

    assert form(maximum).is_valid()
    assert list(form(maximum + 1).errors) == ["negativePrompt"]
    assert shown(form(1), "negativePrompt").max_length == str(maximum)


@pytest.mark.parametrize(
    ("typed", "value"), [("-3", 0), ("0", 0), ("0.35", 0.35), ("1.0", 1), ("7", 1)]
)
def test_kling_25_clamps_the_prompt_strength_to_0_and_1(typed: str, value: float) -> None:
    assert least("kling-2.5-turbo", cfgScale=typed).body()["cfgScale"] == value


# --- kling-3.0 -----------------------------------------------------------------------------------


def test_kling_3_starts_with_a_single_shot() -> None:
    form = GenerationForm(built_in("kling-3.0"))

    assert not shown(form, "multiShots").checked
    assert "multiPrompt" not in names_shown(form)


def test_kling_3_with_several_shots_ignores_the_prompt_and_sends_the_sum_as_duration() -> None:
    form = least("kling-3.0", **SHOTS, prompt="not sent", duration=15)

    assert {"prompt", "duration"}.isdisjoint(names_shown(form))
    assert form.body() == {
        "model": "kling-3.0",
        "multiShots": True,
        "multiPrompt": [
            {"prompt": "the fox wakes", "duration": 4},
            {"prompt": "the fox runs", "duration": 3},
        ],
        "duration": 7,
    }


def test_kling_3_with_several_shots_needs_a_shot() -> None:
    form = least("kling-3.0", multiShots="true")

    assert form.errors["multiPrompt"] == ["Please add a shot."]
    assert len(shown(form, "multiPrompt").rows) == 1


def test_kling_3_does_not_send_shots_of_a_single_shot() -> None:
    form = least("kling-3.0", **SHOTS | {"multiShots": "false"})

    assert "multiPrompt" not in form.body()


def test_kling_3_takes_at_most_five_shots() -> None:
    def shots(count: int) -> dict[str, str]:
        rows = {f"multiPrompt-{place}-prompt": "run" for place in range(count)}
        return rows | {f"multiPrompt-{place}-duration": "2" for place in range(count)}

    assert least("kling-3.0", multiShots="true", **shots(5)).is_valid()
    assert list(least("kling-3.0", multiShots="true", **shots(6)).errors) == ["multiPrompt"]


@pytest.mark.parametrize(
    ("part", "good", "bad"), [("prompt", "x" * 500, "x" * 501), ("prompt", "x", ""),
                              ("duration", "1", "0"), ("duration", "11", "13")]
)  # fmt: skip
def test_kling_3_checks_each_shot(part: str, good: str, bad: str) -> None:
    name = f"multiPrompt-0-{part}"
    assert least("kling-3.0", **SHOTS | {name: good}).is_valid()
    form = least("kling-3.0", **SHOTS | {name: bad})
    assert list(form.errors) == ["multiPrompt"]
    first = shown(form, "multiPrompt").rows[0]
    assert [one.name for one in first.fields if one.errors] == [name]


@pytest.mark.parametrize(("lengths", "fits"), [((1, 1), False), ((1, 2), True), ((12, 3), True),
                                               ((12, 4), False)])  # fmt: skip
def test_kling_3_shots_last_3_to_15_seconds_together(lengths: tuple[int, int], fits: bool) -> None:
    rows = {f"multiPrompt-{place}-duration": str(one) for place, one in enumerate(lengths)}
    form = least("kling-3.0", **SHOTS | rows)

    assert form.is_valid() is fits
    assert fits or "together" in form.errors["multiPrompt"][0]


def test_kling_3_takes_one_image_with_several_shots() -> None:
    assert least("kling-3.0", **SHOTS, images=[PICTURE]).is_valid()
    form = least("kling-3.0", **SHOTS, images=[PICTURE, SECOND_PICTURE])
    assert form.errors["images"][0].startswith("With several shots, at most 1 image is possible")


def test_kling_3_turns_sound_on_with_several_shots_unless_it_was_chosen() -> None:
    untouched = {"was-generateAudio": "false", "was-multiShots": "false"}
    assert shown(edit("kling-3.0", **SHOTS, **untouched), "generateAudio").checked
    chosen_off = {"was-generateAudio": "true"}
    assert not shown(edit("kling-3.0", **SHOTS, **chosen_off), "generateAudio").checked
    back = {"was-multiShots": "false", "generateAudio": "true", "was-generateAudio": "true"}
    assert not shown(edit("kling-3.0", **back), "generateAudio").checked
    chosen_on = {"was-multiShots": "false", "generateAudio": "true", "was-generateAudio": "false"}
    assert shown(edit("kling-3.0", **chosen_on), "generateAudio").checked


def test_kling_3_elements_have_a_name_a_description_and_two_to_four_images() -> None:
    element = {
        "klingElements-0-name": "fox",
        "klingElements-0-description": "a red fox",
        "klingElements-0-images": PICTURES[:2],
    }
    form = least("kling-3.0", **element)
    assert form.body()["klingElements"] == [
        {"name": "fox", "description": "a red fox", "images": PICTURES[:2]}
    ]
    for name, bad in [
        ("klingElements-0-name", ""),
        ("klingElements-0-description", ""),
        ("klingElements-0-images", PICTURES[:1]),
        ("klingElements-0-images", PICTURES[:5]),
        ("klingElements-0-images", [PICTURE, "http://media.example.com/a.jpg"]),
    ]:
        assert list(least("kling-3.0", **element | {name: bad}).errors) == ["klingElements"]


def test_kling_3_takes_at_most_three_elements() -> None:
    def elements(count: int) -> dict[str, Any]:
        return {
            f"klingElements-{place}-{part}": value
            for place in range(count)
            for part, value in [("name", "fox"), ("description", "red"), ("images", PICTURES[:2])]
        }

    assert least("kling-3.0", **elements(3)).is_valid()
    assert list(least("kling-3.0", **elements(4)).errors) == ["klingElements"]


# --- runway --------------------------------------------------------------------------------------


def test_runway_refuses_ten_seconds_in_1080p_at_the_quality() -> None:
    form = least("runway", duration=10, quality="1080p")

    assert form.errors == {"quality": ["1080p is not possible with 10 s. Choose 720p, or 5 s."]}
    assert least("runway", duration=10, quality="720p").is_valid()
    assert least("runway", duration=5, quality="1080p").is_valid()


def test_runway_disables_1080p_with_ten_seconds_but_never_what_is_chosen() -> None:
    options = shown(edit("runway", duration=10, quality="720p"), "quality").options
    assert [(one.value, one.disabled) for one in options] == [("720p", False), ("1080p", True)]
    assert "10 s" in options[1].reason
    options = shown(edit("runway", duration=10, quality="1080p"), "quality").options
    assert [(one.selected, one.disabled) for one in options] == [(False, False), (True, False)]


def test_runway_needs_an_aspect_ratio_without_an_image() -> None:
    form = least("runway", aspectRatio=None)

    assert form.errors["aspectRatio"] == ["Please choose: aspect ratio."]


def test_runway_hides_the_aspect_ratio_with_an_image_and_does_not_send_it() -> None:
    form = least("runway", images=[PICTURE])

    assert "aspectRatio" not in names_shown(form)
    assert "aspectRatio" not in form.body()


# --- grok-video ----------------------------------------------------------------------------------


def test_grok_needs_no_prompt_with_an_image() -> None:
    form = least("grok-video", prompt="", images=[PICTURE])

    assert "prompt" not in form.body()
    assert not shown(form, "prompt").required


def test_grok_refuses_spicy_with_images_at_the_mode() -> None:
    form = least("grok-video", mode="spicy", images=[PICTURE])

    assert list(form.errors) == ["mode"]
    assert least("grok-video", mode="spicy").is_valid()
    options = {
        one.value: one for one in shown(edit("grok-video", images=[PICTURE]), "mode").options
    }
    assert options["spicy"].disabled


def test_grok_starts_with_2_3_and_normal() -> None:
    form = GenerationForm(built_in("grok-video"))

    assert shown(form, "aspectRatio").value == "2:3"
    assert shown(form, "mode").value == "normal"


@pytest.mark.parametrize("field", ["referenceTaskId", "referenceIndex"])
def test_grok_leaves_earlier_tasks_out_unless_midsync_lists_them(field: str) -> None:
    assert built_in("grok-video").parameter(field) is None


# --- veo -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("video_model", ["veo-3.1-fast", "veo-3.1"])
def test_veo_offers_no_duration_and_translates_unless_told_otherwise(video_model: str) -> None:
    form = GenerationForm(built_in(video_model))

    assert "duration" not in names_shown(form)
    assert shown(form, "enableTranslation").checked


@pytest.mark.parametrize(
    ("mode", "counts"),
    [
        (None, {0, 1, 2}),
        ("", {0, 1, 2}),
        ("TEXT_2_VIDEO", {0}),
        ("FIRST_AND_LAST_FRAMES_2_VIDEO", {1, 2}),
        ("REFERENCE_2_VIDEO", {1, 2, 3}),
    ],
)
def test_veo_fast_takes_as_many_images_as_its_mode_needs(
    mode: str | None, counts: set[int]
) -> None:
    for count in range(5):
        form = least("veo-3.1-fast", mode=mode, images=PICTURES[:count])
        assert form.is_valid() is (count in counts), (count, form.errors)
        if form.is_valid():
            assert form.body().get("mode", "") == (mode or "")


def test_veo_fast_makes_reference_videos_in_16_9_only() -> None:
    reference = {"mode": "REFERENCE_2_VIDEO", "images": [PICTURE]}
    assert least("veo-3.1-fast", **reference, aspectRatio="16:9").is_valid()
    assert list(least("veo-3.1-fast", **reference, aspectRatio="9:16").errors) == ["aspectRatio"]


def test_veo_fast_says_its_modes_in_plain_words() -> None:
    form = edit("veo-3.1-fast", images=[PICTURE])

    assert [(one.label, one.disabled) for one in shown(form, "mode").options] == [
        ("Automatic", False),
        ("Text", True),
        ("First and last frame", False),
        ("Reference images", False),
    ]


def test_veo_has_no_reference_mode() -> None:
    form = least("veo-3.1", mode="REFERENCE_2_VIDEO", images=[PICTURE])

    assert list(form.errors) == ["mode"]


# --- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("video_model", LEAST)
def test_what_a_fresh_form_lacks_is_only_what_the_customer_has_to_give(video_model: str) -> None:
    form = GenerationForm(built_in(video_model))

    needed = ["Prompt", "Images"] if video_model == "kling-2.6-i2v" else ["Prompt"]
    assert form.missing == needed
    assert form.errors == {}


@pytest.mark.parametrize(
    ("video_model", "summary"),
    [
        ("kling-3.0", "Text or 1–2 images · 3–15 s · optional sound"),
        ("kling-2.6-i2v", "1–7 images · 5 or 10 s · optional sound"),
        ("seedance-1.5-pro",
         "Text or 1–2 images · 4, 8 or 12 s · up to 1080p · optional sound"),
        ("veo-3.1-fast", "Text or 1–3 images"),
        ("kling-2.6-t2v", "Text · 5 or 10 s · optional sound"),
    ],
)  # fmt: skip
def test_a_model_says_in_one_line_what_it_is_for(video_model: str, summary: str) -> None:
    assert built_in(video_model).summary == summary


# --- a second opinion: the simulator's rules share no code with these ----------------------------

VALUES: dict[str, list[Any]] = {
    "prompt": ["a red fox", "ab", ""],
    "negativePrompt": ["rain", "x" * 501, "x" * 2501],
    "images": [PICTURES[:count] for count in range(4)],
    "cfgScale": ["0.5", "3", ""],
    "seeds": ["12345", "7", ""],
    "duration": ["3", "4", "5", "6", "8", "10", "12", "15", "16", ""],
    "watermark": ["Alder", ""],
    "multiPrompt-0-prompt": ["wakes", ""],
    "multiPrompt-0-duration": ["1", "3", "12", "13"],
    "multiPrompt-1-prompt": ["runs", "x" * 501],
    "multiPrompt-1-duration": ["2", "9"],
    "klingElements-0-name": ["fox", ""],
    "klingElements-0-description": ["red", ""],
    "klingElements-0-images": [PICTURES[:count] for count in (1, 2, 4, 5)],
}


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A model, and values for some of its fields, good ones and bad ones."""
    video_model = draw(st.sampled_from(sorted(LEAST)))
    fields: dict[str, Any] = dict(LEAST[video_model])
    for parameter in built_in(video_model).parameters:
        if draw(st.booleans()):
            continue
        if parameter.kind == "boolean":
            fields[parameter.name] = draw(st.sampled_from(["true", "false"]))
        elif parameter.kind == "choice":
            fields[parameter.name] = draw(st.sampled_from([one.text for one in parameter.options]))
        else:
            for name in VALUES:
                if name.split("-")[0] == parameter.name:
                    fields[name] = draw(st.sampled_from(VALUES[name]))
    return video_model, fields


@effort(max_examples=400, deadline=None)
@given(orders())
def test_what_the_form_lets_through_the_simulator_accepts(
    ordered: tuple[str, dict[str, Any]],
) -> None:
    video_model, fields = ordered
    form = order(video_model, **fields)

    if form.is_valid():
        check(next(one for one in SIMULATED if one.id == video_model), form.body())
