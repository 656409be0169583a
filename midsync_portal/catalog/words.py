"""The catalog's words in the reader's language.

The catalog itself is English: its rules mark their labels and sentences with `gettext_noop`, and
whoever shows one passes it through here. What only MidSync says stays as MidSync wrote it.
"""

import re

from django.utils.translation import gettext, gettext_noop, ngettext

_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?) s")

# How many of a thing, and asking for one: whole phrases, because languages count differently.
ASK_FOR_ONE = {
    "shot": gettext_noop("Please add a shot."),
    "element": gettext_noop("Please add an element."),
    "image": gettext_noop("Please add an image."),
    "link": gettext_noop("Please add a link."),
    "entry": gettext_noop("Please add an entry."),
}
NONE_POSSIBLE = {
    "shot": gettext_noop("no shots are possible. Please remove them."),
    "element": gettext_noop("no elements are possible. Please remove them."),
    "image": gettext_noop("no images are possible. Please remove them."),
    "link": gettext_noop("no links are possible. Please remove them."),
    "entry": gettext_noop("no entries are possible. Please remove them."),
}
ADD_ONE = {
    "shot": gettext_noop("Add shot"),
    "element": gettext_noop("Add element"),
    "image": gettext_noop("Add image"),
    "link": gettext_noop("Add link"),
    "entry": gettext_noop("Add entry"),
}


def in_words(text: str) -> str:
    """A label or sentence of the catalog; one that is not ours stays as it is."""
    if seconds := _SECONDS.fullmatch(text):
        return gettext("%(count)s s") % {"count": seconds[1]}
    return gettext(text) if text else ""


def counted_things(count: int, thing: str) -> str:
    """1 image, 3 images; `thing` is one of shot, element, image, link, entry."""
    match thing:
        case "shot":
            phrase = ngettext("%(count)d shot", "%(count)d shots", count)
        case "element":
            phrase = ngettext("%(count)d element", "%(count)d elements", count)
        case "image":
            phrase = ngettext("%(count)d image", "%(count)d images", count)
        case "link":
            phrase = ngettext("%(count)d link", "%(count)d links", count)
        case _:
            phrase = ngettext("%(count)d entry", "%(count)d entries", count)
    return phrase % {"count": count}


def started(reason: str, rest: str) -> str:
    """A sentence that may begin with what makes a limit tighter: "With an image, at most …"."""
    if reason:
        return gettext("%(reason)s, %(rest)s") % {"reason": in_words(reason), "rest": rest}
    return rest[:1].upper() + rest[1:]
