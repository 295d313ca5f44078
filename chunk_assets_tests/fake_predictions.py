"""The fake Replicate's predictions: their course, what they cost, and the clips they make."""

import functools
import io
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np
from PIL import Image

from chunk_assets_tests.fake_faults import NEVER, Fails, Takes
from chunk_assets_tests.fake_models import Model


class BillLine(NamedTuple):
    """A finished prediction: what it cost, and whether it ran."""

    id: str
    model: str
    status: str
    usd: float
    ran: bool


@dataclass
class Made:
    """A prediction; its status is a function of the time alone.

    Attributes:
        input: What was sent and the schema has.
        dropped: What was sent besides, by name.
        media: The bytes of what its clip is made from.
        end: The bytes of the picture that its clip ends on; empty if there is none.
    """

    id: str
    model: Model
    version: str
    input: dict[str, Any]
    dropped: dict[str, Any]
    media: bytes
    takes: Takes
    fails: Fails | None
    usd: float
    cancel_after: float | None
    created_at: datetime
    born: float = field(default_factory=time.monotonic)
    cancelled: float | None = None
    end: bytes = b""

    @property
    def started(self) -> float:
        """When it leaves the queue, on the monotonic clock."""
        return self.born + self.takes.queue

    @property
    def stopped(self) -> float | None:
        """When it is cancelled, or its deadline passes, if that is before its end."""
        deadline = None if self.cancel_after is None else self.born + self.cancel_after
        stops = [at for at in (self.cancelled, deadline) if at is not None]
        at = min(stops, default=NEVER**2)
        return at if at < self.started + self.takes.seconds else None

    @property
    def ended(self) -> float:
        """When it finishes."""
        return self.stopped or self.started + self.takes.seconds

    @property
    def status(self) -> str:
        """Its status now."""
        now = time.monotonic()
        if now < self.ended:
            return "starting" if now < self.started else "processing"
        if self.stopped is not None:
            by_deadline = self.stopped != self.cancelled and self.stopped < self.started
            return "aborted" if by_deadline else "canceled"
        return "failed" if self.fails else "succeeded"

    @property
    def is_over(self) -> bool:
        """Whether it is finished."""
        return time.monotonic() >= self.ended

    @property
    def ran(self) -> bool:
        """Whether it ran, and therefore costs."""
        before = self.fails is not None and not self.fails.has_run
        return self.is_over and self.ended >= self.started and not before

    @property
    def line(self) -> BillLine:
        """What it costs."""
        return BillLine(self.id, self.model.name, self.status, self.usd * self.ran, self.ran)

    def at(self, moment: float) -> datetime:
        """Return a moment of the monotonic clock as a date."""
        return self.created_at + timedelta(seconds=moment - self.born)

    @property
    def logs(self) -> str:
        """Progress bars, as models print them."""
        spent = min(time.monotonic(), self.ended) - self.started
        if spent < 0:
            return ""
        done = min(50, int(50 * spent / self.takes.seconds)) if self.takes.seconds else 50
        lines = (f"{2 * n:3}%|{'█' * (n // 5):10}| {n}/50 [00:01<00:01]" for n in range(done + 1))
        return "Using seed\n" + "\r".join(lines) + "\n"


@functools.lru_cache(maxsize=64)
def picture(media: bytes) -> np.ndarray:
    """Return what a picture shows, or a film's first frame, as RGB."""
    try:
        return np.asarray(Image.open(io.BytesIO(media)).convert("RGB"))
    except OSError:
        with av.open(io.BytesIO(media), "r") as container:
            return next(container.decode(video=0)).to_ndarray(format="rgb24")


@functools.lru_cache(maxsize=64)
def film(media: bytes, frames: int, fps: int, size: tuple[int, int], end: bytes = b"") -> bytes:
    """Return a film that shows the picture and pans over it by a thirty-second of its width.

    With an end picture it cuts to that one at two thirds, and holds it.
    """
    width, height = size
    margin = max(2, width // 64 * 2)
    luma, chroma = _planes(media, (width + margin, height))
    ending = _planes(end, size) if end else None
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        options = {"preset": "ultrafast", "crf": "12", "threads": "1"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.colorspace = codec.color_primaries = codec.color_trc = codec.color_range = 1
        for number in range(frames):
            # By two pixels at a time, so that the halved chroma moves with it.
            x = margin * number // max(1, frames - 1) // 2 * 2
            parts = (luma[:, x : x + width], chroma[:, :, x // 2 : (x + width) // 2])
            if ending is not None and 3 * number >= 2 * frames:
                parts = ending
            flat = np.concatenate([part.ravel() for part in parts]).reshape(-1, width)
            frame = av.VideoFrame.from_ndarray(flat, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def _planes(media: bytes, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture's luma and its two planes of chroma."""
    height = size[1]
    bt709 = {"dst_colorspace": "ITU709", "src_color_range": "JPEG", "dst_color_range": "MPEG"}
    rgb = np.asarray(Image.fromarray(picture(media)).resize(size))
    planes = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    yuv = planes.reformat(format="yuv420p", **bt709).to_ndarray().astype(np.uint8, copy=False)  # type: ignore[arg-type]  # names do
    return yuv[:height], yuv[height:].reshape(2, height // 2, -1)


def shown(made: Made, url: str, output: Any, *, is_gone: bool) -> dict[str, Any]:
    """Return a prediction's JSON.

    Args:
        made: The prediction.
        url: Its own URL.
        output: Its output, once it has succeeded.
        is_gone: Whether its data is deleted.
    """
    status = made.status
    has_started = status == "processing" or made.ran
    metrics = {"total_time": made.ended - made.born} if made.is_over else {}
    if made.ran:
        # A test's run may take no time; a real one always does.
        metrics["predict_time"] = max(made.ended - made.started, 0.001)
    return {
        "id": made.id,
        "model": made.model.name,
        "version": made.version,
        "status": status,
        "input": {} if is_gone else made.input,
        "output": output if status == "succeeded" and not is_gone else None,
        "logs": "" if is_gone else made.logs,
        "error": made.fails.error if made.fails and status == "failed" else None,
        "source": "api",
        "data_removed": is_gone,
        "created_at": iso(made.created_at),
        "started_at": iso(made.at(made.started)) if has_started else None,
        "completed_at": iso(made.at(made.ended)) if made.is_over else None,
        "metrics": metrics,
        "urls": {"get": url, "cancel": f"{url}/cancel"},
    }


def iso(moment: datetime) -> str:
    """Return a moment as Replicate writes it."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
