"""What the pages of support need: work lists with counts, moments, bodies as text."""

import re
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from midsync_portal.worklists import COUNTED_MAX, WORK_LISTS

register = template.Library()

# Control characters but tab and line ends, zero-width ones, bidi controls, lone surrogates.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


@register.simple_tag
def work_lists() -> list[dict[str, Any]]:
    """Every work list with its count; one query each."""
    lists = []
    for one in WORK_LISTS:
        count = one.count()
        lists.append(
            {
                "name": one.name,
                "label": one.label,
                "remedy": one.remedy,
                "page": f"admin:midsync_portal_{one.model}_changelist",
                "count": count,
                "shown": f"{COUNTED_MAX - 1}+" if count >= COUNTED_MAX else str(count),
            }
        )
    return lists


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """A time in UTC and how long ago; `support.js` adds the viewer's own zone."""
    if at is None:
        return "–"
    return format_html(
        '<time class="moment" datetime="{}" data-moment>'
        '<span>{} UTC</span> <span class="moment__ago">{}</span></time>',
        at.isoformat(),
        f"{at:%Y-%m-%d %H:%M:%S}",
        ago(at),
    )


@register.filter
def ago(at: datetime) -> str:
    """How long ago, or in how long, in the two largest units."""
    now = timezone.now()
    if abs((now - at).total_seconds()) < 60:
        return _("just now")
    if at > now:
        return _("in %(span)s") % {"span": timesince(now, at)}
    return _("%(span)s ago") % {"span": timesince(at, now)}


@register.filter
def visible(text: object) -> str:
    """Text in which characters that hide or turn others are written out, as ‹U+202E›."""
    return UNSEEN.sub(lambda match: f"‹U+{ord(match[0]):04X}›", str(text))
