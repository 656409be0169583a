"""Shapes that GET /unified-video/models could have; each offers the same three models.

Two of them are documented, so that a list of bare names is enough; the third, AURORA, is known
to nobody and consists of what the answer says about it.
"""

from collections.abc import Callable

KNOWN = ("kling-2.5-turbo", "veo-3.1-fast")
AURORA = "aurora-2"

AURORA_FIELDS: dict[str, dict[str, object]] = {
    "prompt": {"type": "string", "required": True, "maxLength": 400, "label": "Scene"},
    "duration": {"type": "number", "options": [6, 9], "default": 6, "required": True},
    "look": {
        "type": "select",
        "label": "Look",
        "options": [{"value": "film", "label": "Film"}, {"value": "anime", "label": "Anime"}],
        "default": "film",
    },
    "strength": {"type": "number", "min": 0, "max": 1, "default": 0.5},
    "loop": {"type": "boolean", "default": False},
}


def strings() -> object:
    return {"models": list(KNOWN)}


def objects() -> object:
    return {
        "models": [{"id": name, "name": name.upper(), "enabled": True} for name in KNOWN]
        + [{"id": AURORA, "name": "Aurora 2"}],
        "modelParams": {AURORA: AURORA_FIELDS},
        "pricingHints": {AURORA: "from 12 points"},
    }


def objects_by_other_names() -> object:
    return {
        "models": [{"model": KNOWN[0]}, {"key": KNOWN[1]}, {"value": AURORA}],
        "modelParams": {
            AURORA: {
                field: {
                    # Numbers as strings, as some gateways send them.
                    name: str(value) if isinstance(value, int | float) else value
                    for name, value in definition.items()
                    if not isinstance(value, bool)
                }
                | {k: v for k, v in definition.items() if isinstance(v, bool)}
                for field, definition in AURORA_FIELDS.items()
            }
        },
    }


def keyed() -> object:
    return {
        "models": {name: {"label": name} for name in KNOWN} | {AURORA: {"label": "Aurora 2"}},
        "modelParams": {AURORA: AURORA_FIELDS},
    }


def params_listed() -> object:
    return {
        "models": [*KNOWN, AURORA],
        "modelParams": {AURORA: [{"name": name, **about} for name, about in AURORA_FIELDS.items()]},
    }


def params_listed_by_key() -> object:
    return {
        "models": [*KNOWN, AURORA],
        "modelParams": {AURORA: [{"key": name, **about} for name, about in AURORA_FIELDS.items()]},
    }


def wrapped() -> object:
    return {"success": True, "data": objects()}


OFFERS: dict[str, Callable[[], object]] = {
    "strings": strings,
    "objects": objects,
    "objects by other names": objects_by_other_names,
    "keyed": keyed,
    "params listed": params_listed,
    "params listed by key": params_listed_by_key,
    "wrapped": wrapped,
}
WITH_AURORA = tuple(name for name in OFFERS if name != "strings")
