"""MidSync's ids of models and fields as names for people."""

import re

from django.utils.translation import gettext_noop as _

LABELS = {
    "aspectRatio": _("Aspect ratio"),
    "cfgScale": _("Prompt strength"),
    "description": _("Description"),
    "duration": _("Duration"),
    "enableTranslation": _("Enable translation"),
    "fixedLens": _("Fixed lens"),
    "generateAudio": _("Sound"),
    "images": _("Images"),
    "klingElements": _("Elements"),
    "mode": _("Mode"),
    "model": _("Model"),
    "multiPrompt": _("Shots"),
    "multiShots": _("Several shots"),
    "name": _("Name"),
    "negativePrompt": _("Negative prompt"),
    "nsfwChecker": _("Content check"),
    "prompt": _("Prompt"),
    "quality": _("Quality"),
    "referenceIndex": _("Reference index"),
    "referenceTaskId": _("Reference task id"),
    "referenceVideoUrls": _("Reference videos"),
    "resolution": _("Resolution"),
    "seed": _("Seed"),
    "seeds": _("Seeds"),
    "watermark": _("Watermark"),
}
# One of a list, where only one is possible.
ONE_OF = (_("Image"), _("Element"), _("Shot"), _("Reference video"))
# Words that a model's or setting's name keeps as they are.
SHORT_WORDS = {"i2v": "I2V", "t2v": "T2V", "nsfw": "NSFW", "cfg": "CFG", "ai": "AI"}


def model_name(video_model: str) -> str:
    """A model's id as a name: kling-2.6-i2v → Kling 2.6 I2V."""
    words = video_model.replace("_", "-").split("-")
    return " ".join(SHORT_WORDS.get(word, word[:1].upper() + word[1:]) for word in words if word)


def setting_name(name: str) -> str:
    """A field of MidSync's as a label: aspectRatio → Aspect ratio."""
    if name in LABELS:
        return LABELS[name]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").lower()
    return words[:1].upper() + words[1:]
