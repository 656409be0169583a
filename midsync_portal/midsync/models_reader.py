"""Reads GET /unified-video/models, whose shape MidSync does not document. Nothing here raises.

Models may be strings, objects or keys; their parameters may stand in `modelParams` or in the
model, as an object or a list; all of it may be wrapped in `data`. What cannot be understood is
left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .parameters_reader import (
    LABEL_MAX,
    OfferedParameter,
    Option,
    first,
    read_flag,
    read_label,
    read_parameter,
)
from .text import clean_message

__all__ = ["OfferedModel", "OfferedParameter", "Option", "read_models"]

MODELS_MAX = 200
PARAMETERS_MAX = 60  # of one model
NAME_MAX = 64  # characters of a parameter's name
ID_MAX = 100  # characters of a model's id

WRAPPERS = ("data", "result", "payload", "response", "body")
LISTS = ("models", "videoModels", "video_models", "items", "list", "results", "availableModels")
IDS = ("id", "model", "modelId", "model_id", "key", "value", "slug", "name")
APART = ("modelParams", "model_params", "params", "parameters")
PARAMETERS = (*APART, "fields", "inputs", "input", "schema", "inputSchema", "input_schema",
              "settings", "properties")  # fmt: skip
PARAMETER_NAMES = ("name", "key", "field", "param", "id")
# Lists that some gateways put straight into the model.
PLURALS = {
    "durations": "duration",
    "aspectRatios": "aspectRatio",
    "aspect_ratios": "aspectRatio",
    "resolutions": "resolution",
    "qualities": "quality",
    "modes": "mode",
}
# Ours to send, never the customer's.
NOT_FOR_CUSTOMERS = frozenset({"model", "callbackUrl", "callback_url", "projectId", "project_id"})


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """One model as MidSync lists it; `label` is "" where it says none.

    `ids` are all its names that could be the id, the likeliest first. `shared` are parameters
    described once for all models: they say nothing about whether this model takes them.
    """

    ids: tuple[str, ...]
    label: str = ""
    parameters: tuple[OfferedParameter, ...] = ()
    shared: tuple[OfferedParameter, ...] = ()

    @property
    def id(self) -> str:
        """The likeliest id."""
        return self.ids[0]


def read_models(payload: object) -> tuple[OfferedModel, ...]:
    """The models in the answer, in MidSync's order; empty if none can be read."""
    place = _unwrap(payload)
    if isinstance(place, list):
        place = {"models": place}
    if not isinstance(place, dict):
        return ()
    described = first(place, APART)
    listed = _list_in(place)
    if listed is None:
        listed = _keys_with_parameters(described)
    entries = list(_entries(listed))[:MODELS_MAX]
    of_model, shared = _described_apart(described, {one for ids, _ in entries for one in ids})
    models: dict[str, OfferedModel] = {}
    for ids, about in entries:
        if _is_switched_off(about):
            continue
        own = {one.name: one for one in _in_model(about)}
        for model_id in ids:
            own |= {one.name: one for one in of_model.get(model_id, ())}
        parameters = tuple(own.values())[:PARAMETERS_MAX]
        models.setdefault(ids[0], OfferedModel(ids, _label(ids, about), parameters, shared))
    return tuple(models.values())


def _unwrap(payload: object) -> object:
    """The part of the answer that holds the models."""
    for _ in range(3):
        if not isinstance(payload, dict) or _list_in(payload) is not None:
            break
        inner = first(payload, WRAPPERS)
        if first(payload, APART) is not None or not isinstance(inner, dict | list):
            break
        payload = inner
    return payload


def _list_in(place: dict[str, object]) -> object:
    """The list of models, or the object keyed by their ids."""
    return next((place[name] for name in LISTS if isinstance(place.get(name), dict | list)), None)


def _keys_with_parameters(described: object) -> dict[str, object] | None:
    """Where no models are listed, but their parameters are: the ids these stand under."""
    if not isinstance(described, dict):
        return None
    return {key: {} for key, value in described.items() if any(map(_says_much, _parameters(value)))}


def _says_much(parameter: OfferedParameter) -> bool:
    return bool(parameter.kind and (parameter.options or parameter.label or parameter.required))


def _is_switched_off(about: dict[str, object]) -> bool:
    named = ("enabled", "available", "active", "isEnabled", "isAvailable", "is_available")
    is_off = any(read_flag(about.get(name)) is False for name in named)
    return is_off or read_flag(about.get("disabled")) is True


def _entries(listed: object) -> Iterator[tuple[tuple[str, ...], dict[str, object]]]:
    """(ids, what is said about the model) of each model in the list."""
    if isinstance(listed, dict):
        for key, value in listed.items():
            if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
                yield from _entries(value)  # grouped by maker
            elif (model_id := _model_id(key)) and value is not False and value is not None:
                yield (model_id,), _about(value)
    elif isinstance(listed, list):
        for entry in listed:
            about = entry if isinstance(entry, dict) else {"id": entry}
            ids = (_model_id(about.get(name)) for name in IDS)
            if found := tuple(dict.fromkeys(filter(None, ids))):
                yield found, about


def _about(value: object) -> dict[str, object]:
    """What an object keyed by id says about a model: an object, its label, its parameters."""
    match value:
        case dict():
            return value
        case str():
            return {"label": value}
        case list():
            return {"params": value}
    return {}


def _model_id(value: object) -> str:
    """A model's id, as it is sent; "" if the value is none."""
    if not isinstance(value, str) or not 0 < len(value) <= ID_MAX or value != value.strip():
        return ""
    return value if value.isprintable() else ""


def _label(ids: tuple[str, ...], about: dict[str, object]) -> str:
    label = read_label(about) or clean_message(about.get("name"), LABEL_MAX)
    return "" if label == ids[0] else label


def _described_apart(
    described: object, ids: set[str]
) -> tuple[dict[str, list[OfferedParameter]], tuple[OfferedParameter, ...]]:
    """The parameters in `modelParams`: per model id, or once for all models."""
    by_id: dict[str, list[OfferedParameter]] = {}
    if isinstance(described, list):
        for names, about in _entries([one for one in described if isinstance(one, dict)]):
            by_id |= {name: list(_in_model(about)) for name in names if name in ids}
    elif isinstance(described, dict):
        by_id = {name: list(_parameters(described[name])) for name in described if name in ids}
    if by_id:
        return by_id, ()
    return {}, tuple(_parameters(described))[:PARAMETERS_MAX]


def _in_model(about: dict[str, object]) -> Iterator[OfferedParameter]:
    """The parameters that stand in the model itself."""
    for plural, name in PLURALS.items():
        if isinstance(about.get(plural), list) and (one := read_parameter(name, about[plural])):
            yield one
    required = about.get("required")
    if isinstance(about.get("prompt"), dict):  # what is said about the model is its parameters
        yield from _parameters(about)
        return
    for name in PARAMETERS:
        if isinstance(about.get(name), dict | list):
            yield from _parameters(about[name], required)


def _parameters(container: object, required: object = None) -> Iterator[OfferedParameter]:
    """The parameters of a container: by name, as a list, or as a JSON Schema."""
    for _ in range(2):
        # A field may be called "input" or "settings": only what has no prompt is a wrapping.
        if not isinstance(container, dict) or "prompt" in container:
            break
        inner = first(container, PARAMETERS)
        if not isinstance(inner, dict | list):
            break
        required = container.get("required") or required
        container = inner
    names = required if isinstance(required, list) else []
    for name, about in _named(container):
        if not _is_name(name):
            continue
        parameter = read_parameter(name, about)
        if parameter is None:
            continue
        if isinstance(required, list) and parameter.required is None:
            parameter = replace(parameter, required=name in names)
        yield parameter


def _named(container: object) -> Iterator[tuple[str, object]]:
    if isinstance(container, dict):
        yield from container.items()
    elif isinstance(container, list):
        for entry in container:
            if isinstance(entry, str):
                yield entry, True
            elif isinstance(entry, dict):
                key = next(
                    (one for one in PARAMETER_NAMES if isinstance(entry.get(one), str)), None
                )
                if key:
                    yield str(entry[key]), {k: v for k, v in entry.items() if k != key}


def _is_name(name: object) -> bool:
    if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX or name in NOT_FOR_CUSTOMERS:
        return False
    plain = name.replace("_", "").replace(".", "").replace("-", "")
    return name.isascii() and plain.isalnum() and name[0].isalpha()
