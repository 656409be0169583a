"""What the browser sent, by field: posted, kept unseen, added and removed. Nothing here raises."""

import re
from typing import Any

from django.http import QueryDict

from midsync_portal.catalog import Parameter, VideoModel
from midsync_portal.catalog.fields import ROW_FIELDS
from midsync_portal.catalog.parameters import LISTS
from midsync_portal.catalog.reserved import KEPT, WAS, is_reserved

from .reading import clean_text

ROWS_MAX = 20  # rows or inputs of one field that are looked at
KEPT_PAIRS = 80
KEPT_MAX = 40_000  # characters
_ROW = re.compile(r"(?P<field>[A-Za-z][\w.-]*?)-(?P<place>[0-9]{1,2})(?:-(?P<part>\w+))?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][\w.-]{0,90}", re.ASCII)


class Posted:
    """The pairs of a form, cleaned, and who they belong to."""

    def __init__(self, data: QueryDict) -> None:
        self.texts: dict[str, list[str]] = {
            clean_text(str(name)): [clean_text(str(text)) for text in texts[: ROWS_MAX + 1]]
            for name, texts in data.lists()
            if texts
        }

    def last(self, name: str) -> str:
        """The text of a field that comes once."""
        return (self.texts.get(name) or [""])[-1]

    def of_field(self, parameter: Parameter) -> Any:
        """The texts of one field, also if only kept, to be changed; None if it was not sent."""
        found = self._of_field(parameter, "")
        return self._of_field(parameter, KEPT) if found is None else found

    def _of_field(self, parameter: Parameter, prefix: str) -> Any:
        name = prefix + parameter.name
        if parameter.kind in ROW_FIELDS:
            return self._rows(parameter, prefix)
        if parameter.kind == "choices" and not prefix and WAS + name in self.texts:
            return list(self.texts.get(name, []))
        if parameter.kind in LISTS:
            return list(self.texts[name]) if name in self.texts else None
        if name in self.texts:
            return self.last(name)
        if parameter.kind == "boolean" and not prefix and WAS + name in self.texts:
            return "false"  # the box was shown, and is not ticked
        return None

    def _rows(self, parameter: Parameter, prefix: str) -> list[dict[str, Any]] | None:
        rows: dict[int, dict[str, Any]] = {}
        kinds = {one.name: one.kind for one in ROW_FIELDS[parameter.kind]}
        for name, texts in self.texts.items():
            match = _ROW.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None
            if match and match["field"] == parameter.name and match["part"] in kinds:
                is_list = kinds[match["part"]] in LISTS
                row = rows.setdefault(int(match["place"]), {})
                row[match["part"]] = list(texts) if is_list else texts[-1]
        return [rows[place] for place in sorted(rows)][:ROWS_MAX] if rows else None

    def strangers(self, video_model: VideoModel) -> list[str]:
        """Names that are neither the page's nor fields of this model."""
        unknown = (name for name in self.texts if not is_reserved(name))
        return [name for name in unknown if not _is_of(video_model, name)]

    def kept(
        self, video_model: VideoModel, shown: set[str], *, of_any_model: bool
    ) -> list[tuple[str, str]]:
        """What was typed into fields that are not shown now, to carry along unseen."""
        pairs = {
            name.removeprefix(KEPT): texts
            for name, texts in self.texts.items()
            if name.startswith(KEPT)
        }
        for sent_name, texts in self.texts.items():
            name = sent_name.removeprefix(WAS)
            if name != sent_name:
                if name in self.texts:
                    continue
                texts = ["false"]  # the box was shown, and is not ticked
            if not is_reserved(name) and (of_any_model or _is_of(video_model, name)):
                pairs[name] = texts
        carried: list[tuple[str, str]] = []
        room = KEPT_MAX
        for name, texts in pairs.items():
            if _field_of(name) in shown or not _NAME.fullmatch(name) or is_reserved(name):
                continue
            for text in filter(None, texts):
                room -= len(text)
                if room >= 0 and len(carried) < KEPT_PAIRS:
                    carried.append((KEPT + name, text))
        return carried


def _field_of(name: str) -> str:
    match = _ROW.fullmatch(name)
    return match["field"] if match and match["part"] else name


def _is_of(video_model: VideoModel, name: str) -> bool:
    """Whether the name is a field of the model, or an input of one of its rows."""
    if video_model.parameter(name):
        return True
    match = _ROW.fullmatch(name)
    parameter = video_model.parameter(match["field"]) if match else None
    if match is None or parameter is None or parameter.kind not in ROW_FIELDS:
        return False
    return match["part"] in {one.name for one in ROW_FIELDS[parameter.kind]}


def add_entry(typed: dict[str, Any], video_model: VideoModel, path: str) -> None:
    """Append an empty input or row to the list at the path, as a button named `add` says."""
    name, row, part = _path(path)
    parameter = video_model.parameter(name)
    if parameter is None or parameter.kind not in LISTS:
        return
    entries = typed[name] = list(typed.get(name) or [])
    if part is not None and row is not None:
        if row < len(entries) and isinstance(entries[row], dict):
            inner = entries[row].get(part)
            entries[row][part] = [*(inner if isinstance(inner, list) else []), ""]
    elif len(entries) < ROWS_MAX and parameter.kind in ROW_FIELDS:
        entries.append(empty_row(parameter))
    elif len(entries) < ROWS_MAX and parameter.kind != "choices":
        entries += ["", ""] if not entries else [""]  # an empty list is drawn with one input


def remove_entry(typed: dict[str, Any], path: str) -> None:
    """Take away the input or row at the path, as a button named `remove` says."""
    match = re.fullmatch(r"(.+)-([0-9]{1,2})", path)
    if match is None:
        return
    name, row, part = _path(match[1])
    entries = typed.get(name)
    if part is not None and row is not None and isinstance(entries, list) and row < len(entries):
        entries = entries[row].get(part) if isinstance(entries[row], dict) else None
    if isinstance(entries, list) and int(match[2]) < len(entries):
        del entries[int(match[2])]


def move_entry(typed: dict[str, Any], path: str) -> None:
    """Swap the input at the path with its neighbour, as a button named `move` says."""
    match = re.fullmatch(r"(.+)-([0-9]{1,2})-(up|down)", path)
    if match is None:
        return
    name, row, part = _path(match[1])
    entries = typed.get(name)
    if part is not None and row is not None and isinstance(entries, list) and row < len(entries):
        entries = entries[row].get(part) if isinstance(entries[row], dict) else None
    here = int(match[2])
    there = here + (1 if match[3] == "down" else -1)
    if isinstance(entries, list) and 0 <= there < len(entries) and here < len(entries):
        entries[here], entries[there] = entries[there], entries[here]


def _path(path: str) -> tuple[str, int | None, str | None]:
    """ "klingElements-0-images" → the list in a row; "images" → the list itself."""
    match = _ROW.fullmatch(path)
    if match and match["part"]:
        return match["field"], int(match["place"]), match["part"]
    return path, None, None


def empty_row(parameter: Parameter) -> dict[str, Any]:
    """A row as it starts."""
    return {
        one.name: [] if one.kind in LISTS else "" if one.default is None else str(one.default)
        for one in ROW_FIELDS[parameter.kind]
    }
