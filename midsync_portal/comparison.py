"""The same prompt for several models: what they share, and what each of them makes of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_noop

from .catalog import Option, Parameter, VideoModel
from .catalog.fields import PROMPT
from .catalog.names import LABELS
from .catalog.words import in_words
from .forms import Dropped, GenerationForm
from .wording import main_settings

MODELS_MIN, MODELS_MAX = 2, 4
SHARED = ("prompt", "image", "duration", "aspectRatio", "resolution")
MEASURES = ("duration", "resolution")  # a model that has not the one wished for has a nearest


def shared_form(
    models: Sequence[VideoModel], data: QueryDict, *, mends: bool = False
) -> GenerationForm:
    """The form for what all columns share: it takes what any of these models takes.

    `mends` (a draft) lets go of what none of them takes, and does not ask for what is missing.
    """
    own = QueryDict(mutable=True)
    for name in SHARED:
        if name in data:
            own.setlist(name, data.getlist(name))
    shared = VideoModel("", "", _parameters(models))
    return GenerationForm(shared, own, editing=mends, mends=mends)


def shared_from(texts: Mapping[str, Sequence[str]]) -> QueryDict:
    """What a draft says of the shared settings."""
    data = QueryDict(mutable=True)
    names = {"resolution": ("resolution", "quality"), "image": ("images",)}
    for name in SHARED:
        for known in names.get(name, (name,)):
            if found := next(filter(None, texts.get(known, ())), ""):
                data[name] = found
    return data


class Column:
    """What one model makes of the shared settings.

    form      GenerationForm for this model
    adapted   what the model does not take as it was wished, and what it takes instead
    settings  the main settings that are sent, on one line; empty where they do not fit
    """

    def __init__(self, video_model: VideoModel, shared: GenerationForm) -> None:
        self.video_model = video_model
        wished = {"model": video_model.id}
        fitted: list[Dropped] = []
        for name in SHARED:
            text = str(shared.typed.get(name) or "").strip()
            own = _name_in(video_model, name)
            parameter = video_model.parameter(own)
            if not text:
                continue
            wished[own] = _nearest(parameter, text) if parameter and name in MEASURES else text
            if parameter and wished[own] != text:
                fitted.append(Dropped(in_words(parameter.label), text, wished[own]))
        data = QueryDict(mutable=True)
        data.update(wished)
        self.form = GenerationForm(video_model, data, editing=True, mends=True)
        shown = {field.name for field in self.form.fields_shown}
        hidden = [
            Dropped(in_words(one.label), wished[one.name])
            for one in video_model.parameters
            if one.name in wished and one.name not in shown
        ]
        adapted = [*fitted, *self.form.dropped, *hidden]
        self.adapted = list({one.label: one for one in adapted}.values())

    @property
    def settings(self) -> str:
        """The main settings that are sent."""
        return main_settings(self.form.body()) if self.form.is_valid() else ""


def _name_in(video_model: VideoModel, name: str) -> str:
    """What a model calls a shared setting."""
    if name == "image":
        return "images"
    if name == "resolution" and not video_model.parameter(name) and _lines(video_model):
        return "quality"
    return name


def _nearest(parameter: Parameter, text: str) -> str:
    """The length or size nearest to the wished one that the model makes, the smaller of two."""
    wished = _figure(text)
    if not parameter.options:
        least, most = parameter.minimum, parameter.maximum
        at_least = wished if least is None else max(wished, int(least))
        return str(at_least if most is None else min(at_least, int(most)))
    offered = [(_figure(option.text), option.text) for option in parameter.options]
    known = [(abs(figure - wished), figure, text) for figure, text in offered if figure]
    return min(known)[2] if known else text


def _parameters(models: Iterable[VideoModel]) -> tuple[Parameter, ...]:
    """The shared settings, with everything that any of the models takes."""
    models = list(models)
    found = [replace(PROMPT, maximum=_most(models, "prompt") or PROMPT.maximum)]
    if any(model.takes_images for model in models):
        found.append(
            Parameter(
                "image",
                "url",
                gettext_noop("Image"),
                help=gettext_noop("A public https link, used as the first frame."),
            )
        )
    lengths = _lengths(models)
    if lengths:
        found.append(
            Parameter(
                "duration",
                "integer",
                LABELS["duration"],
                help=gettext_noop(
                    "Empty: each model's own. A model takes the nearest that it makes."
                ),
                unit="seconds",
                minimum=min(lengths),
                maximum=max(lengths),
                step=1,
            )
        )
    shapes = dict.fromkeys(
        option.text
        for model in models
        if (parameter := model.parameter("aspectRatio"))
        for option in parameter.options
        if ":" in option.text
    )
    lines = {text for model in models for text in _lines(model)}
    for name, texts in (("aspectRatio", shapes), ("resolution", sorted(lines, key=_figure))):
        if texts:
            options = tuple(Option(text, text) for text in texts)
            found.append(Parameter(name, "choice", LABELS[name], options=options))
    return tuple(found)


def _most(models: Iterable[VideoModel], name: str) -> Any:
    parameters = filter(None, (model.parameter(name) for model in models))
    return max((one.maximum for one in parameters if one.maximum is not None), default=None)


def _lengths(models: Iterable[VideoModel]) -> set[int]:
    """Lengths that can be wished for, in seconds: those offered, and the ends of ranges."""
    lengths: set[int] = set()
    for parameter in filter(None, (model.parameter("duration") for model in models)):
        ends = (parameter.minimum, parameter.maximum)
        lengths |= {int(end) for end in ends if end is not None}
        lengths |= {_figure(option.text) for option in parameter.options}
    return lengths - {0}


def _lines(video_model: VideoModel) -> list[str]:
    """The sizes a model makes, by their lines: 720p, 1080p."""
    names = ("resolution", "quality")
    parameters = filter(None, map(video_model.parameter, names))
    texts = (option.text for one in parameters for option in one.options)
    return [text for text in texts if text.endswith("p") and _figure(text)]


def _figure(text: str) -> int:
    """The number in a text like 10, 5s or 1080p; 0 where there is none."""
    digits = "".join(character for character in text if character in "0123456789")
    return int(digits[:9]) if digits else 0
