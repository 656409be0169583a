"""What MidSync's list says about each model beside what the built-in rules say, for operators."""

from dataclasses import dataclass
from datetime import datetime

from midsync_portal.midsync.models_reader import OfferedModel, OfferedParameter, read_models
from midsync_portal.midsync.parameters_reader import scalar_text
from midsync_portal.midsync.reader.body import UnreadableBody, parse_json
from midsync_portal.models import CatalogCopy

from . import rules
from .listing import listed_models, plain_name
from .parameters import LISTS, TEXTS, Parameter, VideoModel

OPTIONS_SHOWN = 12
COUNTED = TEXTS | LISTS
ABSENT = ""  # said by neither


@dataclass(frozen=True)
class Field:
    """One setting of a model: what MidSync's list says, what the rules say, whether they agree.

    `differs` where the form follows MidSync against the rules, or only one of both knows it.
    """

    name: str
    midsync: str
    rules: str
    differs: bool


@dataclass(frozen=True)
class Compared:
    """One model as both see it; `is_offered`: whether it can be ordered at all."""

    id: str
    label: str
    is_listed: bool
    is_known: bool
    is_offered: bool
    fields: tuple[Field, ...]

    @property
    def differences(self) -> list[Field]:
        """The settings about which they do not agree."""
        return [field for field in self.fields if field.differs]


@dataclass(frozen=True)
class Comparison:
    """All models, and when MidSync's list was read; None: never, or it cannot be read."""

    models: list[Compared]
    read_at: datetime | None


def compare() -> Comparison:
    """The list as last read beside the rules; one query, never a call to MidSync."""
    copy = CatalogCopy.objects.filter(pk=1).first()
    listed: list[OfferedModel] = []
    if copy:
        try:
            listed = list(read_models(parse_json(copy.raw)))
        except UnreadableBody:
            copy = None
    known = {model.id: model for model in rules.BUILT_IN}
    by_id: dict[str, OfferedModel] = {}
    for offered in listed:
        by_id.setdefault(next((one for one in offered.ids if one in known), offered.id), offered)
    merged = {model.id: model for model in listed_models(listed)}
    ids = [*known, *(model_id for model_id in by_id if model_id not in known)]
    return Comparison(
        [_compared(one, by_id.get(one), known.get(one), merged.get(one), copy) for one in ids],
        copy.fetched_at if copy else None,
    )


def _compared(
    model_id: str,
    offered: OfferedModel | None,
    known: VideoModel | None,
    merged: VideoModel | None,
    copy: CatalogCopy | None,
) -> Compared:
    said = {}
    if offered:
        said = {plain_name(one.name): one for one in (*offered.shared, *offered.parameters)}
    fields = []
    for own in known.parameters if known else ():
        theirs = said.pop(plain_name(own.name), None)
        now = merged.parameter(own.name) if merged else None
        differs = theirs is not None and (now is None or _says(now) != _says(own))
        fields.append(Field(own.name, _lists(theirs) if theirs else ABSENT, _says(own), differs))
    for theirs in said.values():
        is_ours = merged is not None and merged.parameter(theirs.name) is not None
        # What all models share but this one does not take is no difference.
        if is_ours or (offered and theirs in offered.parameters):
            fields.append(Field(theirs.name, _lists(theirs), ABSENT, known is not None))
    named = merged or known
    return Compared(
        id=model_id,
        label=named.label if named else model_id,
        is_listed=offered is not None,
        is_known=known is not None,
        is_offered=merged is not None or (copy is None and known is not None),
        fields=tuple(fields),
    )


def _lists(parameter: OfferedParameter) -> str:
    """What MidSync's list says about a setting, in a line."""
    if parameter.is_withdrawn:
        return "not supported"
    return _line(
        parameter.kind,
        [scalar_text(one.value) for one in parameter.options],
        # Not fewer than no entries or characters says nothing.
        parameter.minimum or None if parameter.kind in COUNTED else parameter.minimum,
        parameter.maximum,
        parameter.required,
        parameter.default,
    )


def _says(parameter: Parameter) -> str:
    """What our form takes for a setting, in a line."""
    return _line(
        parameter.kind,
        [scalar_text(one.value) for one in parameter.options],
        # Not fewer than no entries or characters says nothing.
        parameter.minimum or None if parameter.kind in COUNTED else parameter.minimum,
        parameter.maximum,
        parameter.required if isinstance(parameter.required, bool) else None,
        parameter.default,
    )


def _line(
    kind: str, options: list[str], least: object, most: object, required: bool | None, start: object
) -> str:
    parts = [kind or "listed"]
    if options:
        more = " …" if len(options) > OPTIONS_SHOWN else ""
        parts.append(", ".join(options[:OPTIONS_SHOWN]) + more)
    if least is not None or most is not None:
        parts.append(f"{'' if least is None else least}–{'' if most is None else most}")
    if required is not None:
        parts.append("required" if required else "optional")
    if start is not None:
        parts.append(f"starts with {start}")
    return " · ".join(parts)
