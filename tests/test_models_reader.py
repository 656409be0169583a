"""What is understood of GET /unified-video/models, shape by shape (tests/payloads/models)."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midsync_portal.catalog.listing import listed_models
from midsync_portal.midsync.models_reader import OfferedModel, read_models
from midsync_portal.midsync.parameters_reader import OfferedParameter, Option, read_parameter
from midsync_portal.midsync.reader.body import parse_json

PAYLOADS = Path(__file__).parent / "payloads" / "models"

# Each of these says the same about nova-1, in its own way.
SAME_MODEL_SAID_DIFFERENTLY = [
    "objects-by-id", "objects-by-model", "objects-by-name", "objects-by-key", "objects-by-value",
    "keyed-by-id", "keyed-by-id-with-parameters", "wrapped-in-data", "wrapped-list-in-data",
    "parameters-listed-by-name", "parameters-listed-by-key", "parameters-listed-by-field",
    "numbers-as-strings", "options-as-objects", "json-schema", "json-schema-nullable",
    "required-as-names",
    *(f"parameters-in-model-{name}"
      for name in ("params", "parameters", "modelParams", "fields", "inputs", "schema")),
]  # fmt: skip


def read(name: str) -> dict[str, OfferedModel]:
    payload = parse_json((PAYLOADS / f"{name}.json").read_text())
    return {one.id: one for one in read_models(payload)}


def parameters_of(model: OfferedModel) -> dict[str, OfferedParameter]:
    return {one.name: one for one in model.parameters}


@pytest.mark.parametrize("name", SAME_MODEL_SAID_DIFFERENTLY)
def test_one_model_said_in_many_ways_is_read_the_same(name: str) -> None:
    models = read(name)

    assert list(models) == ["runway", "nova-1"]
    assert models["runway"].parameters == ()
    found = parameters_of(models["nova-1"])
    assert list(found) == ["prompt", "duration", "look", "loop"]
    prompt, duration, look, loop = found.values()
    assert (prompt.kind, prompt.minimum, prompt.maximum) == ("text", 2, 600)
    assert (duration.kind, duration.minimum, duration.maximum) == ("integer", 2, 8)
    assert str(duration.default) == "4"
    assert (look.kind, [one.value for one in look.options]) == ("choice", ["film", "anime"])
    assert look.default == "film"
    assert (loop.kind, loop.default) == ("boolean", True)
    assert prompt.required
    assert duration.required
    assert not look.required
    assert not loop.required


@pytest.mark.parametrize("name", ["strings", "top-level-list"])
def test_models_may_be_bare_names(name: str) -> None:
    assert list(read(name)) == ["runway", "kling-3.0"]


def test_options_keep_their_labels() -> None:
    look = parameters_of(read("options-as-objects")["nova-1"])["look"]

    assert look.options == (Option("film", "Film"), Option("anime", "Anime"))


def test_a_label_of_the_model_is_kept_where_it_differs_from_the_id() -> None:
    assert read("keyed-by-id")["nova-1"].label == "Nova-1"
    assert read("objects-by-name")["nova-1"].label == ""


def test_ids_may_be_told_by_parameters_alone() -> None:
    assert list(read("parameters-without-models")) == ["nova-1", "runway"]


def test_models_may_be_grouped_by_maker() -> None:
    assert list(read("grouped-by-maker")) == ["kling-3.0", "kling-2.5-turbo", "runway"]


def test_a_model_that_is_switched_off_is_left_out() -> None:
    assert list(read("switched-off")) == ["veo-3.1"]


def test_a_number_as_id_gives_way_to_a_name() -> None:
    assert list(read("numbered-ids-beside-names")) == ["runway", "kling-3.0"]


def test_lists_of_values_may_stand_in_the_model_itself() -> None:
    found = parameters_of(read("lists-in-model")["nova-1"])

    assert [one.value for one in found["duration"].options] == [4, 8]
    assert [one.value for one in found["aspectRatio"].options] == ["16:9", "9:16"]
    assert [one.value for one in found["resolution"].options] == ["720p"]
    assert found["prompt"].kind == ""


def test_parameters_described_once_are_kept_apart_from_those_of_a_model() -> None:
    models = read("described-once")

    assert models["runway"].parameters == ()
    assert [one.name for one in models["runway"].shared] == [
        "prompt", "duration", "look", "loop", "cameraControl",
    ]  # fmt: skip


def test_odd_entries_are_skipped_and_the_rest_is_read() -> None:
    models = read("odd-entries")

    assert list(models) == ["runway", "nova-1"]
    found = parameters_of(models["nova-1"])
    assert list(found) == ["pose", "look", "n", "prompt"]
    assert found["pose"].kind == "objects"
    assert [one.value for one in found["look"].options] == ["film"]
    assert (found["n"].minimum, found["n"].maximum) == (None, None)
    assert found["prompt"].required is True


@pytest.mark.parametrize("name", ["empty", "error"])
def test_an_answer_without_models_reads_as_none(name: str) -> None:
    assert read(name) == {}


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "textarea"}, "textarea"),
        ({"type": "String", "maxLength": 80}, "text"),
        ({"type": "string", "format": "uri"}, "url"),
        ({"type": "int"}, "integer"),
        ({"type": "number"}, "number"),
        ({"type": "number", "step": 1}, "integer"),
        ({"type": "slider", "min": 0, "max": 1, "step": 0.1}, "number"),
        ({"type": "bool"}, "boolean"),
        ({"default": False}, "boolean"),
        ({"options": [True, False]}, "boolean"),
        ({"type": "select", "options": ["a"]}, "choice"),
        ({"values": [1, 2]}, "choice"),
        ({"type": "string[]"}, "texts"),
        ({"type": "array", "items": {"type": "string", "format": "uri"}}, "urls"),
        ({"type": "array", "itemType": "url"}, "urls"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "choices"),
        ({"type": "array", "items": {"type": "object"}}, "objects"),
        ({"type": "object"}, "objects"),
        ({"min": 1, "max": 9}, "number"),
        ({"type": "colour"}, ""),
        (["a", "b"], "choice"),
        ("boolean", "boolean"),
        (True, ""),
    ],
)
def test_a_type_is_read_from_its_word_or_from_what_else_is_said(about: Any, kind: str) -> None:
    parameter = read_parameter("thing", about)

    assert parameter is not None
    assert parameter.kind == kind


@pytest.mark.parametrize("about", [None, False, "nonsense", [], {"type": "select"},
                                   {"type": "array", "items": {"type": "integer"}}])  # fmt: skip
def test_a_parameter_that_says_nothing_is_skipped(about: Any) -> None:
    assert read_parameter("thing", about) is None


@pytest.mark.parametrize(
    "words",
    ["options", "enum", "values", "allowed", "choices", "allowedValues"],
)
def test_options_may_have_many_names(words: str) -> None:
    listed = ["5", 10, Decimal("0.5"), {"value": "x", "label": "X"}]
    parameter = read_parameter("thing", {words: listed})

    assert parameter is not None
    assert [one.value for one in parameter.options] == ["5", 10, Decimal("0.5"), "x"]


@pytest.mark.parametrize(
    "limits",
    [
        {"min": 3, "max": 15}, {"minimum": 3, "maximum": 15}, {"range": [3, 15]},
        {"range": {"min": "3", "max": "15"}}, {"limits": {"minimum": 3, "maximum": 15}},
        {"validation": {"min": 3, "max": 15}},
    ],
)  # fmt: skip
def test_limits_of_a_number_may_have_many_names(limits: dict[str, Any]) -> None:
    parameter = read_parameter("thing", {"type": "integer", **limits})

    assert parameter is not None
    assert (parameter.minimum, parameter.maximum) == (3, 15)


@pytest.mark.parametrize("limits", [{"maxItems": 3}, {"max": 3}, {"maxCount": 3}])
def test_limits_of_a_list_count_its_entries(limits: dict[str, Any]) -> None:
    parameter = read_parameter("images", {"type": "array", **limits})

    assert parameter is not None
    assert (parameter.kind, parameter.maximum) == ("urls", 3)


def test_labels_from_outside_are_plain_text() -> None:
    parameter = read_parameter(
        "thing", {"type": "string", "label": "<b>Look</b>\u202e\0", "description": "a" * 5000}
    )

    assert parameter is not None
    assert parameter.label == "Look"
    assert len(parameter.help) == 300


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["models", "modelParams", "data", "id", "name", "key", "params", "prompt", "images",
             "type", "options", "enum", "min", "max", "default", "required", "items", "anyOf",
             "kling-3.0", "runway", "nova", "duration", "step", "schema", "properties", "mode"]
        )
        | st.text(max_size=4),
        inner,
        max_size=6,
    ),
    max_leaves=40,
)  # fmt: skip


@given(anything)
def test_nothing_in_the_answer_raises(payload: Any) -> None:
    listed_models(read_models(payload))


@given(st.dictionaries(st.sampled_from(["runway", "kling-3.0", "nova"]), anything, max_size=3))
def test_nothing_said_about_a_model_raises(params: dict[str, Any]) -> None:
    listed_models(read_models({"models": ["runway", "kling-3.0", "nova"], "modelParams": params}))
