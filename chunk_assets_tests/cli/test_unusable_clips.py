"""Clips that were damaged before they were stored: their sha256 fits and they cannot be used."""

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

from chunk_assets.film.records import ClipRecord
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clips import ClipFormat, ClipWriter
from chunk_assets.media.frames import probe
from chunk_assets.settings import Settings
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.cli.commands import done, rendered
from chunk_assets_tests.cli.conftest import Animatics

pytestmark = pytest.mark.slow

CLIP, FRAME = keys.chunk_video("film", 1), keys.last_frame("film", 1)

Content = Callable[[bytes], bytes]


def garbage(_clip: bytes) -> bytes:
    """Bytes that are no video."""
    return b"garbage" * 100


def truncated(clip: bytes) -> bytes:
    """A clip without its second half."""
    return clip[: len(clip) // 2]


def too_short(_clip: bytes) -> bytes:
    """A whole video with fewer frames than the clip's record says."""
    path = Path("short.mp4")
    with ClipWriter(path, ClipFormat(2, FrameRate(8), (128, 72))) as writer:
        for _ in range(2):
            writer.write(np.zeros((72, 128, 3), np.uint8))
    return path.read_bytes()


def store_anew(store: ObjectStore, key: str, content: bytes) -> None:
    """Store this content as if it were whole: with digests that fit it, and the same record."""
    stored = store.find(key)
    store.put_bytes(key, content, "video/mp4", dict(stored.record))


@pytest.mark.parametrize(
    ("content", "frame_fits"), [(garbage, False), (truncated, True), (too_short, True)]
)
def test_a_clip_that_cannot_be_used_is_named_and_rendered_again(
    animatic: Animatics, store: ObjectStore, settings: Settings, content: Content, frame_fits: bool
):
    """By plain `render`, as the same take, whether walking or stitching finds it."""
    film = animatic()
    done("render", film)
    clip = store.get_bytes(CLIP)[0]
    for key in (CLIP, f"{keys.take('film', 1, 1)}clip.mp4"):  # without an intact take to copy
        store_anew(store, key, content(clip))
    if frame_fits:  # as if it had been stored so in the first place
        frame, picture = store.find(FRAME), store.get_bytes(FRAME)[0]
        record = {**frame.record, "clip": store.find(CLIP).sha256}
        store.put_bytes(FRAME, picture, "image/png", record)
    rmtree(settings.home / "nearby")
    ended = done("render", film, "--json")
    [note] = [line for line in ended.stderr.splitlines() if "rendered again" in line]
    assert note.startswith("chunk 01: its clip is damaged: it ")
    assert note.endswith("; it will be rendered again at no cost")
    assert rendered(ended) == [1]
    assert ClipRecord.of(store.find(CLIP)).take == 1
    assert store.get_bytes(CLIP)[0] == clip
    assert probe(Path("film.mp4")).frames == 48
    assert rendered(done("render", film, "--json")) == []
