"""Our own sentences that are kept with a task: stored in English, shown in the reader's language.

Whoever reads a task may read another language than whoever made it move. What is not ours (what
MidSync or support wrote) stays as it was written.
"""

from django.utils.translation import gettext, gettext_noop

from .models.status import Status

ASKED = "MidSync was asked: "
UNKNOWN = "no status that we know: "
OURS = frozenset(
    [
        # Why a task ended.
        gettext_noop("MidSync could not be reached in time."),
        gettext_noop("MidSync did not take this order."),
        gettext_noop("MidSync is too busy right now."),
        gettext_noop("MidSync reported no result for three days."),
        gettext_noop("MidSync reported no result, and support has stopped waiting for it."),
        gettext_noop("no result for 72 hours"),
        gettext_noop("two readings of the usage logs hold no charge for it"),
        gettext_noop("waited unsent longer than the price stands"),
        # What came of asking MidSync.
        gettext_noop("MidSync cannot be reached right now."),
        gettext_noop("MidSync could not be asked right now."),
        gettext_noop("MidSync does not know this task yet."),
        gettext_noop(
            "MidSync has not given this task a number yet, so it cannot be asked about it."
        ),
        gettext_noop("MidSync says that it does not know this task."),
        gettext_noop("MidSync was asked a moment ago. Please try again in ten seconds."),
        gettext_noop("MidSync's usage logs were read"),
        gettext_noop("details learned"),
        gettext_noop("nothing new"),
        gettext_noop("ready, but without a usable link"),
        gettext_noop("waits for the status endpoint to confirm"),
        gettext_noop("a report names the id of another task"),
        gettext_noop("a report names an id that is not this task's"),
        # Our copy of the video.
        gettext_noop("The video is saved"),
        gettext_noop("The video could not be saved"),
    ]
)
WORDS = frozenset(status.label for status in Status)
NOTHING_CHARGED = " Nothing was charged."


def translated(text: str) -> str:
    """A stored sentence in the reader's language; as it is where it is not ours."""
    if text in OURS or text in WORDS:
        return gettext(text)
    if text.startswith(ASKED):
        outcome = text.removeprefix(ASKED).removesuffix(".")
        words = " → ".join(translated(part) for part in outcome.split(" → "))
        return gettext("MidSync was asked: %(outcome)s.") % {"outcome": words}
    if text.startswith(UNKNOWN):
        said = gettext("no status that we know: %(word)s")
        return said % {"word": text.removeprefix(UNKNOWN)}
    sentence = text.removesuffix(NOTHING_CHARGED)
    if sentence != text and sentence in OURS:
        return f"{gettext(sentence)} {gettext('Nothing was charged.')}"
    return text
