"""What can be ordered: nine models as data, and one that nobody has heard of.

The rules are written here a second time on purpose: a stand-in that read the portal's own rules
could never disagree with them. ``models_answer`` is the body of GET /unified-video/models.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .prices import PRICING_HINTS

Kind = Literal[
    "text", "choice", "integer", "number", "boolean", "urls", "shots", "elements", "loose"
]

#: How each kind is called on the wire.
WIRE_TYPES: dict[Kind, str] = {
    "text": "string",
    "choice": "enum",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "urls": "array",
    "shots": "array",
    "elements": "array",
    "loose": "string",
}


@dataclass(frozen=True)
class Parameter:
    """One field of a model: its kind, its limits, and when it applies.

    ``least`` and ``most`` bound a number, the length of a text or the count of a list.
    ``not_with`` and ``needed_without`` name another field that excludes or replaces this one.
    """

    name: str
    kind: Kind
    label: str
    required: bool = False
    default: Any = None
    options: tuple[str | int, ...] = ()
    least: float | None = None
    most: float | None = None
    not_with: str | None = None
    needed_without: str | None = None
    advanced: bool = False
    help: str = ""


@dataclass(frozen=True)
class Model:
    """One model: its parameters, and how many seconds the simulator takes for a video."""

    id: str
    name: str
    provider_model: str
    parameters: tuple[Parameter, ...]
    takes: tuple[float, float] = (6.0, 9.0)
    blocked: tuple[Mapping[str, Any], ...] = ()
    made_up: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, if this model has it."""
        return next((one for one in self.parameters if one.name == name), None)


def prompt(least: int = 1, most: int | None = None, **more: Any) -> Parameter:
    return Parameter(
        "prompt", "text", "Prompt", **{"required": True} | more, least=least, most=most
    )


def images(most: int, least: int = 0, **more: Any) -> Parameter:
    return Parameter("images", "urls", "Images", required=least > 0, least=least, most=most, **more)


def choice(
    name: str, label: str, options: tuple[str | int, ...], default: Any = None, **more: Any
) -> Parameter:
    return Parameter(name, "choice", label, options=options, default=default, **more)


def switch(name: str, label: str, default: bool = False, **more: Any) -> Parameter:
    return Parameter(name, "boolean", label, default=default, **more)


def aspect(options: tuple[str, ...], default: str | None = "16:9", **more: Any) -> Parameter:
    return choice("aspectRatio", "Aspect ratio", options, default, **more)


def seconds(options: tuple[int, ...], default: int) -> Parameter:
    return choice("duration", "Duration (seconds)", options, default, required=True)


AUDIO = switch("generateAudio", "Generate audio")
NSFW = switch("nsfwChecker", "Check for adult content", advanced=True)
VEO_FIELDS = (
    prompt(),
    aspect(("16:9", "9:16", "Auto")),
    Parameter("seeds", "integer", "Seed", least=10000, most=99999, advanced=True),
    switch("enableTranslation", "Translate the prompt", True, advanced=True),
    Parameter("watermark", "text", "Watermark", advanced=True),
)
VEO_MODES = ("TEXT_2_VIDEO", "FIRST_AND_LAST_FRAMES_2_VIDEO")

MODELS: tuple[Model, ...] = (
    Model(
        "seedance-1.5-pro",
        "Seedance 1.5 Pro",
        "bytedance/seedance-1.5-pro",
        (
            prompt(3, 2500),
            images(2, help="First frame, then last frame."),
            aspect(("1:1", "4:3", "3:4", "16:9", "9:16", "21:9", "2:3", "3:2")),
            choice("resolution", "Resolution", ("480p", "720p", "1080p"), "720p", required=True),
            seconds((4, 8, 12), 8),
            AUDIO,
            switch("fixedLens", "Fixed lens", advanced=True),
            NSFW,
        ),
        takes=(7.0, 10.0),
    ),
    Model(
        "kling-2.5-turbo",
        "Kling 2.5 Turbo",
        "kling/v2-5-turbo",
        (
            prompt(),
            images(1),
            aspect(("16:9", "9:16", "1:1"), not_with="images"),
            seconds((5, 10), 5),
            Parameter("negativePrompt", "text", "Negative prompt", most=2500, advanced=True),
            Parameter(
                "cfgScale", "number", "Prompt strength", advanced=True, help="Clamped to 0-1."
            ),
        ),
    ),
    Model(
        "kling-2.6-i2v",
        "Kling 2.6 image to video",
        "kling-2.6/image-to-video",
        (
            prompt(1, 1000),
            images(7, 1, help="The first image is used."),
            seconds((5, 10), 5),
            AUDIO,
        ),
    ),
    Model(
        "kling-2.6-t2v",
        "Kling 2.6 text to video",
        "kling-2.6/text-to-video",
        (prompt(1, 1000), aspect(("16:9", "9:16", "1:1")), seconds((5, 10), 5), AUDIO),
        made_up=True,
    ),
    Model(
        "kling-3.0",
        "Kling 3.0",
        "kling-3.0/video",
        (
            prompt(most=2500, required=False, needed_without="multiShots"),
            images(2, help="First frame, then last frame; one only with several shots."),
            aspect(("16:9", "9:16", "1:1")),
            Parameter(
                "duration",
                "integer",
                "Duration (seconds)",
                default=5,
                least=3,
                most=15,
                needed_without="multiShots",
            ),
            choice("mode", "Mode", ("std", "pro"), "std"),
            AUDIO,
            switch("multiShots", "Several shots"),
            Parameter("multiPrompt", "shots", "Shots", least=1, most=5),
            Parameter("klingElements", "elements", "Elements", most=3, advanced=True),
        ),
        takes=(8.0, 10.0),
    ),
    Model(
        "runway",
        "Runway",
        "runway/gen-4-turbo",
        (
            prompt(1, 1800),
            images(1),
            aspect(("16:9", "9:16", "1:1", "4:3", "3:4"), None, needed_without="images"),
            seconds((5, 10), 5),
            choice("quality", "Quality", ("720p", "1080p"), "720p"),
            Parameter("watermark", "loose", "Watermark", advanced=True),
        ),
        blocked=({"duration": 10, "quality": "1080p"},),
    ),
    Model(
        "grok-video",
        "Grok Video",
        "grok-imagine/video",
        (
            prompt(required=False, most=5000),
            images(7),
            aspect(("2:3", "3:2", "1:1", "16:9", "9:16"), "2:3"),
            Parameter(
                "duration", "integer", "Duration (seconds)", True, default=6, least=6, most=30
            ),
            choice("resolution", "Resolution", ("480p", "720p"), "480p"),
            choice("mode", "Mode", ("fun", "normal", "spicy"), "normal"),
            Parameter("referenceTaskId", "text", "Earlier Grok task", advanced=True),
            Parameter("referenceIndex", "integer", "Image", least=0, most=5, advanced=True),
            NSFW,
        ),
    ),
    Model(
        "veo-3.1-fast",
        "Veo 3.1 Fast",
        "veo3_fast",
        (
            *VEO_FIELDS,
            images(3, help="First and last frame; up to three as references."),
            choice("mode", "Mode", (*VEO_MODES, "REFERENCE_2_VIDEO")),
        ),
        takes=(5.0, 7.0),
    ),
    Model(
        "veo-3.1",
        "Veo 3.1",
        "veo3",
        (*VEO_FIELDS, images(2, help="First and last frame."), choice("mode", "Mode", VEO_MODES)),
        takes=(8.0, 10.0),
        made_up=True,
    ),
)

#: Offered only when the control page or a setting says so: no rule book can know it.
UNKNOWN_MODEL = Model(
    "aurora-1",
    "Aurora 1",
    "northlight/aurora-1",
    (
        prompt(2, 600),
        images(4),
        Parameter("referenceVideoUrls", "urls", "Reference videos", least=0, most=2),
        aspect(("16:9", "9:16", "5:4")),
        Parameter("duration", "integer", "Duration (seconds)", True, default=4, least=2, most=8),
        choice("resolution", "Resolution", ("360p", "540p"), "360p"),
        Parameter("motionStrength", "number", "Motion strength", default=0.5, least=0, most=1),
        choice("lens", "Lens", ("wide", "portrait", "macro"), "wide"),
        switch("loop", "Seamless loop", True),
    ),
    made_up=True,
)


def models_answer(models: Iterable[Model]) -> dict[str, Any]:
    """The answer to GET /unified-video/models: models, their parameters, hints about prices."""
    offered = list(models)
    return {
        "success": True,
        "models": [
            {"id": model.id, "name": model.name, "providerModel": model.provider_model}
            | {"blockedCombinations": [dict(one) for one in model.blocked]}
            for model in offered
        ],
        "modelParams": {
            model.id: {one.name: _described(one) for one in model.parameters} for model in offered
        },
        "pricingHints": {model.id: PRICING_HINTS[model.id] for model in offered},
    }


def _described(parameter: Parameter) -> dict[str, Any]:
    """One parameter as /models describes it; whatever does not apply is left out."""
    suffix = {"text": "Length", "urls": "Items", "shots": "Items", "elements": "Items"}
    ending = suffix.get(parameter.kind, "")
    described: dict[str, Any] = {
        "type": WIRE_TYPES[parameter.kind],
        "label": parameter.label,
        "required": parameter.required,
        "default": parameter.default,
        "options": [{"value": value, "label": str(value)} for value in parameter.options] or None,
        f"min{ending}": parameter.least,
        f"max{ending}": parameter.most,
        "itemType": "url" if parameter.kind == "urls" else None,
        "advanced": parameter.advanced or None,
        "description": parameter.help or None,
        "hiddenWhen": {parameter.not_with: "present"} if parameter.not_with else None,
        "requiredWhen": (
            {parameter.needed_without: "absent"} if parameter.needed_without else None
        ),
    }
    return {name: value for name, value in described.items() if value is not None}
