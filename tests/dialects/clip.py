"""A tiny real video that Chromium can play: WebM with VP8, 2 seconds, 160 x 90."""

import io
from functools import lru_cache

import av
import numpy as np

SECONDS = 2
FRAMES_PER_SECOND = 10


@lru_cache(maxsize=1)
def clip() -> bytes:
    """The bytes of the file."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(SECONDS * FRAMES_PER_SECOND):
            picture = np.zeros((90, 160, 3), dtype=np.uint8)
            picture[:, :, 2] = 90
            picture[:, number * 7 : number * 7 + 12, 0] = 250
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file.getvalue()
