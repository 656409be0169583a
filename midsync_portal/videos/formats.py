"""What a file is, judged by its first bytes; what its sender calls it only may not disagree."""

from dataclasses import dataclass

HEAD_BYTES = 64  # as many as it takes to tell


@dataclass(frozen=True)
class Format:
    """A kind of file: its type, the end of its name, and what FFmpeg calls it."""

    content_type: str
    suffix: str
    demuxer: str


MP4 = Format("video/mp4", "mp4", "mp4")
MOV = Format("video/quicktime", "mov", "mov")
WEBM = Format("video/webm", "webm", "matroska")
JPEG = Format("image/jpeg", "jpg", "jpeg_pipe")
PNG = Format("image/png", "png", "png_pipe")
WEBP = Format("image/webp", "webp", "webp_pipe")

FORMATS = {one.content_type: one for one in (MP4, MOV, WEBM, JPEG, PNG, WEBP)}
# The same box begins pictures and music.
NO_VIDEO_BRANDS = (b"avi", b"hei", b"hev", b"mif1", b"msf1", b"M4A", b"M4B", b"M4P", b"crx")
OLD_MOV_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip")
# What servers say of any file at all.
NO_SAYING = ("", "application/octet-stream", "binary/octet-stream", "application/mp4")


def video_format(head: bytes) -> Format | None:
    """The format of a video that begins like this; None if it is none that browsers play."""
    box = head[4:8]
    if box == b"ftyp":
        brand = head[8:12]
        if brand.startswith(NO_VIDEO_BRANDS):
            return None
        return MOV if brand == b"qt  " else MP4
    if box in OLD_MOV_BOXES and head[:1] == b"\0":
        return MOV
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head[:HEAD_BYTES]:
        return WEBM
    return None


def image_format(head: bytes) -> Format | None:
    """The format of a picture that begins like this; None if it is none that we take."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    return None


def may_be(content_type: str, family: str) -> bool:
    """Whether a Content-Type header does not deny that the file is a "video" or an "image"."""
    named = content_type.partition(";")[0].strip().lower()
    return named in NO_SAYING or named.startswith(f"{family}/")
