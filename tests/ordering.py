"""A customer's form in tests: fields by name, as the browser sends them."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from midsync_portal.catalog import VideoModel
from midsync_portal.catalog.listing import built_in_models
from midsync_portal.forms import GenerationForm, ShownField

PICTURE = "https://media.example.com/first.jpg"
SECOND_PICTURE = "https://media.example.com/second.jpg"
PICTURES = [f"https://media.example.com/{number}.jpg" for number in range(1, 9)]


def built_in(video_model: str) -> VideoModel:
    """A model by the built-in rules."""
    return next(one for one in built_in_models() if one.id == video_model)


def sent(fields: Mapping[str, Any]) -> QueryDict:
    """The fields as a browser sends them; a list is sent as several of one name."""
    data = QueryDict(mutable=True)
    for name, value in fields.items():
        texts = value if isinstance(value, list) else [value]
        data.setlist(name, [str(text) for text in texts])
    return data


def order(video_model: VideoModel | str, **fields: Any) -> GenerationForm:
    """The form as it is ordered."""
    known = built_in(video_model) if isinstance(video_model, str) else video_model
    return GenerationForm(known, sent({"model": known.id, **fields}))


def edit(video_model: VideoModel | str, **fields: Any) -> GenerationForm:
    """The form as its fields are asked for again."""
    known = built_in(video_model) if isinstance(video_model, str) else video_model
    return GenerationForm(known, sent({"model": known.id, **fields}), editing=True)


def shown(form: GenerationForm, name: str) -> ShownField:
    """One field as it is drawn."""
    return next(one for one in form.fields_shown if one.name == name)


def names_shown(form: GenerationForm) -> list[str]:
    """The names of the fields that are drawn."""
    return [one.name for one in form.fields_shown]


def what_a_browser_sends(form: GenerationForm) -> QueryDict:
    """Everything that a browser would send of the form as it is drawn, untouched."""
    data = QueryDict(mutable=True)
    data["model"] = form.video_model.id
    data["submit_key"] = str(form.submit_key)
    for name, text in form.hidden_inputs:
        data.appendlist(name, text)
    _add(data, form.fields_shown)
    return data


def _add(data: QueryDict, fields: list[ShownField] | tuple[ShownField, ...]) -> None:
    for field in fields:
        for name, text in field.hidden_inputs:
            data.appendlist(name, text)
        match field.kind:
            case "boolean":
                if field.checked:
                    data.appendlist(field.name, "true")
            case "choice":
                for option in field.options:
                    if option.selected and not option.disabled:
                        data.appendlist(field.name, option.value)
            case "urls":
                for one in field.inputs:
                    data.appendlist(one.name, one.value)
            case "shots" | "elements":
                for row in field.rows:
                    _add(data, row.fields)
            case _:
                data.appendlist(field.name, field.value)
