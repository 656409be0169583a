"""Fields that many models share, and the limits of their rows."""

from dataclasses import replace

from django.utils.translation import gettext_noop as _

from .conditions import Given
from .parameters import Option, Parameter

PROMPT_MAX = 5000  # characters, where nobody says less
IMAGES_MAX = 7

# --- fields that many models share ---------------------------------------------------------------

WITH_IMAGES = Given("images")
SEVERAL_SHOTS = Given("multiShots")

PROMPT = Parameter(
    "prompt",
    "textarea",
    _("Prompt"),
    help=_("What happens, who is in it, how the camera moves."),
    minimum=1,
    maximum=PROMPT_MAX,
    required=True,
)
IMAGES = Parameter(
    "images",
    "urls",
    _("Images"),
    help=_("A public https link to a picture, used as the first frame."),
    maximum=1,
    marks=(_("First frame"),),
)
FIRST_AND_LAST_MARKS = (_("First frame"), _("Last frame"))
FIRST_AND_LAST = _("Public https links: the first frame, then the last frame.")
SOUND = Parameter(
    "generateAudio", "boolean", _("Sound"), help=_("Makes sound to the video."), default=False
)
CONTENT_CHECK = Parameter(
    "nsfwChecker", "boolean", _("Content check"), help=_("Refuses adult content."), default=False,
    advanced=True,
)  # fmt: skip
WATERMARK = Parameter(
    "watermark", "text", _("Watermark"), help=_("A short text shown in the video."), maximum=200,
    advanced=True,
)  # fmt: skip


def choice(name: str, label: str, *values: str | int, start: str | int) -> Parameter:
    """A choice of plain values."""
    options = tuple(Option(value, str(value)) for value in values)
    return Parameter(name, "choice", label, options=options, default=start)


def aspect_ratio(*values: str, start: str = "16:9") -> Parameter:
    """The shape of the picture."""
    return choice("aspectRatio", _("Aspect ratio"), *values, start=start)


def duration(*values: int, start: int) -> Parameter:
    """A choice of lengths, in seconds."""
    options = tuple(Option(value, f"{value} s") for value in values)
    return Parameter(
        "duration", "choice", _("Duration"), unit=_("seconds"), options=options, default=start,
        required=True,
    )  # fmt: skip


def seconds(least: int, most: int, start: int) -> Parameter:
    """A length of whole seconds in a range."""
    return Parameter(
        "duration", "integer", _("Duration"), unit=_("seconds"), minimum=least, maximum=most,
        default=start, step=1, required=True,
    )  # fmt: skip


# --- shots and elements: the rows of Kling 3.0 ---------------------------------------------------

SHOTS_MAX = 5
ELEMENTS_MAX = 3
# MidSync does not say under which key an element's images go: assumed, and said only here.
ELEMENT_IMAGES_KEY = "images"

ROW_FIELDS: dict[str, tuple[Parameter, ...]] = {
    "shots": (
        replace(PROMPT, label=_("What happens"), help="", maximum=500),
        Parameter(
            "duration", "integer", _("Seconds"), unit=_("seconds"), minimum=1, maximum=12,
            default=5, step=1, required=True,
        ),
    ),
    "elements": (
        Parameter("name", "text", _("Name"), minimum=1, maximum=100, required=True),
        Parameter(
            "description", "textarea", _("Description"), minimum=1, maximum=500, required=True
        ),
        Parameter(
            ELEMENT_IMAGES_KEY, "urls", _("Images"), minimum=2, maximum=4, required=True,
            help=_("Public https links to two to four pictures of it."),
        ),
    ),
}  # fmt: skip
ROW_LABELS = {"shots": _("Shot"), "elements": _("Element")}
