"""Files as hosted models deliver them: with sound, at odd rates, larger, in other containers."""

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from chunk_assets_tests.manifests import picture

C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@dataclass(frozen=True)
class Delivered:
    """A file, and what it is.

    Attributes:
        suffix: Of the name that it is stored under.
        media_type: Of the stored object.
        size: In pixels.
        fps: Frames per second, as a fraction.
        frames: The number of frames.
        codec: Of the picture.
        container: As FFmpeg calls it.
        has_sound: Whether it has a sound track.
        has_content_credentials: Whether it has a C2PA box.
    """

    suffix: str = ".mp4"
    media_type: str = "video/mp4"
    size: tuple[int, int] = (128, 72)
    fps: str = "24"
    frames: int = 48
    codec: str = "libx264"
    container: str = "mp4"
    has_sound: bool = False
    has_content_credentials: bool = False

    def content(self) -> bytes:
        """Encode the file: a picture that becomes lighter."""
        file = io.BytesIO()
        with av.open(file, "w", format=self.container) as container:
            self._encode(container)
        return file.getvalue() + (_credentials() if self.has_content_credentials else b"")

    def _encode(self, container: Any) -> None:
        rate = Fraction(self.fps)
        video = container.add_stream(self.codec, rate=rate, options={"threads": "1"})
        video.width, video.height = self.size
        video.pix_fmt = "rgb8" if self.codec == "gif" else "yuv420p"
        sound = container.add_stream("aac", rate=48000) if self.has_sound else None
        still = np.asarray(picture(5, self.size)).astype(int)
        for number in range(self.frames):
            levels = (still + number).clip(0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(levels, format="rgb24").reformat(
                format=video.pix_fmt
            )
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if sound is not None:
            for number in range(round(48000 * self.frames / rate / 1024)):
                silence = av.AudioFrame.from_ndarray(
                    np.zeros((1, 1024), np.float32), "fltp", "mono"
                )
                silence.sample_rate, silence.pts = 48000, number * 1024
                container.mux(sound.encode(silence))
            container.mux(sound.encode())


def _credentials() -> bytes:
    """Return a box as C2PA 2.1, A.5.1, describes it, with an empty manifest store."""
    content = C2PA + bytes(4) + b"manifest\0" + bytes(8)
    return (8 + len(content)).to_bytes(4) + b"uuid" + content


DELIVERED = {
    "plain": Delivered(),
    "with sound": Delivered(has_sound=True),
    "29.97 fps": Delivered(fps="30000/1001", frames=60),
    "larger": Delivered(size=(1280, 720)),
    "WebM": Delivered(".webm", "video/webm", codec="libvpx", container="webm"),
    "GIF": Delivered(".gif", "image/gif", fps="10", frames=20, codec="gif", container="gif"),
    "with credentials": Delivered(has_content_credentials=True, has_sound=True),
}
"""By name."""
