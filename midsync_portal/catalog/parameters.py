"""The words of the catalog: a model, its parameters, their options and limits. No prices."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from django.utils.translation import gettext, gettext_noop

from midsync_portal.midsync.parameters_reader import Scalar, scalar_text

from .conditions import Condition

Kind = Literal[
    "text",  # one line
    "textarea",
    "url",
    "choice",
    "choices",  # several of the options
    "integer",
    "number",
    "boolean",
    "urls",
    "texts",
    "shots",
    "elements",
]

# Kinds whose minimum and maximum count entries; text counts characters, numbers are themselves.
LISTS = frozenset({"urls", "texts", "choices", "shots", "elements"})
TEXTS = frozenset({"text", "textarea", "url"})
NUMBERS = frozenset({"integer", "number"})


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a choice; `only_when` fails → not to be chosen, and `reason` says why."""

    value: Scalar
    label: str
    only_when: Condition | None = None
    reason: str = ""

    @property
    def text(self) -> str:
        """The value as the form shows and sends it."""
        return scalar_text(self.value)


@dataclass(frozen=True, slots=True)
class LimitWhen:
    """A tighter maximum while a condition holds; `reason` is a sentence without its full stop."""

    condition: Condition
    maximum: int
    reason: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a model, under MidSync's name.

    `minimum` and `maximum` bound a number, the characters of a text or the entries of a list.
    `required` counts while the field is shown; `hidden_when` hides it, and hidden values are not
    sent. `default` is what a fresh form starts with, `default_when` another start while a
    condition holds. `clamped` numbers are moved into their limits instead of refused. `total_of`
    names a list of shots whose seconds are sent as this field while it is hidden.
    `only_if_listed` fields are offered only where MidSync lists them. `marks` say what each entry
    of a list is for, by its place, unless the condition `unmarked_when` holds.
    """

    name: str
    kind: Kind
    label: str
    help: str = ""
    unit: str = ""
    options: tuple[Option, ...] = ()
    default: Scalar | tuple[Scalar, ...] | None = None
    default_when: tuple[tuple[Condition, Scalar], ...] = ()
    minimum: int | Decimal | None = None
    maximum: int | Decimal | None = None
    step: int | Decimal | None = None
    required: bool | Condition = False
    hidden_when: Condition | None = None
    limits_when: tuple[LimitWhen, ...] = ()
    blank_label: str = gettext_noop("Model's choice")
    advanced: bool = False
    clamped: bool = False
    total_of: str = ""
    only_if_listed: bool = False
    marks: tuple[str, ...] = ()
    unmarked_when: Condition | None = None


@dataclass(frozen=True, slots=True)
class VideoModel:
    """One model that can be ordered; `summary` says in one line what it is for, `note` what our
    operators want customers to know about it.
    """

    id: str
    label: str
    parameters: tuple[Parameter, ...] = field(default=())
    note: str = ""

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, if the model has it."""
        return next((one for one in self.parameters if one.name == name), None)

    @property
    def takes_images(self) -> bool:
        """Whether images can be given."""
        return self.parameter("images") is not None

    @property
    def needs_images(self) -> bool:
        """Whether the model works only with an image."""
        images = self.parameter("images")
        return images is not None and images.required is True

    @property
    def takes_text_alone(self) -> bool:
        """Whether a video can be made from text alone."""
        return self.parameter("prompt") is not None and not self.needs_images

    @property
    def summary(self) -> str:
        """One line for the list of models: "Text or 1-2 images · 3-15 s · optional sound"."""
        parts = (self._source(), self._lengths(), self._finest(), self._sound())
        return " · ".join(filter(None, parts))

    def _source(self) -> str:
        images = self.parameter("images")
        if images is None:
            return gettext("Text")
        most = int(images.maximum or 1)
        pictures = gettext("1 image") if most == 1 else gettext("1–%(most)s images")
        pictures %= {"most": most}
        if not self.takes_text_alone:
            return pictures
        return gettext("Text or %(pictures)s") % {"pictures": pictures}

    def _lengths(self) -> str:
        duration = self.parameter("duration")
        if duration is None:
            return ""
        if duration.options:
            lengths = [str(option.value).removesuffix("s").strip() for option in duration.options]
            if not lengths[1:]:
                return lengths[0]
            several = {"lengths": ", ".join(lengths[:-1]), "last": lengths[-1]}
            return gettext("%(lengths)s or %(last)s s") % several
        if duration.minimum is None or duration.maximum is None:
            return ""
        span = f"{duration.minimum}–{duration.maximum}"
        return gettext("%(count)s s") % {"count": span}

    def _finest(self) -> str:
        names = ("resolution", "quality")
        offered = (one for one in self.parameters if one.name in names and one.options)
        values = next((one.options for one in offered), ())
        lines = [str(one.value) for one in values if re.fullmatch(r"\d{3,4}p", str(one.value))]
        finest = max(lines, key=lambda line: int(line[:-1]), default="")
        return gettext("up to %(finest)s") % {"finest": finest} if finest else ""

    def _sound(self) -> str:
        return gettext("optional sound") if self.parameter("generateAudio") else ""
