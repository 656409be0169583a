"""What can be ordered: MidSync's list over the built-in rules, and what happens without it."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.catalog import Parameter, VideoModel, get_catalog, refresh_catalog
from midsync_portal.catalog.listing import built_in_models, listed_models
from midsync_portal.catalog.reserved import CONTROL_FIELDS
from midsync_portal.forms import GenerationForm
from midsync_portal.midsync.models_reader import read_models
from midsync_portal.midsync.reader.body import parse_json
from midsync_portal.models import CatalogCopy
from midsync_portal.simulator.offer import MODELS, UNKNOWN_MODEL, models_answer
from midsync_portal.upstream import get_client
from tests.dialects.offers import AURORA, OFFERS, WITH_AURORA
from tests.ordering import PICTURE, built_in, order, sent, shown
from tests.wire import Wire

PAYLOADS = Path(__file__).parent / "payloads" / "models"
KNOWN = {one.id for one in built_in_models()}


def listed(payload: Any) -> dict[str, VideoModel]:
    return {one.id: one for one in listed_models(read_models(payload))}


def with_params(video_model: str, **parameters: Any) -> VideoModel:
    """The model where MidSync's list says this about its parameters."""
    return listed({"models": [video_model], "modelParams": {video_model: parameters}})[video_model]


def parameter(video_model: VideoModel, name: str) -> Parameter:
    found = video_model.parameter(name)
    assert found is not None
    return found


# --- the copy in the database --------------------------------------------------------------------


@pytest.mark.django_db
def test_without_a_copy_the_built_in_models_are_offered_as_stale() -> None:
    catalog = get_catalog()

    assert catalog.is_stale
    assert catalog.fetched_at is None
    assert {one.id for one in catalog.models} == KNOWN
    assert len(KNOWN) == 9


@pytest.mark.django_db
def test_a_fresh_list_is_kept_and_offered(wire: Wire) -> None:
    wire.answers["models"] = {"models": ["runway", "kling-3.0"]}

    assert refresh_catalog(get_client())
    catalog = get_catalog()
    assert not catalog.is_stale
    assert [one.id for one in catalog.models] == ["kling-3.0", "runway"]
    assert catalog.default.id == "kling-3.0"
    assert catalog.get("grok-video") is None


@pytest.mark.django_db
def test_a_page_never_waits_for_midsync(wire: Wire, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        get_catalog()
    assert wire.asked == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer",
    [
        (500, {"message": "down"}),
        (401, {"message": "who are you"}),
        (200, "<html>maintenance</html>"),
        (200, {"models": []}),
        (200, {"success": False, "error": "later"}),
        (200, {"models": ["a-model-nobody-knows"]}),
        requests.ConnectionError("reset"),
    ],
)
def test_an_unusable_answer_leaves_the_last_good_copy(wire: Wire, answer: Any) -> None:
    wire.answers["models"] = {"models": ["runway"]}
    refresh_catalog(get_client())
    wire.answers["models"] = answer

    assert not refresh_catalog(get_client())
    assert [one.id for one in get_catalog().models] == ["runway"]


@pytest.mark.django_db
def test_a_copy_that_was_not_renewed_is_stale_but_still_used(wire: Wire) -> None:
    wire.answers["models"] = {"models": ["runway"]}
    refresh_catalog(get_client())
    CatalogCopy.objects.update(fetched_at=timezone.now() - timedelta(minutes=30))

    catalog = get_catalog()
    assert catalog.is_stale
    assert [one.id for one in catalog.models] == ["runway"]


@pytest.mark.django_db
@pytest.mark.parametrize("raw", ["", "not json", "[]", '{"models": 5}'])
def test_a_copy_that_cannot_be_read_counts_as_none(raw: str) -> None:
    CatalogCopy.objects.create(pk=1, raw=raw, fetched_at=timezone.now())

    assert get_catalog().is_stale
    assert {one.id for one in get_catalog().models} == KNOWN


@pytest.mark.django_db
def test_fractions_survive_being_kept(wire: Wire) -> None:
    strength = {"type": "number", "min": 0.25, "max": 0.75, "default": 0.5}
    wire.answers["models"] = {"models": ["nova"], "modelParams": {"nova": {"strength": strength}}}

    assert refresh_catalog(get_client())
    kept = parameter(get_catalog().models[0], "strength")
    assert (kept.minimum, kept.default, kept.maximum) == (
        Decimal("0.25"), Decimal("0.5"), Decimal("0.75"),
    )  # fmt: skip


# --- a model we know -----------------------------------------------------------------------------


def test_a_known_model_that_is_only_named_has_all_its_built_in_rules() -> None:
    assert listed({"models": ["runway"]}) == {"runway": built_in("runway")}


def test_a_known_model_that_midsync_does_not_list_is_not_offered() -> None:
    assert list(listed({"models": ["runway"]})) == ["runway"]


def test_a_known_model_may_be_named_beside_another_id() -> None:
    assert list(listed({"models": [{"id": "5f1c", "model": "runway"}]})) == ["runway"]


def test_fields_that_the_list_leaves_out_come_from_the_built_in_rules() -> None:
    video_model = with_params("runway", duration={"options": [5]})

    assert [one.name for one in video_model.parameters] == [
        one.name for one in built_in("runway").parameters
    ]
    assert [one.value for one in parameter(video_model, "duration").options] == [5]


def test_listed_options_replace_ours_and_conditions_stay() -> None:
    video_model = with_params("runway", quality={"options": ["1080p", "4k"]})
    quality = parameter(video_model, "quality")

    assert [one.text for one in quality.options] == ["1080p", "4k"]
    assert quality.default == "1080p"
    fields = {"prompt": "fox", "aspectRatio": "16:9", "duration": 10}
    assert order(video_model, **fields, quality="4k").is_valid()
    assert "quality" in order(video_model, **fields, quality="1080p").errors


def test_listed_limits_replace_ours_and_tighter_conditions_stay() -> None:
    video_model = with_params(
        "kling-2.5-turbo", prompt={"maxLength": 100}, negativePrompt={"maxLength": 800}
    )
    fields = {"prompt": "fox", "duration": 5, "aspectRatio": "16:9"}

    assert "prompt" in order(video_model, **fields | {"prompt": "x" * 101}).errors
    assert order(video_model, **fields, negativePrompt="x" * 800).is_valid()
    assert "negativePrompt" in order(video_model, **fields, negativePrompt="x" * 801).errors
    with_image = fields | {"images": [PICTURE]}
    assert "negativePrompt" in order(video_model, **with_image, negativePrompt="x" * 501).errors


def test_a_listed_default_is_where_the_form_starts() -> None:
    video_model = with_params("grok-video", mode={"default": "fun"}, duration={"default": "12"})
    form = GenerationForm(video_model)

    assert shown(form, "mode").value == "fun"
    assert shown(form, "duration").value == "12"


def test_listed_required_replaces_ours_but_not_a_condition() -> None:
    video_model = with_params(
        "runway", watermark={"required": True}, quality={"required": False},
        aspectRatio={"required": False},
    )  # fmt: skip
    form = order(video_model, prompt="fox", duration=5)

    assert list(form.errors) == ["aspectRatio", "watermark"]


def test_options_as_texts_of_a_known_number_are_sent_as_numbers() -> None:
    video_model = with_params("kling-2.5-turbo", duration={"options": ["5", "10", "15s"]})
    form = order(video_model, prompt="fox", duration="15")

    assert form.body()["duration"] == 15


def test_a_listed_range_replaces_our_options_and_the_other_way_round() -> None:
    ranged = with_params("runway", duration={"type": "integer", "min": 4, "max": 9})
    assert shown(GenerationForm(ranged), "duration").kind == "integer"
    chosen = with_params("kling-3.0", duration={"type": "number", "enum": [5, 10]})
    assert shown(GenerationForm(chosen), "duration").kind == "choice"
    assert order(chosen, prompt="fox", duration="10").body()["duration"] == 10


def test_a_field_that_the_list_adds_is_offered() -> None:
    video_model = with_params("runway", cameraMove={"enum": ["pan", "tilt"], "required": True})

    assert shown(GenerationForm(video_model), "cameraMove").label == "Camera move"


def test_a_field_that_the_list_calls_unsupported_is_left_out() -> None:
    video_model = with_params("seedance-1.5-pro", fixedLens={"supported": False})

    assert video_model.parameter("fixedLens") is None


def test_underscores_do_not_make_another_field() -> None:
    video_model = with_params("runway", aspect_ratio={"enum": ["16:9"]})

    assert [one.text for one in parameter(video_model, "aspectRatio").options] == ["16:9"]
    assert video_model.parameter("aspect_ratio") is None


def test_parameters_described_once_add_nothing_to_a_known_model() -> None:
    models = listed(json.loads((PAYLOADS / "described-once.json").read_text()))

    assert [one.value for one in parameter(models["runway"], "duration").options] == [5, 10]
    assert models["runway"].parameter("cameraControl") is None
    assert models["nova-1"].parameter("cameraControl") is not None


def test_grok_takes_an_earlier_task_where_midsync_lists_it() -> None:
    video_model = with_params(
        "grok-video", referenceTaskId={"type": "string"}, referenceIndex={"type": "integer"}
    )
    fields = {"duration": 6, "resolution": "480p"}

    form = order(video_model, **fields, referenceTaskId="t-1", referenceIndex="5")
    assert form.body()["referenceTaskId"] == "t-1"
    assert form.body()["referenceIndex"] == 5
    assert "referenceIndex" not in order(video_model, **fields, prompt="a", referenceIndex=1).body()
    with_images = order(video_model, **fields, referenceTaskId="t-1", images=[PICTURE]).body()
    assert "referenceTaskId" not in with_images
    assert list(order(video_model, **fields, referenceTaskId="t", referenceIndex=6).errors) == [
        "referenceIndex"
    ]


def test_a_mode_that_midsync_requires_is_sent_where_the_images_leave_only_one() -> None:
    video_model = with_params("veo-3.1-fast", mode={"required": True})

    assert order(video_model, prompt="fox").body()["mode"] == "TEXT_2_VIDEO"
    assert list(order(video_model, prompt="fox", images=[PICTURE]).errors) == ["mode"]


def test_what_the_simulator_lists_can_be_ordered() -> None:
    models = listed(models_answer([*MODELS, UNKNOWN_MODEL]))

    assert set(models) == KNOWN | {"aurora-1"}
    for video_model in models.values():
        assert GenerationForm(video_model).errors == {}
        assert video_model.summary


# --- a model that nobody has heard of ------------------------------------------------------------


@pytest.mark.parametrize("name", OFFERS)
def test_each_shape_of_the_list_offers_the_models_it_names(name: str) -> None:
    models = listed(parse_json(json.dumps(OFFERS[name]())))

    names = ["veo-3.1-fast", "kling-2.5-turbo"]
    assert list(models) == names + ([AURORA] if name in WITH_AURORA else [])


@pytest.mark.parametrize("name", WITH_AURORA)
def test_an_unknown_model_is_drawn_from_its_metadata_alone(name: str) -> None:
    video_model = listed(parse_json(json.dumps(OFFERS[name]())))[AURORA]
    form = GenerationForm(video_model)

    assert video_model.label == "Aurora 2"
    assert [(one.name, one.kind) for one in form.fields_shown] == [
        ("prompt", "textarea"),
        ("duration", "choice"),
        ("look", "choice"),
        ("strength", "number"),
        ("loop", "boolean"),
    ]
    assert shown(form, "prompt").label == "Scene"
    assert form.missing == ["Scene"]
    body = order(video_model, prompt="fox", duration=9, look="film", strength="0.25", loop="on")
    assert body.body() == {
        "model": AURORA, "prompt": "fox", "duration": 9, "look": "film", "strength": 0.25,
        "loop": True,
    }  # fmt: skip


@pytest.mark.parametrize("about", [None, {}, {"pose": {"type": "object"}}, []])
def test_an_unknown_model_without_readable_metadata_is_not_offered(about: Any) -> None:
    assert listed({"models": ["runway", "nova"], "modelParams": {"nova": about}}).keys() == {
        "runway"
    }


def test_options_of_an_unknown_model_are_sent_exactly_as_listed() -> None:
    video_model = listed(
        parse_json(
            json.dumps(
                {
                    "models": ["nova"],
                    "modelParams": {
                        "nova": {"duration": {"options": ["5", "10"]}, "size": {"enum": [1, 2.5]}}
                    },
                }
            )
        )
    )["nova"]

    body = order(video_model, duration="10", size="2.5").body()
    assert body == {"model": "nova", "duration": "10", "size": 2.5}


def test_a_standard_name_tells_the_kind_where_the_list_only_names_it() -> None:
    video_model = with_params("nova", prompt=True, images={}, duration={"type": "number"},
                              generateAudio=True, multiPrompt={"type": "array"})  # fmt: skip

    assert {one.name: one.kind for one in video_model.parameters} == {
        "prompt": "textarea", "multiPrompt": "shots", "images": "urls", "duration": "integer",
        "generateAudio": "boolean",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(CONTROL_FIELDS | {"kept-prompt", "was-loop", "projectId"}))
def test_a_parameter_cannot_take_the_name_of_what_the_page_sends(name: str) -> None:
    video_model = with_params("nova", prompt={"type": "string"}, **{name: {"type": "string"}})

    assert [one.name for one in video_model.parameters] == ["prompt"]


def test_several_options_of_an_unknown_model_may_be_chosen() -> None:
    video_model = with_params(
        "nova", styles={"type": "array", "items": {"enum": ["a", "b", "c"]}, "maxItems": 2}
    )
    assert shown(GenerationForm(video_model), "styles").choice_style == "checkboxes"
    assert order(video_model, styles=["c", "a"]).body()["styles"] == ["a", "c"]
    assert list(order(video_model, styles=["a", "b", "c"]).errors) == ["styles"]
    assert list(order(video_model, styles=["z"]).errors) == ["styles"]


# --- generated: whatever MidSync may list next ---------------------------------------------------

names = st.from_regex(r"[a-z][a-zA-Z]{2,12}", fullmatch=True).filter(
    lambda name: (
        name not in CONTROL_FIELDS
        and name not in ("prompt", "images", "duration", "seeds", "multiPrompt", "klingElements")
    )
)
words = st.from_regex(r"[a-z0-9][a-z0-9:_.]{0,8}[a-z0-9]", fullmatch=True)


@st.composite
def described(draw: st.DrawFn) -> tuple[dict[str, Any], str, Any, list[str]]:
    """A parameter as listed, a text to type, the value it is sent as, and texts to refuse."""
    kind = draw(st.sampled_from(["choice", "numbers", "integer", "number", "boolean", "text"]))
    required = {"required": draw(st.booleans())}
    if kind == "choice":
        options = draw(st.lists(words, min_size=1, max_size=6, unique=True))
        chosen = draw(st.sampled_from(options))
        return {"type": "string", "enum": options, **required}, chosen, chosen, ["not in the list"]
    if kind == "numbers":
        numbers = draw(st.lists(st.integers(1, 60), min_size=1, max_size=6, unique=True))
        number = draw(st.sampled_from(numbers))
        return {"options": numbers, **required}, str(number), number, ["61", "x"]
    if kind == "integer":
        least = draw(st.integers(-50, 50))
        most = least + draw(st.integers(1, 100))
        value = draw(st.integers(least, most))
        about = {"type": "integer", "min": least, "max": most}
        return about | required, str(value), value, [str(least - 1), str(most + 1), "x"]
    if kind == "number":
        value = draw(st.sampled_from([0, 0.25, 0.5, 1]))
        about = {"type": "number", "minimum": 0, "maximum": 1}
        return about | required, str(value), value, ["-0.1", "1.01", "NaN", "1e9"]
    if kind == "boolean":
        flag = draw(st.booleans())
        return {"type": "boolean"}, "true" if flag else "false", flag, ["perhaps"]
    most = draw(st.integers(5, 200))
    text = draw(st.text("abc xyz", min_size=1, max_size=most).map(str.strip).filter(bool))
    text = " ".join(text.split())
    return {"type": "string", "maxLength": most} | required, text, text, ["x" * (most + 1)]


@given(st.dictionaries(names, described(), min_size=1, max_size=5))
def test_any_model_that_is_described_is_drawn_checked_and_sent_as_described(
    fields: dict[str, tuple[dict[str, Any], str, Any, list[str]]],
) -> None:
    payload = {
        "models": ["nova"],
        "modelParams": {"nova": {name: about for name, (about, *_) in fields.items()}},
    }
    video_model = listed(parse_json(json.dumps(payload)))["nova"]
    typed = {name: text for name, (_, text, *_) in fields.items()}

    drawn = {one.name: one for one in GenerationForm(video_model).fields_shown}
    assert drawn.keys() == fields.keys()
    expected = {name: value for name, (_, _, value, _) in fields.items()}
    assert order(video_model, **typed).body() == {"model": "nova"} | expected
    for name, (about, _, _, refused) in fields.items():
        for text in refused:
            assert list(order(video_model, **typed | {name: text}).errors) == [name]
        left_out = {key: text for key, text in typed.items() if key != name}
        form = order(video_model, **left_out)
        assert (name in form.errors) is bool(about.get("required"))
        shown_options = [one.value for one in drawn[name].options if one.value]
        assert shown_options == [str(one) for one in about.get("enum", about.get("options", []))]
    assert GenerationForm(video_model, sent(typed), editing=True).is_valid()
