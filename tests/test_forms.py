"""The form: what was typed is kept, checked in plain words, and sent as one canonical body."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midsync_portal.canonical import body_hash, canonical_json
from midsync_portal.catalog.listing import built_in_models
from midsync_portal.catalog.reserved import CONTROL_FIELDS
from midsync_portal.forms import GenerationForm
from tests.ordering import (
    PICTURE,
    SECOND_PICTURE,
    built_in,
    edit,
    names_shown,
    order,
    sent,
    shown,
    what_a_browser_sends,
)

TURBO = {"prompt": "a red fox", "duration": "5", "aspectRatio": "16:9"}


# --- one body ------------------------------------------------------------------------------------


def test_a_body_has_one_spelling() -> None:
    assert canonical_json({"b": [1, 0.5], "a": "ü"}) == '{"a":"ü","b":[1,0.5]}'
    assert body_hash({"a": 1, "b": 2}) == body_hash({"b": 2, "a": 1})
    assert body_hash({"a": 1}) != body_hash({"a": 2})


def test_a_body_without_json_is_no_body() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})


def test_numbers_are_json_numbers_booleans_explicit_and_absent_fields_left_out() -> None:
    form = order(
        "seedance-1.5-pro",
        prompt="fox",
        duration="8",
        resolution="720p",
        generateAudio="true",
        **{"was-generateAudio": "false", "was-fixedLens": "false"},
    )
    assert canonical_json(form.body()) == (
        '{"duration":8,"fixedLens":false,"generateAudio":true,"model":"seedance-1.5-pro",'
        '"prompt":"fox","resolution":"720p"}'
    )


def test_a_form_that_is_not_valid_has_no_body() -> None:
    with pytest.raises(ValueError, match="not valid"):
        order("runway").body()


@pytest.mark.parametrize("video_model", [one.id for one in built_in_models()])
def test_the_body_quoted_is_the_body_ordered(video_model: str) -> None:
    known = built_in(video_model)
    fresh = GenerationForm(known, initial={"prompt": "a red fox", "images": [PICTURE]})
    data = what_a_browser_sends(fresh)

    quoted = GenerationForm(known, data, editing=True)
    ordered = GenerationForm(known, data)
    assert ordered.is_valid(), (ordered.errors, ordered.form_errors)
    assert body_hash(quoted.body()) == body_hash(ordered.body())


@pytest.mark.parametrize("video_model", [one.id for one in built_in_models()])
def test_the_settings_of_a_task_make_the_same_body_again(video_model: str) -> None:
    known = built_in(video_model)
    first = GenerationForm(known, initial={"prompt": "a red fox", "images": [PICTURE]}).body()

    again = GenerationForm(known, initial=json.loads(canonical_json(first)))
    assert again.body() == first
    assert GenerationForm(known, what_a_browser_sends(again)).body() == first


def test_shots_and_elements_can_be_used_again() -> None:
    body = {
        "model": "kling-3.0", "multiShots": True, "duration": 7, "aspectRatio": "1:1",
        "mode": "pro", "generateAudio": False,
        "multiPrompt": [{"prompt": "wakes", "duration": 4}, {"prompt": "runs", "duration": 3}],
        "klingElements": [
            {"name": "fox", "description": "red", "images": [PICTURE, SECOND_PICTURE]}
        ],
    }  # fmt: skip
    form = GenerationForm(built_in("kling-3.0"), initial=body)

    assert form.body() == body
    assert GenerationForm(built_in("kling-3.0"), what_a_browser_sends(form)).body() == body


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("aspectRatio", "5:4"),
        ("duration", "7"),
        ("duration", ""),
        ("prompt", ""),
        ("prompt", "x" * 5001),
        ("images", [PICTURE, SECOND_PICTURE]),
        ("images", ["http://media.example.com/a.jpg"]),
        ("images", ["https://user:secret@media.example.com/a.jpg"]),
        ("images", ["https://127.0.0.1/a.jpg"]),
        ("images", ["javascript:alert(1)"]),
        ("images", ["https://media.example.com/" + "a" * 2048]),
        ("negativePrompt", "x" * 2501),
        ("cfgScale", "much"),
    ],
)
def test_what_does_not_fit_is_a_sentence_at_the_field_and_all_is_kept(
    field: str, value: Any
) -> None:
    form = order("kling-2.5-turbo", **TURBO | {field: value})

    assert not form.is_valid()
    assert list(form.errors) == [field]
    assert all(sentence[0].isupper() and sentence[-1] == "." for sentence in form.errors[field])
    assert shown(form, field).has_errors
    assert form.typed[field] == value
    assert shown(form, "prompt").value == (TURBO | {field: value})["prompt"]


@pytest.mark.parametrize("field", ["prompt", "duration"])
def test_a_field_that_was_not_sent_is_missing_and_no_default_is_ordered(field: str) -> None:
    form = order("kling-2.5-turbo", **{k: v for k, v in TURBO.items() if k != field})

    assert list(form.errors) == [field]


def test_a_link_that_is_wrong_is_marked_at_its_input() -> None:
    form = order("grok-video", images=[PICTURE, "", "ftp://media.example.com/a"])

    assert [bool(one.errors) for one in shown(form, "images").inputs] == [False, False, True]
    assert shown(form, "images").errors == ()


def test_links_of_the_simulator_are_trusted_where_the_setting_says_so(settings: Any) -> None:
    link = "http://127.0.0.1:8900/pictures/fox.png"
    settings.RESULT_ORIGINS_TRUSTED = ["http://127.0.0.1:8900"]
    assert order("kling-2.5-turbo", **TURBO, images=[link]).is_valid()
    settings.RESULT_ORIGINS_TRUSTED = []
    assert not order("kling-2.5-turbo", **TURBO, images=[link]).is_valid()


@pytest.mark.parametrize(
    "name", ["foo", "callbackUrl", "projectId", "resolution", "multiPrompt-0-prompt", "images-0"]
)
def test_an_extra_field_is_refused_with_its_name(name: str) -> None:
    form = order("kling-2.5-turbo", **TURBO, **{name: "x"})

    assert not form.is_valid()
    assert name in form.form_errors[0]
    assert name not in form.typed


@pytest.mark.parametrize("name", sorted(CONTROL_FIELDS - {"model", "fields-of", "add", "remove"}))
def test_what_the_page_itself_sends_is_no_extra_field(name: str) -> None:
    assert order("kling-2.5-turbo", **TURBO, **{name: "x"}).is_valid()


def test_nothing_else_is_said_about_what_cannot_be_read() -> None:
    form = order("kling-2.5-turbo", **TURBO | {"duration": "soon"})

    assert form.errors == {"duration": ["This is not offered here. Choose one of: 5 s, 10 s."]}


def test_a_sentence_of_midsync_stands_at_its_field_or_on_top() -> None:
    form = order("kling-2.5-turbo", **TURBO)
    form.add_error("body.images[0]", "The picture is too small.")
    form.add_error("model", "Not today.")
    form.add_error("unheard", "Something else.")
    form.add_error(None, "Try later.")

    assert not form.is_valid()
    assert form.errors == {"images": ["The picture is too small."], "model": ["Not today."]}
    assert shown(form, "images").errors == ("The picture is too small.",)
    assert form.form_errors == ["Something else.", "Try later."]


def test_a_fault_in_an_advanced_field_can_be_seen_from_outside() -> None:
    form = order("kling-2.5-turbo", **TURBO, cfgScale="much")

    assert shown(form, "cfgScale").advanced
    assert shown(form, "cfgScale").has_errors


# --- texts and numbers as people type them -------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("  a fox\r\nruns  ", "a fox\nruns"),
        ("a\0 fox\x07", "a fox"),
        ("fox \ud83d", "fox"),
        ("füchse 🦊 狐", "füchse 🦊 狐"),
        ("<b>fox</b> & co", "<b>fox</b> & co"),
        ("tab\tfox", "tab\tfox"),
    ],
)
def test_a_prompt_is_sent_as_typed_but_for_what_cannot_be_stored(typed: str, value: str) -> None:
    body = order("kling-2.5-turbo", **TURBO | {"prompt": typed}).body()

    assert body["prompt"] == value
    canonical_json(body).encode()


@pytest.mark.parametrize(
    "typed", ["NaN", "1e9", "inf", "9" * 400, "٣", "0x1F", "1,5", "--5", "5 5"]
)
def test_odd_numbers_are_refused_in_words(typed: str) -> None:
    assert list(order("veo-3.1", prompt="fox", seeds=typed).errors) == ["seeds"]
    assert list(order("kling-2.5-turbo", **TURBO, cfgScale=typed).errors) == ["cfgScale"]


@pytest.mark.parametrize(
    ("typed", "value"), [("true", True), ("on", True), ("1", True), ("false", False),
                         ("off", False), ("0", False), ("TRUE", True)]
)  # fmt: skip
def test_a_box_may_say_yes_in_many_words(typed: str, value: bool) -> None:
    form = order("kling-2.6-t2v", prompt="fox", duration="5", generateAudio=typed)

    assert form.body()["generateAudio"] is value
    assert shown(form, "generateAudio").checked is value


def test_a_box_that_was_shown_and_not_ticked_says_no() -> None:
    fields = {"prompt": "fox", "was-enableTranslation": "true"}
    assert order("veo-3.1", **fields).body()["enableTranslation"] is False
    assert not shown(edit("veo-3.1", **fields), "enableTranslation").checked
    assert shown(edit("veo-3.1", prompt="fox"), "enableTranslation").checked


# --- asking for the fields again -----------------------------------------------------------------


def test_while_editing_what_is_missing_is_no_error_yet() -> None:
    form = edit("runway", prompt="", duration="10", quality="1080p")

    assert not form.is_valid()
    assert form.missing == ["Prompt"]
    assert list(form.errors) == ["quality"]


def test_while_editing_fields_that_were_not_sent_take_their_defaults() -> None:
    form = edit("grok-video", prompt="fox")

    assert form.is_valid()
    assert form.body()["duration"] == 6


def test_a_field_that_a_rule_hides_keeps_what_was_typed_until_it_is_shown_again() -> None:
    known = built_in("runway")
    fields = {"prompt": "fox", "duration": "5", "quality": "720p", "aspectRatio": "4:3"}
    with_image = edit("runway", **fields, images=[PICTURE])
    assert "aspectRatio" not in names_shown(with_image)

    data = what_a_browser_sends(with_image)
    data.setlist("images", [""])
    without_image = GenerationForm(known, data, editing=True)
    assert shown(without_image, "aspectRatio").value == "4:3"
    assert not any(name.startswith("kept-") for name, _ in without_image.hidden_inputs)


def test_another_model_keeps_what_fits_it_and_carries_the_rest() -> None:
    first = edit("seedance-1.5-pro", prompt="fox", aspectRatio="9:16", duration="12",
                 resolution="1080p", fixedLens="true", generateAudio="true")  # fmt: skip
    data = what_a_browser_sends(first)
    data["model"] = "kling-2.5-turbo"
    second = GenerationForm(built_in("kling-2.5-turbo"), data, editing=True)

    assert second.is_valid(), (second.errors, second.form_errors)
    assert shown(second, "prompt").value == "fox"
    assert shown(second, "aspectRatio").value == "9:16"
    assert shown(second, "duration").value == "5"  # 12 s are not possible here

    data = what_a_browser_sends(second)
    data["model"] = "seedance-1.5-pro"
    third = GenerationForm(built_in("seedance-1.5-pro"), data, editing=True)
    assert shown(third, "resolution").value == "1080p"
    assert shown(third, "fixedLens").checked
    assert shown(third, "generateAudio").checked


def test_a_blank_of_another_model_gives_way_to_the_default() -> None:
    data = what_a_browser_sends(edit("veo-3.1", prompt="fox"))
    data["model"] = "grok-video"
    form = GenerationForm(built_in("grok-video"), data, editing=True)

    assert shown(form, "mode").value == "normal"


def test_what_is_carried_unseen_has_a_limit() -> None:
    fields = {f"kept-thing{number}": "x" * 1000 for number in range(120)}
    form = edit("runway", prompt="fox", **fields)

    assert sum(len(text) for _, text in form.hidden_inputs) < 50_000


def test_shots_survive_a_look_at_another_model() -> None:
    shots = {"multiShots": "true", "multiPrompt-0-prompt": "wakes", "multiPrompt-0-duration": "4"}
    data = what_a_browser_sends(edit("kling-3.0", **shots))
    for video_model in ("runway", "kling-3.0"):
        data["model"] = video_model
        form = GenerationForm(built_in(video_model), data, editing=True)
        data = what_a_browser_sends(form)

    assert form.body()["multiPrompt"] == [{"prompt": "wakes", "duration": 4}]


def test_a_model_chosen_without_seeing_its_settings_is_not_ordered() -> None:
    data = what_a_browser_sends(edit("kling-2.5-turbo", **TURBO))
    data["model"] = "kling-2.6-t2v"
    form = GenerationForm(built_in("kling-2.6-t2v"), data)

    assert not form.is_valid()
    assert "Kling 2.6 Text to Video" in form.form_errors[0]
    assert GenerationForm(built_in("kling-2.6-t2v"), what_a_browser_sends(form)).is_valid()


@pytest.mark.parametrize(
    ("add", "count"), [("images", 2), ("multiPrompt", 1), ("nothing", 1), ("prompt", 1)]
)
def test_an_input_more_is_added_without_a_script(add: str, count: int) -> None:
    form = edit("kling-3.0", prompt="fox", images=[""], add=add)

    assert len(shown(form, "images").inputs) == count
    assert shown(form, "images").add == ("" if count == 2 else "images")


def test_rows_and_links_are_added_and_removed_by_buttons() -> None:
    known = built_in("kling-3.0")
    form = edit("kling-3.0", multiShots="true")
    assert len(shown(form, "multiPrompt").rows) == 1

    def press(name: str, value: str) -> GenerationForm:
        data = what_a_browser_sends(form)
        data[name] = value
        return GenerationForm(known, data, editing=True)

    form = press("add", shown(form, "multiPrompt").add)
    assert len(shown(form, "multiPrompt").rows) == 2
    form = press("add", shown(form, "klingElements").add)
    pictures = shown(form, "klingElements").rows[0].fields[2]
    assert len(pictures.inputs) == 2
    form = press("add", pictures.add)
    assert len(shown(form, "klingElements").rows[0].fields[2].inputs) == 3
    form = press("remove", shown(form, "klingElements").rows[0].fields[2].inputs[2].remove)
    assert len(shown(form, "klingElements").rows[0].fields[2].inputs) == 2
    form = press("remove", shown(form, "klingElements").rows[0].remove)
    assert shown(form, "klingElements").rows == ()
    form = press("remove", shown(form, "multiPrompt").rows[0].remove)
    assert len(shown(form, "multiPrompt").rows) == 1
    assert shown(form, "multiPrompt").rows[0].remove == ""


def test_the_link_that_is_removed_is_the_one_at_the_button() -> None:
    form = edit("grok-video", images=[PICTURE, SECOND_PICTURE], remove="images-0")

    assert shown(form, "images").values == (SECOND_PICTURE,)


def test_no_more_rows_are_offered_than_the_model_takes() -> None:
    fields = {f"multiPrompt-{place}-prompt": "run" for place in range(5)}

    assert shown(edit("kling-3.0", multiShots="true", **fields), "multiPrompt").add == ""


def test_a_choice_that_nobody_made_asks_instead_of_showing_the_first_option() -> None:
    form = order("seedance-1.5-pro", prompt="fox", aspectRatio="16:9", duration="9")
    assert not any(one.selected for one in shown(form, "duration").options)
    many = order("runway", prompt="fox", duration="5", quality="720p")
    first = shown(many, "aspectRatio").options[0]
    assert (first.value, first.label, first.selected) == ("", "Please choose", True)


# --- the key of a form ---------------------------------------------------------------------------


def test_each_fresh_form_has_a_key_of_its_own_and_keeps_it() -> None:
    first, second = GenerationForm(built_in("runway")), GenerationForm(built_in("runway"))
    assert first.submit_key != second.submit_key
    assert order("runway", submit_key=str(first.submit_key)).submit_key == first.submit_key
    assert isinstance(order("runway", submit_key="no key").submit_key, UUID)


# --- anything a browser, or somebody else, may send ----------------------------------------------

MODELS = [one.id for one in built_in_models()]
NAMES = sorted(
    {one.name for known in built_in_models() for one in known.parameters}
    | CONTROL_FIELDS
    | {"multiPrompt-0-prompt", "multiPrompt-0-duration", "multiPrompt-7-duration", "was-multiShots",
       "klingElements-0-name", "klingElements-0-description", "klingElements-0-images",
       "kept-prompt", "kept-images", "kept-kept-prompt", "kept-multiPrompt-1-prompt", "was-prompt",
       "kept-was-loop", "was-generateAudio", "images-1", "", "\0", "multiPrompt-٣-prompt"}
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(), max_size=10),
    st.sampled_from(
        ["", "5", "10", "true", "false", "on", "16:9", "720p", "1080p", "std", "spicy", PICTURE,
         SECOND_PICTURE, "images", "images-0", "multiPrompt", "multiPrompt-0", "klingElements",
         "klingElements-0-images", "klingElements-0-images-1", "-1", "1e400", "NaN", "9" * 5000,
         "REFERENCE_2_VIDEO", "kling-3.0", "a red fox", "\0", "\ud800", "https://[", "x" * 6000]
    ),
)  # fmt: skip
FORMS = st.dictionaries(
    st.sampled_from(NAMES) | st.text(max_size=6), st.lists(TEXTS, max_size=9), max_size=14
)


@effort(max_examples=300, deadline=None)
@given(st.sampled_from(MODELS), FORMS, st.booleans())
def test_no_form_raises_and_a_valid_one_is_a_stable_body(
    model_id: str, fields: dict[str, list[str]], editing: bool
) -> None:
    video_model = built_in(model_id)
    data = QueryDict(mutable=True)
    for name, texts in fields.items():
        data.setlist(name, texts)
    form = GenerationForm(video_model, data, editing=editing)

    drawn = [form.fields_shown, form.hidden_inputs, form.errors, form.form_errors, form.missing]
    repr(drawn).encode()
    str(drawn).encode("utf-8", "strict")
    if not form.is_valid():
        return
    body = form.body()
    assert body["model"] == video_model.id
    assert {"callbackUrl", "projectId"}.isdisjoint(body)
    assert body.keys() - {"model"} <= {one.name for one in video_model.parameters}
    assert json.loads(canonical_json(body)) == body
    canonical_json(body).encode()
    again = GenerationForm(video_model, initial=body)
    assert body.items() <= again.body().items()
    resent = GenerationForm(video_model, what_a_browser_sends(form))
    assert body.items() <= resent.body().items()


@effort(max_examples=100, deadline=None)
@given(st.sampled_from(built_in_models()), st.dictionaries(st.sampled_from(NAMES), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8), max_size=6))  # fmt: skip
def test_no_settings_to_start_from_raise(video_model: Any, initial: dict[str, Any]) -> None:
    form = GenerationForm(video_model, initial=initial)

    assert form.fields_shown
    assert isinstance(form.is_valid(), bool)


def test_a_form_as_sent_shows_what_was_sent() -> None:
    form = GenerationForm(built_in("runway"), sent({"prompt": "a fox", "model": "runway"}))

    assert shown(form, "prompt").value == "a fox"
    assert ("fields-of", "runway") in form.hidden_inputs
