"""What a task says to its customer, in plain words.

Reads the task and asks nobody but for the buckets of failures, which are kept in memory.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext, ngettext

from . import failures
from .catalog.names import model_name, setting_name
from .catalog.rules import BUILT_IN
from .catalog.words import counted_things, in_words
from .models import Task, TaskEvent
from .models.status import Status
from .points import charge_sentence
from .stored_words import translated

# What the order form calls a value that MidSync names otherwise: mode std → Standard.
OPTION_LABELS = {
    (parameter.name, option.value): option.label
    for video_model in BUILT_IN
    for parameter in video_model.parameters
    for option in parameter.options
}


TITLE_SAID = 60  # characters of a title that are said when its task ends

# Codes of reasons that we have written ourselves, in whole sentences.
OUR_REASONS = frozenset({"not_sent", "no_charge_found", "no_result", "given_up", "too_many"})


def setting_text(name: str, value: Any) -> str:
    """A setting's value as a person would write it."""
    match value:
        case bool():
            return gettext("yes") if value else gettext("no")
        case list():
            return "\n".join(_item_text(item) for item in value)
        case dict():
            return _item_text(value)
        case _ if name == "duration":
            return in_words(f"{value} s")
        case str():
            return in_words(OPTION_LABELS[name, value]) if (name, value) in OPTION_LABELS else value
        case _:
            return str(value)


def _item_text(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    parts = []
    for name, value in item.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else setting_text(name, value)
        parts.append(
            text if name in ("prompt", "name") else f"{in_words(setting_name(name))}: {text}"
        )
    return " · ".join(parts)


def settings_line(task: Task) -> str:
    """The main settings of a task on one line."""
    return main_settings(task.parameters)


def main_settings(chosen: Mapping[str, Any]) -> str:
    """The main settings on one line: 5 s · 1080p · 16:9 · with sound · 1 image."""
    parts = []
    for name in ("duration", "resolution", "quality", "aspectRatio", "mode"):
        if name in chosen:
            parts.append(setting_text(name, chosen[name]))
    if chosen.get("multiShots"):
        parts.append(counted_things(len(chosen.get("multiPrompt") or []), "shot"))
    if chosen.get("generateAudio"):
        parts.append(gettext("with sound"))
    if images := chosen.get("images"):
        parts.append(counted_things(len(images), "image"))
    return " · ".join(parts)


def _minutes(count: int) -> str:
    return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}


def span_text(seconds: float) -> str:
    """A length of time: 45 seconds, 2 minutes, 1 hour 5 minutes."""
    whole = round(seconds)
    if whole <= 90:
        return ngettext("%(count)d second", "%(count)d seconds", whole) % {"count": whole}
    minutes = round(whole / 60)
    if minutes <= 90:
        return _minutes(minutes)
    hours = ngettext("%(count)d hour", "%(count)d hours", minutes // 60) % {"count": minutes // 60}
    return gettext("%(hours)s %(minutes)s") % {"hours": hours, "minutes": _minutes(minutes % 60)}


def task_title(task: Task) -> str:
    """What to call a task in a list: its prompt, its first shot, or its model."""
    if task.prompt:
        return task.prompt
    shots = task.parameters.get("multiPrompt")
    if isinstance(shots, list) and shots and isinstance(shots[0], dict) and shots[0].get("prompt"):
        return str(shots[0]["prompt"])
    return gettext("%(model)s without a prompt") % {"model": model_name(task.video_model)}


def status_word(task: Task) -> str:
    """A task's status in the reader's language."""
    if task.waits_unsent and task.waits_for:
        return gettext("waiting to be sent")
    return translated(task.get_status_display())


def end_sentence(task: Task) -> str:
    """How a task has ended, said aloud or in a notification; empty while it goes on.

    Ready: a red fox in the snow. Failed: a red fox in the snow · Nothing was charged.
    """
    if not task.is_final:
        return ""
    title = Truncator(task_title(task)).chars(TITLE_SAID)
    parts = [_because(capfirst(status_word(task)), title)]
    if task.status != Status.SUCCEEDED:
        parts.append(charge_sentence(task))
    return " · ".join(filter(None, parts))


def task_note(task: Task) -> str:
    """What the customer should know about where the task stands, money first."""
    match Status(task.status):
        case Status.SUBMITTING if task.waits_unsent and task.waits_for:
            return _waiting_note(task)
        case Status.SUBMITTING:
            return gettext("On its way to MidSync.")
        case Status.UNCONFIRMED:
            return gettext(
                "We don't know yet whether MidSync accepted this. "
                "Don't order it again: we are checking."
            )
        case Status.QUEUED | Status.RUNNING:
            return _open_note(task)
        case Status.SUCCEEDED:
            return _ready_note(task)
        case Status.REJECTED | Status.FAILED | Status.CANCELLED:
            return " ".join(filter(None, (charge_sentence(task), failure_sentence(task))))


def _waiting_note(task: Task) -> str:
    minutes = {"minutes": _minutes(round(settings.QUOTE_MAX_AGE / 60))}
    match Task.WaitsFor(task.waits_for):
        case Task.WaitsFor.MIDSYNC:
            said = gettext(
                "MidSync can't be reached. Nothing was charged; we'll send it when MidSync "
                "answers, for up to %(minutes)s."
            )
        case Task.WaitsFor.ROOM:
            said = gettext("MidSync is busy. Nothing was charged; we'll try for up to %(minutes)s.")
        case Task.WaitsFor.OPERATOR:
            said = gettext(
                "Sending is paused; our team has been told. Nothing was charged; we'll send it "
                "if it goes on within %(minutes)s."
            )
    return said % minutes


def reason_text(task: Task) -> str:
    """Why a task ended without a video; a sentence with a full stop."""
    said = task.failure_message.strip()
    said = re.sub(r"\s*Nothing was charged\.?$", "", said)
    if not said and task.status == Status.CANCELLED:
        return gettext("MidSync cancelled it.")
    if not said:
        return gettext("MidSync gave no reason.")
    said = translated(said)
    return said if said[-1] in ".!?…。！？" else f"{said}."


def failure_sentence(task: Task) -> str:
    """Why there is no video: what the reason's bucket says, else the reason itself."""
    bucket = failures.bucket_of(task)
    reason = reason_text(task)
    if bucket is None or not bucket.patterns or task.failure_code in OUR_REASONS:
        return reason
    # Whoever can still change the order needs to know what exactly is wrong with it.
    is_detailed = task.status == Status.REJECTED and task.failure_message
    said = gettext(bucket.sentence) if bucket.sentence else ""  # what support wrote stays
    return f"{said} {reason}" if is_detailed else said


def _open_note(task: Task) -> str:
    if task.progress:
        return gettext("%(progress)d %% done.") % {"progress": task.progress}
    if task.estimated_seconds:
        said = gettext("MidSync estimates about %(span)s.")
        return said % {"span": span_text(task.estimated_seconds)}
    if task.status == Status.QUEUED:
        return gettext("Waiting its turn.")
    return gettext("MidSync is making the video.")


def _ready_note(task: Task) -> str:
    if task.finished_at is None:
        return ""
    took = (task.finished_at - task.created_at).total_seconds()
    return gettext("Ready after %(span)s.") % {"span": span_text(max(took, 1))}


def event_text(event: TaskEvent) -> str:
    """One line of a task's history; empty for what only support needs."""
    reason = translated(event.reason.strip())
    who = {"name": event.actor.get_full_name() if event.actor else ""}
    match TaskEvent.Kind(event.kind):
        case TaskEvent.Kind.CREATED:
            return gettext("Ordered by %(name)s") % who if event.actor else gettext("Ordered")
        case TaskEvent.Kind.SENT:
            return gettext("Sent to MidSync")
        case TaskEvent.Kind.UNSENT:
            return gettext("Could not be sent yet; nothing was charged")
        case TaskEvent.Kind.MOVE:
            return _move_text(event, reason)
        case TaskEvent.Kind.CHECK:
            if event.actor:
                return gettext("%(name)s asked MidSync") % who
            return _because(gettext("Asked MidSync"), reason)
        case TaskEvent.Kind.REVIEW:
            return gettext("Our support has been asked to look at it")
        case TaskEvent.Kind.SUPPORT:
            return (
                _because(gettext("Support"), reason) if reason else gettext("Support looked at it")
            )
        case TaskEvent.Kind.VIDEO:
            return reason or gettext("Our copy of the video has changed")
        case TaskEvent.Kind.FACTS | TaskEvent.Kind.PROGRESS | TaskEvent.Kind.NOTE:
            return ""


def _because(what: str, reason: str) -> str:
    """Failed: the reason."""
    said = gettext("%(label)s: %(sentence)s")
    return said % {"label": what, "sentence": reason} if reason else what


def _move_text(event: TaskEvent, reason: str) -> str:
    match event.status_after:
        case Status.QUEUED:
            return gettext("Accepted by MidSync, in queue")
        case Status.RUNNING:
            return gettext("MidSync is making the video")
        case Status.SUCCEEDED:
            return gettext("Video ready")
        case Status.UNCONFIRMED:
            return gettext("MidSync gave no usable answer; checking whether it was accepted")
        case Status.REJECTED:
            return _because(gettext("Refused"), reason)
        case Status.FAILED:
            return _because(gettext("Failed"), reason)
        case Status.CANCELLED:
            return _because(gettext("Cancelled"), reason)
        case _:
            return event.get_kind_display().capitalize()
