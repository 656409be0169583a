"""Reads the first picture out of a video or image that strangers made, and writes it as JPEG.

Runs as a program in a process of its own, which takes its limits before it looks at a byte:

    python -I frame.py INPUT FORMAT OUTPUT
"""

import contextlib
import os
import resource
import sys
from fractions import Fraction
from typing import Any

CPU_SECONDS = 15
MEMORY_BYTES = 1536 * 1024 * 1024
OUTPUT_BYTES = 4 * 1024 * 1024
PIXELS_MAX = 8192 * 8192
WIDTH_MAX = 1280


def take_limits() -> None:
    """No more than so much time and memory, no large file, no child, no dump."""
    for limit, value in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS knows no RLIMIT_AS
            resource.setrlimit(limit, (value, value))
    with contextlib.suppress(OSError):
        os.nice(10)


def main(source: str, demuxer: str, target: str) -> None:
    """Write the first picture of `source` to `target`, at most 1280 pixels wide."""
    take_limits()
    import av

    # A file object and a given format: FFmpeg can open nothing else, however the file asks for it.
    container: Any
    with open(source, "rb") as file, av.open(file, format=demuxer) as container:
        stream = container.streams.video[0]
        if stream.width * stream.height > PIXELS_MAX:
            raise ValueError("too many pixels")
        stream.codec_context.thread_count = 1
        picture = next(container.decode(stream))
    width = min(WIDTH_MAX, picture.width)
    height = max(2, round(picture.height * width / picture.width))
    small = picture.reformat(
        width=max(2, width // 2 * 2), height=height // 2 * 2, format="yuvj420p"
    )
    small.pts = 0
    writer: Any = av.CodecContext.create("mjpeg", "w")
    writer.width, writer.height, writer.pix_fmt = small.width, small.height, small.format.name
    writer.time_base = Fraction(1, 25)
    writer.options = {"qmin": "4", "qmax": "8"}
    with open(target, "wb") as written:
        for packet in (*writer.encode(small), *writer.encode(None)):
            written.write(bytes(packet))


if __name__ == "__main__":
    main(*sys.argv[1:])
