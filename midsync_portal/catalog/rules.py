"""The nine models we know, as data: what docs/midsync.md says about them and /models may not.

MidSync's list overrides options, limits, defaults and "required"; conditions stay, because a
flat list cannot say them. A value marked "start" is where a fresh form starts, not a default
that MidSync documents. Adding a model is one entry here.
"""

from dataclasses import replace

from django.utils.translation import gettext_noop as _

from .conditions import All, Count, Given, Is, Not
from .fields import (
    CONTENT_CHECK,
    ELEMENTS_MAX,
    FIRST_AND_LAST,
    FIRST_AND_LAST_MARKS,
    IMAGES,
    IMAGES_MAX,
    PROMPT,
    SEVERAL_SHOTS,
    SHOTS_MAX,
    SOUND,
    WATERMARK,
    WITH_IMAGES,
    aspect_ratio,
    choice,
    duration,
    seconds,
)
from .parameters import LimitWhen, Option, Parameter, VideoModel

SEEDANCE = VideoModel(
    "seedance-1.5-pro",
    "Seedance 1.5 Pro",
    (
        replace(PROMPT, minimum=3, maximum=2500),
        replace(IMAGES, maximum=2, help=FIRST_AND_LAST, marks=FIRST_AND_LAST_MARKS),
        # Which of the next three are required is not documented; the samples send them.
        aspect_ratio("16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "2:3", "3:2"),
        replace(
            choice("resolution", _("Resolution"), "480p", "720p", "1080p", start="720p"),
            required=True,
        ),
        duration(4, 8, 12, start=8),
        SOUND,
        Parameter(
            "fixedLens", "boolean", _("Fixed lens"), help=_("Keeps the camera still."),
            default=False, advanced=True,
        ),
        CONTENT_CHECK,
    ),
)  # fmt: skip

KLING_TURBO = VideoModel(
    "kling-2.5-turbo",
    "Kling 2.5 Turbo",
    (
        PROMPT,
        IMAGES,
        replace(aspect_ratio("16:9", "9:16", "1:1"), hidden_when=WITH_IMAGES),
        duration(5, 10, start=5),
        Parameter(
            "negativePrompt",
            "textarea",
            _("Negative prompt"),
            help=_("What should not be in the video."),
            maximum=2500,
            limits_when=(LimitWhen(WITH_IMAGES, 500, _("With an image")),),
            advanced=True,
        ),
        Parameter(
            "cfgScale",
            "number",
            _("Prompt strength"),
            help=_("How closely the video follows the prompt, from 0 to 1."),
            minimum=0,
            maximum=1,
            clamped=True,
            advanced=True,
        ),
    ),
)

KLING_I2V = VideoModel(
    "kling-2.6-i2v",
    "Kling 2.6 Image to Video",
    (
        replace(PROMPT, maximum=1000),
        replace(
            IMAGES,
            minimum=1,
            maximum=IMAGES_MAX,
            required=True,
            help=_("A public https link to a picture. Of several, the first is used."),
        ),
        duration(5, 10, start=5),
        SOUND,
    ),
)

# The id is a guess: MidSync's page of the model above names it without its fields.
KLING_T2V = VideoModel(
    "kling-2.6-t2v",
    "Kling 2.6 Text to Video",
    (
        replace(PROMPT, maximum=1000),
        aspect_ratio("16:9", "9:16", "1:1"),
        duration(5, 10, start=5),
        SOUND,
    ),
)

KLING_3 = VideoModel(
    "kling-3.0",
    "Kling 3.0",
    (
        replace(PROMPT, hidden_when=SEVERAL_SHOTS),
        Parameter(
            "multiShots",
            "boolean",
            _("Several shots"),
            help=_("Describe the video shot by shot."),
            default=False,
        ),
        Parameter(
            "multiPrompt",
            "shots",
            _("Shots"),
            help=_("3 to 15 seconds in all."),
            minimum=1,
            maximum=SHOTS_MAX,
            required=True,
            hidden_when=Not(SEVERAL_SHOTS),
        ),
        replace(
            IMAGES,
            maximum=2,
            help=FIRST_AND_LAST,
            marks=FIRST_AND_LAST_MARKS,
            limits_when=(LimitWhen(SEVERAL_SHOTS, 1, _("With several shots")),),
        ),
        replace(
            aspect_ratio("16:9", "9:16", "1:1"),
            help=_("With an image, the video may follow the shape of the image."),
        ),
        replace(seconds(3, 15, start=5), hidden_when=SEVERAL_SHOTS, total_of="multiPrompt"),
        replace(
            choice("mode", _("Mode"), start="std"),
            options=(Option("std", _("Standard")), Option("pro", _("Pro"))),
        ),
        replace(SOUND, default_when=((SEVERAL_SHOTS, True),)),
        Parameter(
            "klingElements",
            "elements",
            _("Elements"),
            help=_("People or things that should look the same throughout."),
            maximum=ELEMENTS_MAX,
            advanced=True,
        ),
    ),
)

RUNWAY = VideoModel(
    "runway",
    "Runway",
    (
        replace(PROMPT, maximum=1800),
        IMAGES,
        replace(
            aspect_ratio("16:9", "9:16", "1:1", "4:3", "3:4"),
            required=Not(WITH_IMAGES),
            hidden_when=WITH_IMAGES,
        ),
        duration(5, 10, start=5),
        replace(
            choice("quality", _("Quality"), start="720p"),
            options=(
                Option("720p", "720p"),
                Option(
                    "1080p",
                    "1080p",
                    only_when=Not(Is("duration", 10)),
                    reason=_("1080p is not possible with 10 s. Choose 720p, or 5 s."),
                ),
            ),
            required=True,
        ),
        WATERMARK,  # its type is not documented
    ),
)

# An earlier Grok picture as source: MidSync's pages contradict each other, and the video API
# cannot make such a task. Offered only where MidSync's list names the fields.
GROK_REFERENCE = Parameter(
    "referenceTaskId",
    "text",
    _("Earlier Grok task"),
    help=_("The id of an earlier Grok picture task, instead of images."),
    maximum=200,
    hidden_when=WITH_IMAGES,
    advanced=True,
    only_if_listed=True,
)
GROK_REFERENCE_INDEX = Parameter(
    "referenceIndex",
    "integer",
    _("Picture of that task"),
    help=_("From 0, the first."),
    minimum=0,
    maximum=5,
    default=0,
    hidden_when=Not(All(Given("referenceTaskId"), Not(WITH_IMAGES))),
    advanced=True,
    only_if_listed=True,
)

GROK = VideoModel(
    "grok-video",
    "Grok Video",
    (
        replace(PROMPT, required=All(Not(WITH_IMAGES), Not(Given("referenceTaskId")))),
        replace(IMAGES, maximum=7, help=_("Public https links to pictures."), marks=()),
        aspect_ratio("2:3", "3:2", "1:1", "16:9", "9:16", start="2:3"),
        seconds(6, 30, start=6),
        replace(
            choice("resolution", _("Resolution"), "480p", "720p", start="480p"),
            required=True,
        ),
        replace(
            choice("mode", _("Mode"), start="normal"),
            options=(
                Option("normal", _("Normal")),
                Option("fun", _("Fun")),
                Option(
                    "spicy",
                    _("Spicy"),
                    only_when=Not(WITH_IMAGES),
                    reason=_(
                        "Spicy is not possible with images. Choose another mode, "
                        "or remove the images."
                    ),
                ),
            ),
        ),
        GROK_REFERENCE,
        GROK_REFERENCE_INDEX,
        CONTENT_CHECK,
    ),
)

# Veo chooses between the first two modes by itself; only reference images have to be asked for.
REFERENCES = Is("mode", "REFERENCE_2_VIDEO")
VEO_TEXT = Option(
    "TEXT_2_VIDEO",
    _("Text"),
    only_when=Not(WITH_IMAGES),
    reason=_("“Text” works without images. Choose another mode, or remove the images."),
)
VEO_FRAMES = Option(
    "FIRST_AND_LAST_FRAMES_2_VIDEO",
    _("First and last frame"),
    only_when=Count("images", 1, 2),
    reason=_("“First and last frame” needs one or two images."),
)
VEO_REFERENCES = Option(
    "REFERENCE_2_VIDEO",
    _("Reference images"),
    only_when=Count("images", 1, 3),
    reason=_("“Reference images” needs one to three images."),
)
VEO_MODE = Parameter(
    "mode",
    "choice",
    _("Mode"),
    help=_("Automatic: text alone, or the first and last frame where images are given."),
    options=(VEO_TEXT, VEO_FRAMES, VEO_REFERENCES),
    blank_label=_("Automatic"),
)
ONLY_WIDE = _("Reference images work only with 16:9.")
VEO_REST = (
    Parameter(
        "enableTranslation", "boolean", _("Translate the prompt"),
        help=_("Into English, before the video is made."), default=True, advanced=True,
    ),
    Parameter(
        "seeds", "integer", _("Seed"), help=_("The same seed gives a similar video again."),
        minimum=10000, maximum=99999, step=1, advanced=True,
    ),
    WATERMARK,
)  # fmt: skip

VEO_FAST = VideoModel(
    "veo-3.1-fast",
    "Veo 3.1 Fast",
    (
        PROMPT,
        replace(
            IMAGES,
            maximum=3,
            help=_("Public https links: first and last frame, or up to three reference images."),
            marks=FIRST_AND_LAST_MARKS,
            unmarked_when=REFERENCES,
            limits_when=(
                LimitWhen(Not(REFERENCES), 2, _("Unless the mode is “Reference images”")),
            ),
        ),
        VEO_MODE,
        Parameter(
            "aspectRatio",
            "choice",
            _("Aspect ratio"),
            options=(
                Option("16:9", "16:9"),
                Option("9:16", "9:16", only_when=Not(REFERENCES), reason=ONLY_WIDE),
                Option("Auto", _("Automatic"), only_when=Not(REFERENCES), reason=ONLY_WIDE),
            ),
            default="16:9",
        ),
        *VEO_REST,
    ),
)

# MidSync only names this model: the fields are those of the fast one without references.
VEO = VideoModel(
    "veo-3.1",
    "Veo 3.1",
    (
        PROMPT,
        replace(IMAGES, maximum=2, help=FIRST_AND_LAST, marks=FIRST_AND_LAST_MARKS),
        replace(VEO_MODE, options=(VEO_TEXT, VEO_FRAMES)),
        replace(
            aspect_ratio("16:9", "9:16"),
            options=(
                Option("16:9", "16:9"),
                Option("9:16", "9:16"),
                Option("Auto", _("Automatic")),
            ),
        ),
        *VEO_REST,
    ),
)

BUILT_IN: tuple[VideoModel, ...] = (
    KLING_3, VEO_FAST, SEEDANCE, RUNWAY, GROK, KLING_TURBO, KLING_I2V, KLING_T2V, VEO,
)  # fmt: skip
