"""GenerationForm: reads what was typed, checks it by the catalog's rules, hands out the body."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext

from midsync_portal.catalog import Parameter, VideoModel
from midsync_portal.catalog.engine import (
    Problem,
    default_of,
    is_hidden,
    problems_of,
    values_to_send,
    visible_values,
)
from midsync_portal.catalog.names import setting_name
from midsync_portal.catalog.parameters import NUMBERS
from midsync_portal.catalog.reserved import CONTROL_FIELDS, WAS
from midsync_portal.catalog.words import in_words

from .drawing import Drawing
from .reading import clean_text, read_typed, typed_from_value
from .shown import Dropped, ShownField
from .typed import Posted, add_entry, move_entry, remove_entry

__all__ = ["CONTROL_FIELDS", "GenerationForm"]

DROPPED_MAX = 80  # characters of a value that is told as dropped


class GenerationForm:
    """The form for one model.

    `data` is what the browser sent (its `add`, `remove` and `move` are carried out), `initial` a
    request body to start from ("use these settings again"). With `editing` (asking for the fields
    again, asking for a price) fields that were not sent take their defaults, and a value that is
    still missing makes the form invalid without an error to show. Without it (ordering) nothing is
    filled in: a missing field is an error, and so are fields that the model does not have.
    Nothing here raises on odd input. `mends` (a draft that is opened again) lets go of what the
    model does not take any more, and tells it in `dropped`.

    For templates:
        fields_shown   ShownFields in display order
        hidden_inputs  [(name, value)] to draw once as hidden inputs inside the form: which
                       model's fields these are, and values of fields that are not shown now
        submit_key     UUID; draw as hidden input `submit_key`
        errors         {field name: [sentences]}, also "model"
        form_errors    [sentences] that belong to no field
    For views:
        is_valid(), missing (labels of what has to be filled in), typed, body(), add_error(),
        sent (the texts by name, to be kept as a draft), dropped
    """

    def __init__(
        self,
        video_model: VideoModel,
        data: QueryDict | None = None,
        initial: Mapping[str, Any] | None = None,
        *,
        editing: bool = False,
        mends: bool = False,
    ) -> None:
        self.video_model = video_model
        self.dropped: list[Dropped] = []
        self.is_bound = data is not None
        self.form_errors: list[str] = []
        self.typed: dict[str, Any] = {}
        self._posted = None if data is None else Posted(data)
        self._is_editing = editing or data is None
        # The fields that were sent may be those of another model than the one chosen now.
        self._is_switched = self._posted is not None and any(
            self._posted.last(name) not in ("", video_model.id) for name in ("fields-of", "model")
        )
        self._mends = mends
        self._added: list[Problem] = []
        self.submit_key = self._submit_key()
        self._type(initial or {})
        self._read()
        self._check()

    # --- reading, in this order ------------------------------------------------------------------

    def _submit_key(self) -> UUID:
        """The key that was sent, else a fresh one: one form makes one task."""
        try:
            return UUID(self._posted.last("submit_key")) if self._posted else uuid4()
        except ValueError:
            return uuid4()

    def _type(self, initial: Mapping[str, Any]) -> None:
        """Fill `typed` from what was sent, or from `initial`, or from the defaults."""
        fills_in = self._is_editing or self._is_switched
        for parameter in self.video_model.parameters:
            name = parameter.name
            typed = self._posted.of_field(parameter) if self._posted else None
            if typed is None and initial.get(name) is not None:
                typed = typed_from_value(parameter, initial[name])
            was = typed
            is_fitted = self._is_switched or self._mends
            if typed is not None and is_fitted and _is_foreign(parameter, typed):
                typed = None
            if typed is None and fills_in:
                typed = typed_from_value(parameter, parameter.default)
            if self._mends and was not in (None, "") and typed != was:
                self.dropped.append(Dropped(in_words(parameter.label), _words(was), _words(typed)))
            self.typed[name] = typed
        if self._mends and self._posted:
            for name in self._posted.strangers(self.video_model):
                texts = list(filter(None, self._posted.texts[name]))
                if texts and texts != ["false"]:
                    self.dropped.append(Dropped(in_words(setting_name(name)), _words(texts)))
        if fills_in:
            self._follow_defaults(initial)
        if self._posted and (path := self._posted.last("add")):
            add_entry(self.typed, self.video_model, path)
        if self._posted and (path := self._posted.last("remove")):
            remove_entry(self.typed, path)
        if self._posted and (path := self._posted.last("move")):
            move_entry(self.typed, path)

    def _follow_defaults(self, initial: Mapping[str, Any]) -> None:
        """Boxes that nobody touched follow a default that depends on other fields."""
        moving = [one for one in self.video_model.parameters if one.default_when]
        values = self._values(set()) if moving else {}
        for parameter in moving:
            name = parameter.name
            typed = self._posted.of_field(parameter) if self._posted else None
            default = typed_from_value(parameter, default_of(parameter, values))
            untouched = typed is None and initial.get(name) is None
            if self._posted and self._posted.last(WAS + name) == typed:
                untouched = typed != default
            if untouched:
                self.typed[name] = default

    def _values(self, misread: set[str], problems: list[Problem] | None = None) -> dict[str, Any]:
        values = {}
        for parameter in self.video_model.parameters:
            value, found = read_typed(
                parameter, self.typed[parameter.name], settings.RESULT_ORIGINS_TRUSTED
            )
            if value is not None:
                values[parameter.name] = value
            if found:
                misread.add(parameter.name)
                if problems is not None:
                    problems += found
        return values

    def _read(self) -> None:
        misread: set[str] = set()
        problems: list[Problem] = []
        values = self._values(misread, problems)
        self._visible = visible_values(self.video_model, values)
        self._shown_parameters = [
            one for one in self.video_model.parameters if not is_hidden(one, self._visible)
        ]
        self._shown_names = {one.name for one in self._shown_parameters}
        self._problems = [one for one in problems if one.field in self._shown_names]
        self._misread = misread

    def _check(self) -> None:
        """Add what the rules find, but nothing more about what could not be read."""
        at_fault = {(one.field, one.at) for one in self._problems}
        self._problems += [
            one
            for one in problems_of(self.video_model, self._visible)
            if not (one.is_missing and (one.field, one.at) in at_fault)
            and not (one.is_missing and not one.at and one.field in self._misread)
        ]
        if self._posted is None or self._is_editing:
            return
        if self._is_switched:
            said = gettext(
                "These are now the settings of %(model)s. Please check them, then order again."
            )
            self.form_errors.append(said % {"model": self.video_model.label})
        elif strangers := self._posted.strangers(self.video_model):
            names = ", ".join(f"“{name[:40]}”" for name in strangers[:5])
            said = gettext(
                "%(model)s has no setting %(names)s. "
                "It was left out; please check the settings and order again."
            )
            self.form_errors.append(said % {"model": self.video_model.label, "names": names})

    # --- what views ask --------------------------------------------------------------------------

    def is_valid(self) -> bool:
        """Whether the values make a request that breaks no known rule."""
        return not self._problems and not self._added and not self.form_errors

    @property
    def missing(self) -> list[str]:
        """Labels of the fields that have to be filled in, as they are shown."""
        names = {one.field for one in self._problems if one.is_missing}
        return [in_words(one.label) for one in self._shown_parameters if one.name in names]

    @property
    def sent(self) -> dict[str, list[str]]:
        """What the browser sent, by name, cleaned."""
        return self._posted.texts if self._posted else {}

    @property
    def errors(self) -> dict[str, list[str]]:
        """The sentences to show, by field."""
        errors: dict[str, list[str]] = {}
        for problem in self._problems_to_show():
            messages = errors.setdefault(problem.field, [])
            if problem.message not in messages:
                messages.append(problem.message)
        return errors

    def add_error(self, field: str | None, message: str) -> None:
        """Add a sentence, MidSync's for example, at the field or, if it is not shown, on top.

        "images[0]" and "body.images.0" count as "images".
        """
        words = re.findall(r"[A-Za-z_]\w*", field or "")
        name = next((word for word in words if word in {*self._shown_names, "model"}), None)
        if name is None:
            self.form_errors.append(clean_text(message))
        else:
            self._added.append(Problem(name, clean_text(message)))

    def body(self) -> dict[str, Any]:
        """The request for quote and generate, without callbackUrl.

        Raises ValueError where the form is not valid.
        """
        if not self.is_valid():
            raise ValueError("the form is not valid")
        return {
            "model": self.video_model.id,
            **values_to_send(self.video_model, self._visible),
        }

    # --- what templates ask ----------------------------------------------------------------------

    @property
    def fields_shown(self) -> list[ShownField]:
        """The fields to draw, in display order."""
        drawing = Drawing(self._visible, self._problems_to_show())
        return [drawing.field(one, self.typed[one.name]) for one in self._shown_parameters]

    @property
    def is_written(self) -> bool:
        """Whether somebody has written something into it that a fresh form has not."""
        return any(self.typed.get(name) for name in ("prompt", "multiPrompt", "images"))

    @property
    def hidden_inputs(self) -> list[tuple[str, str]]:
        """What the form carries along unseen."""
        carried = [("fields-of", self.video_model.id)]
        if self._posted:
            carried += self._posted.kept(
                self.video_model, self._shown_names, of_any_model=self._is_switched
            )
        return carried

    def _problems_to_show(self) -> list[Problem]:
        problems = [*self._problems, *self._added]
        if self._is_editing:
            return [one for one in problems if not one.is_missing]
        return problems


def _words(typed: Any) -> str:
    """What was typed, on one line, for a sentence about it."""
    texts = typed if isinstance(typed, list) else [typed]
    line = ", ".join(text for text in texts if isinstance(text, str) and text)
    return line if len(line) <= DROPPED_MAX else f"{line[:DROPPED_MAX]}…"


def _is_foreign(parameter: Parameter, typed: Any) -> bool:
    """Whether a value that was typed for another model means nothing for this one."""
    if typed == "":
        return parameter.default is not None
    if parameter.kind == "choice":
        return typed not in {option.text for option in parameter.options}
    if parameter.kind in NUMBERS:
        value, problems = read_typed(parameter, typed, ())
        least, most = parameter.minimum, parameter.maximum
        is_low = value is not None and least is not None and value < least
        is_high = value is not None and most is not None and value > most
        return bool(problems) or is_low or is_high
    return False
