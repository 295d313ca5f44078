"""`extract_last_frame` beside the task list's command."""

import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import numpy as np
from PIL import Image

from benchmarks.table import Row
from benchmarks.workbench import model_clip, read_example
from chunk_assets.media.ffmpeg import executable
from chunk_assets.media.frames import extract_last_frame, read_frames
from chunk_assets.storage.store import ObjectStore


def measure(store: ObjectStore, instance: dg.DagsterInstance, repeat: int = 15) -> list[Row]:
    """A clip of 48 frames as a model delivers it, one keyframe in it."""
    animatic = read_example()
    picture = animatic.pictures[animatic.animatic.frames[0]]
    with TemporaryDirectory() as scratch:
        directory = Path(scratch)
        clip = model_clip(animatic.specs("clip")[0], picture, directory / "model.mp4")
        ours, theirs = directory / "ours.png", directory / "theirs.png"
        select = ["-vf", r"select=eq(n\,47)", "-vframes", "1"]
        command = [executable(), "-v", "error", "-y", "-i", str(clip), *select, str(theirs)]

        def extract() -> None:
            extract_last_frame(str(clip), output_path=str(ours))

        def run() -> None:
            subprocess.run(command, check=True)

        mine, other = [], []
        for _ in range(repeat):  # in turn: the machine's moods hit both
            mine.append(_timed(extract))
            other.append(_timed(run))
        *_, accurate = read_frames(clip)
        is_equal = np.array_equal(np.asarray(Image.open(ours)), accurate)
    seconds, ratio = statistics.median(mine), statistics.median(other) / statistics.median(mine)
    return [
        Row("extract_last_frame, PNG and all", seconds),
        Row("the task list's command", statistics.median(other), ratio=ratio, aim="≥ 2 ×",
            is_met=ratio >= 2),
        Row("pixels that differ from the accurate decode", float(not is_equal), "", aim="0",
            is_met=is_equal),
    ]  # fmt: skip


def _timed(function: Callable[[], None]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began
