"""What only the page needs: points, names, badges. Nothing here asks the database."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from django import template
from django.template.defaultfilters import stringfilter
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from midsync_portal import failures, wording
from midsync_portal import points as amounts
from midsync_portal.catalog import names
from midsync_portal.catalog.words import in_words
from midsync_portal.changes import Change, changes_between
from midsync_portal.links import is_usable_link
from midsync_portal.models import Task, TaskEvent
from midsync_portal.static_files import script_urls, styles_text
from midsync_portal.videos.expiry import link_ends_at

register = template.Library()
register.simple_tag(script_urls)
register.simple_tag(styles_text)

# One small drawing per status, so that colour is never the only sign.
DRAWINGS = {
    "submitting": "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
    "unconfirmed": "M5.9 6.1a2.2 2.2 0 1 1 3.2 2c-.7.4-1.1.8-1.1 1.6M8 12.2v.1",
    "rejected": "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M4.2 4.2l7.6 7.6",
    "queued": "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5.2V8l2 1.4",
    "running": "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
    "cancelled": "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M5.3 8h5.4",
    "failed": "M4 4l8 8M12 4l-8 8",
    "succeeded": "M3 8.6l3.2 3.2L13 4.8",
}


@register.filter
def points(value: Decimal | None) -> str:
    """48, 48.5 or 1,234.25; empty where unknown."""
    return amounts.points_text(value)


@register.filter
def points_plain(value: Decimal | None) -> str:
    """A plain decimal with a point for data attributes; empty where unknown."""
    return amounts.points_plain(value)


@register.filter
def counted(value: Decimal | None) -> str:
    """1 point, 48 points."""
    return amounts.counted(value)


@register.filter
def unit(value: Decimal) -> str:
    """The unit alone: point or points."""
    return amounts.unit_text(value)


@register.filter
@stringfilter
def model_name(value: str) -> str:
    """A model's id as a name."""
    return names.model_name(value)


@register.filter
def settings_line(task: Task) -> str:
    """The main settings of a task on one line."""
    return wording.settings_line(task)


@register.filter
def title(task: Task) -> str:
    """What to call a task: its prompt, where it has one."""
    return wording.task_title(task)


@register.filter
def status_word(task: Task) -> str:
    """The word for a task's status."""
    return wording.status_word(task)


@register.filter
def end_sentence(task: Task) -> str:
    """How a task has ended, for whoever does not look at it; empty while it goes on."""
    return wording.end_sentence(task)


@register.filter
def moment(value: datetime) -> str:
    """A time in UTC, to the minute, for browsers that do not make it local: 25 Nov 2026, 14:03."""
    return date_format(value.astimezone(UTC), gettext("j M Y, H:i"))


@register.filter
def precise_moment(value: datetime) -> str:
    """The same to the second."""
    return date_format(value.astimezone(UTC), gettext("j M Y, H:i:s"))


@register.filter
def day(value: datetime) -> str:
    """A day: 25 Nov 2026."""
    return date_format(value.astimezone(UTC), gettext("j M Y"))


@register.filter
def note(task: Task) -> str:
    """What the customer should know about where a task stands."""
    return wording.task_note(task)


@register.filter
def receipt(task: Task) -> amounts.Receipt:
    """Quoted and charged side by side, and the difference in words."""
    return amounts.receipt_of(task)


@register.filter
def reason(task: Task) -> str:
    """Why a task ended without a video."""
    return wording.reason_text(task)


@register.filter
def next_step(task: Task) -> failures.Step | None:
    """What the customer of a failed task is offered."""
    return failures.next_step(task)


@register.filter
def raw_reason(task: Task) -> str:
    """MidSync's own words for a failure, where something else is said instead."""
    said = wording.reason_text(task)
    is_said = said in wording.failure_sentence(task)
    return "" if is_said or not task.failure_message else said


@register.filter
def charge(task: Task) -> str:
    """Whether and how many points a task has cost."""
    return amounts.charge_sentence(task)


@register.filter
def changes_from(task: Task, other: Task) -> list[Change]:
    """What a task asks for that differs from another one."""
    return changes_between(json.loads(other.request_body), json.loads(task.request_body))


@register.filter
def told(event: TaskEvent) -> str:
    """One line of a task's history; empty for what is not for the customer."""
    return wording.event_text(event)


@register.filter
def span(seconds: float | None) -> str:
    """A length of time in words."""
    return "" if seconds is None else wording.span_text(seconds)


@register.filter
def provider_end(task: Task) -> datetime | None:
    """Until when the provider's link to the video works, where the link says so."""
    return link_ends_at(task.source_url)


@register.filter
def is_past(moment: datetime) -> bool:
    """Whether a moment is over."""
    return moment < timezone.now()


@register.filter
def settings_of(task: Task) -> list[tuple[str, str]]:
    """Every setting of a task as label and text, in the order they were sent."""
    return [
        (in_words(names.setting_name(name)), wording.setting_text(name, value))
        for name, value in task.parameters.items()
    ]


@register.filter
@stringfilter
def is_picture_link(link: str) -> bool:
    """Whether the browser may be told to load a picture from there."""
    return is_usable_link(link)


@register.simple_tag
def status_icon(status: str) -> SafeString:
    """The drawing of a status."""
    return format_html(
        '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>',
        DRAWINGS.get(status, DRAWINGS["queued"]),
    )


@register.simple_tag
def status_badge(task: Task) -> SafeString:
    """Status as drawing, word and colour."""
    word = wording.status_word(task)
    return format_html(
        '<span class="status" data-status="{}">{}{}</span>',
        task.status,
        status_icon(task.status),
        word[:1].upper() + word[1:],
    )
