"""What a film's page carries within itself: pictures and videos as data URIs, small enough.

A page has at most 25 MiB, whatever the film's length::

    the film           5.0 MB
    all its chunks     7.5 MB     half of each chunk's share for its clip, a sixth for each picture
    in base64         16.7 MB     four characters for three bytes
    words              8.3 MB     markup and checks take 3.5 kB a chunk, and there are 1800 chunks
                                  in the longest film; free text takes 2 MB (`Shares.characters`)
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from chunk_assets.errors import ChunkAssetsError, NotStored
from chunk_assets.images import open_picture, thumbnail_jpeg
from chunk_assets.storage.store import ObjectStore
from chunk_assets.video.frames import last_frame
from chunk_assets.video.reducing import Reduction, reduce_video

MAX_PAGE_BYTES = 25 << 20
FILM_BYTES = 5_000_000
CHUNKS_BYTES = 7_500_000

FILM_SIDE, CLIP_SIDE, PICTURE_SIDE = 640, 320, 320
"""Pixels of the longer side: four pictures beside each other on a desk, two on a phone."""

SMALL_PICTURE_SIDE, SMALL_PICTURE_BYTES = 208, 7_000
"""A picture that may have no more bytes looks better small than as a heap of blocks."""

CLIP_FPS = 12
POSTER_BYTES = 60_000


@dataclass(frozen=True)
class Shares:
    """What one chunk of a film with so many may take of the page."""

    chunks: int

    @property
    def clip(self) -> Reduction:
        """What its clip may be."""
        return Reduction(CLIP_SIDE, CLIP_FPS, CHUNKS_BYTES // self.chunks // 2)

    @property
    def picture_bytes(self) -> int:
        """What each of its pictures may take."""
        return CHUNKS_BYTES // self.chunks // 6

    @property
    def characters(self) -> int:
        """How long a text may be; escaped, each may take five bytes."""
        return max(100, min(2000, 400_000 // self.chunks))


@dataclass(frozen=True)
class Medium:
    """A picture or a video as the page has it.

    Attributes:
        uri: A data URI; empty where there is nothing to show.
        said: Why there is not.
        poster: Of a film, the picture that stands there until it plays.
    """

    uri: str = ""
    said: str = ""
    poster: str = ""


def picture(store: ObjectStore, key: str, path: Path, max_bytes: int, absent: str) -> Medium:
    """A stored picture; `path` is where it may lie meanwhile.

    Whatever is wrong with it is said; `absent` is said where it is not stored.
    """

    def shown() -> Medium:
        store.download(key, path)
        return Medium(jpeg_uri(open_picture(path), max_bytes))

    return _told(shown, path, absent)


def clip(store: ObjectStore, key: str, path: Path, reduction: Reduction, absent: str) -> Medium:
    """A stored clip; see `picture`."""

    def shown() -> Medium:
        store.download(key, path)
        reduce_video(path, _small(path), reduction)
        return Medium(_uri("video/mp4", _small(path).read_bytes()))

    return _told(shown, path, absent)


def film(store: ObjectStore, key: str, path: Path, middle: Fraction, absent: str) -> Medium:
    """A stored film, its poster taken at `middle` seconds; see `picture`."""

    def shown() -> Medium:
        store.download(key, path)
        reduce_video(path, _small(path), Reduction(FILM_SIDE, 30, FILM_BYTES - POSTER_BYTES))
        poster = jpeg_uri(last_frame(str(_small(path)), until=middle), POSTER_BYTES, FILM_SIDE)
        return Medium(_uri("video/mp4", _small(path).read_bytes()), poster=poster)

    return _told(shown, path, absent)


def jpeg_uri(image: Image.Image, max_bytes: int, side: int = PICTURE_SIDE) -> str:
    """A picture as a data URI of a JPEG of at most so many bytes."""
    side = side if max_bytes > SMALL_PICTURE_BYTES else SMALL_PICTURE_SIDE
    return _uri("image/jpeg", thumbnail_jpeg(image, max(1000, max_bytes), side))


def _told(shown: Callable[[], Medium], path: Path, absent: str) -> Medium:
    """What `shown` gives, or what is wrong in words that speak of no file of this machine."""
    try:
        return shown()
    except NotStored:
        return Medium(said=absent)
    except ChunkAssetsError as error:
        sentence = str(error)
        for local in (path, _small(path)):
            sentence = re.sub(
                f"(the (picture|video) )?{re.escape(repr(str(local)))}", "it", sentence
            )
        return Medium(said=sentence)
    finally:
        for local in (path, _small(path)):
            local.unlink(missing_ok=True)


def _small(path: Path) -> Path:
    return path.with_name(f"small_{path.name}")


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
