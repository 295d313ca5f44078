"""What a film's page carries within itself: pictures and videos as data URIs, small enough.

A page has at most 25 MiB, whatever the film's length::

    the film           5.0 MB
    all its chunks     7.5 MB     half of each chunk's share for its clip, a sixth for each picture
    in base64         16.7 MB     four characters for three bytes
    words              8.3 MB     markup and checks take 3.5 kB a chunk, and there are 1800 chunks
                                  in the longest film; free text takes 2 MB (`Shares.characters`
                                  and `Shares.label`)
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from PIL import Image

from chunk_assets.errors import ChunkAssetsError, NotStored
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.frames import VideoInfo, last_frame, probe
from chunk_assets.media.images import open_picture, thumbnail_jpeg
from chunk_assets.media.sampling import frames_at
from chunk_assets.media.thumbnail_video import Reduction, reduce_video
from chunk_assets.storage.store import ObjectStore

MAX_PAGE_BYTES = 25 << 20
FILM_BYTES = 5_000_000
CHUNKS_BYTES = 7_500_000

FILM_SIDE, CLIP_SIDE, PICTURE_SIDE = 640, 320, 320
"""Pixels of the longer side: four pictures beside each other on a desk, two on a phone."""

SMALL_PICTURE_SIDE, SMALL_PICTURE_BYTES = 208, 7_000
"""A picture that may have no more bytes looks better small than as a heap of blocks."""

CLIP_FPS, FILM_FPS = FrameRate(12), FrameRate(30)
POSTER_BYTES = 60_000

MAX_THUMBNAILS, THUMBNAIL_SIDE, THUMBNAIL_BYTES = 60, 120, 5_000
"""Of the timeline; the film's share pays for them."""


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
        return max(100, min(2000, 320_000 // self.chunks))

    @property
    def label(self) -> int:
        """How long a text alternative may be; a chunk has four, and the film some more."""
        return max(30, min(160, 40_000 // self.chunks))


@dataclass(frozen=True)
class Moment:
    """A place in the film that a thumbnail leads to.

    Attributes:
        number: The chunk that begins there.
        label: What that chunk shows.
        at: When it begins, in seconds, as a number is written.
        middle: What the thumbnail shows, in seconds.
    """

    number: str
    label: str
    at: str
    middle: Fraction


@dataclass(frozen=True)
class Medium:
    """A picture or a video as the page has it.

    Attributes:
        uri: A data URI; empty where there is nothing to show.
        said: Why there is not.
        poster: Of a film, the picture that stands there until it plays.
        copy: Of a film, how it differs from the one that is stored.
        frames: Of a film, thumbnails by the moments that they show.
    """

    uri: str = ""
    said: str = ""
    poster: str = ""
    copy: str = ""
    frames: Mapping[Moment, str] = field(default_factory=dict)


_FILM_PICTURES = POSTER_BYTES + MAX_THUMBNAILS * THUMBNAIL_BYTES


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


def film(
    store: ObjectStore,
    key: str,
    path: Path,
    middle: Fraction,
    moments: Sequence[Moment],
    absent: str,
) -> Medium:
    """A stored film, its poster taken at `middle` seconds, and thumbnails; see `picture`."""

    def shown() -> Medium:
        store.download(key, path)
        reduce_video(
            path, _small(path), Reduction(FILM_SIDE, FrameRate(30), FILM_BYTES - _FILM_PICTURES)
        )
        poster = jpeg_uri(last_frame(str(_small(path)), until=middle), POSTER_BYTES, FILM_SIDE)
        thumbnails = frames_at(_small(path), [moment.middle for moment in moments], THUMBNAIL_SIDE)
        uris = (jpeg_uri(each, THUMBNAIL_BYTES, THUMBNAIL_SIDE) for each in thumbnails)
        return Medium(
            _uri("video/mp4", _small(path).read_bytes()),
            poster=poster,
            copy=_copy(probe(path), probe(_small(path))),
            frames=dict(zip(moments, uris, strict=True)),
        )

    return _told(shown, path, absent)


def _copy(whole: VideoInfo, copy: VideoInfo) -> str:
    """What a person must know who judges a film by its copy."""

    def form(video: VideoInfo) -> str:
        return f"{video.width} × {video.height} at {float(video.fps):g} fps"

    if form(whole) == form(copy):
        return "A copy with stronger compression."
    return f"A reduced copy, {form(copy)}; the film has {form(whole)}."


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
