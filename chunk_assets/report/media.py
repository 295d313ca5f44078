"""The pictures and videos of the film page, reduced and encoded as data URIs.

A page has at most 25 MiB, whatever the film's length::

    the film           5.0 MB
    all its chunks     6.0 MB     half of each chunk's share for its clip, a sixth for each picture
    all their takes    2.0 MB     four fifths of each take's share for its moving preview
    in base64         17.3 MB     four characters for three bytes
    text               8.3 MB     markup and checks take 3.5 kB a chunk, and the longest film has
                                  1800 chunks; free text takes 2 MB (`Shares.characters` and
                                  `Shares.label`); a page shows 360 takes at most, of 3 kB each, in
                                  films of at most 180 chunks (`Shares.takes`)
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
from chunk_assets.media.images import animation_webp, open_picture, thumbnail_jpeg
from chunk_assets.media.pictures.animation import open_animation
from chunk_assets.media.sampling import frames_at
from chunk_assets.media.thumbnail_video import Reduction, write_thumbnail_video
from chunk_assets.render.previews import MAX_MOVING_BYTES, MOVING_FRAMES
from chunk_assets.storage.objects import ObjectRef

MAX_PAGE_BYTES = 25 << 20
FILM_BYTES = 5_000_000
CHUNKS_BYTES = 6_000_000
TAKES_BYTES = 2_000_000

FILM_SIDE, CLIP_SIDE, PICTURE_SIDE = 640, 320, 320
"""Pixels of the longer side: for four pictures in a row on a desktop, two on a phone."""

MAX_TAKES, FEWEST_TAKES = 8, 2
"""How many takes a chunk shows: two rows on a desktop, or none where there is room for one only."""

MAX_TAKE_BYTES = 40_000
"""Limit on the pictures of one take, of which the still one has `PICTURE_SIDE` pixels, too."""

SMALL_PICTURE_SIDE, SMALL_PICTURE_BYTES = 208, 7_000
"""Below this many bytes, a small picture looks better than a large one full of block artefacts."""

CLIP_FPS, FILM_FPS = FrameRate(12), FrameRate(30)
POSTER_BYTES = 60_000

MAX_THUMBNAILS, THUMBNAIL_SIDE, THUMBNAIL_BYTES = 60, 120, 5_000
"""Limits of the timeline's thumbnails, which are part of the film's share."""


@dataclass(frozen=True)
class Shares:
    """The limits for each chunk's part of the page, in a film of this many chunks."""

    chunks: int

    @property
    def clip(self) -> Reduction:
        """The limits of its clip."""
        return Reduction(CLIP_SIDE, CLIP_FPS, CHUNKS_BYTES // self.chunks // 2)

    @property
    def picture_bytes(self) -> int:
        """The greatest size of each of its pictures."""
        return CHUNKS_BYTES // self.chunks // 6

    @property
    def takes(self) -> int:
        """How many takes a chunk shows at most."""
        most = min(MAX_TAKES, 360 // self.chunks)
        return most if most >= FEWEST_TAKES else 0

    def take_bytes(self, takes: int) -> int:
        """The greatest size of the pictures of each take, if a chunk shows this many."""
        return min(MAX_TAKE_BYTES, TAKES_BYTES // self.chunks // takes)

    @property
    def characters(self) -> int:
        """The greatest length of a text; escaping may take five bytes for a character."""
        return max(100, min(2000, 320_000 // self.chunks))

    @property
    def label(self) -> int:
        """The greatest length of a text alternative; a chunk has four, and the film a few."""
        return max(30, min(160, 40_000 // self.chunks))


@dataclass(frozen=True)
class Moment:
    """A thumbnail of the timeline.

    Attributes:
        number: The chunk it stands for.
        label: Its text alternative.
        at: When the chunk begins, in seconds, as text.
        middle: When the frame it shows is, in seconds.
    """

    number: str
    label: str
    at: str
    middle: Fraction


@dataclass(frozen=True)
class Medium:
    """A picture or video of the page.

    Attributes:
        uri: A data URI; empty if there is nothing to show.
        reason: Why there is nothing to show.
        poster: A film's picture while it does not play, or that of a moving preview for people who
            prefer no motion.
        copy: How a film's copy differs from the stored film.
        frames: A film's thumbnails.
    """

    uri: str = ""
    reason: str = ""
    poster: str = ""
    copy: str = ""
    frames: Mapping[Moment, str] = field(default_factory=dict)


_FILM_PICTURES = POSTER_BYTES + MAX_THUMBNAILS * THUMBNAIL_BYTES


def picture(ref: ObjectRef, path: Path, max_bytes: int, absent: str) -> Medium:
    """Return a stored picture, downloaded to `path`.

    If it cannot be shown, `reason` says why; if it is not stored, `reason` is `absent`.
    """

    def load() -> Medium:
        ref.download(path)
        return Medium(jpeg_uri(open_picture(path), max_bytes))

    return _load_or_explain(load, path, absent)


def moving_preview(
    ref: ObjectRef, path: Path, seconds: float, max_bytes: int, absent: str
) -> Medium:
    """Return a stored moving preview, with its first picture as the poster; see `picture`.

    Args:
        ref: The preview.
        path: The file to download it to.
        seconds: How long it plays.
        max_bytes: The greatest size of both; at least 5,000.
        absent: The reason if it is not stored.
    """

    def load() -> Medium:
        ref.download(path)
        pictures = open_animation(path, MAX_MOVING_BYTES, MOVING_FRAMES)
        still = max_bytes // 5
        content = animation_webp(pictures, max_bytes - still, seconds, PICTURE_SIDE)
        return Medium(_uri("image/webp", content), poster=jpeg_uri(pictures[0], still))

    return _load_or_explain(load, path, absent)


def clip(ref: ObjectRef, path: Path, reduction: Reduction, absent: str) -> Medium:
    """Return a stored clip; see `picture`."""

    def load() -> Medium:
        ref.download(path)
        write_thumbnail_video(path, _small(path), reduction)
        return Medium(_uri("video/mp4", _small(path).read_bytes()))

    return _load_or_explain(load, path, absent)


def film(
    ref: ObjectRef, path: Path, middle: Fraction, moments: Sequence[Moment], absent: str
) -> Medium:
    """Return a stored film, its poster from `middle` seconds, and its thumbnails; see `picture`."""

    def load() -> Medium:
        ref.download(path)
        write_thumbnail_video(
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

    return _load_or_explain(load, path, absent)


def _copy(whole: VideoInfo, copy: VideoInfo) -> str:
    """How the copy of a film differs from the film."""

    def form(video: VideoInfo) -> str:
        return f"{video.width} × {video.height} at {float(video.fps):g} fps"

    if form(whole) == form(copy):
        return "A copy with stronger compression."
    return f"A reduced copy, {form(copy)}; the film has {form(whole)}."


def jpeg_uri(image: Image.Image, max_bytes: int, side: int = PICTURE_SIDE) -> str:
    """Encode a picture as a JPEG of at most `max_bytes`, as a data URI."""
    side = side if max_bytes > SMALL_PICTURE_BYTES else SMALL_PICTURE_SIDE
    return _uri("image/jpeg", thumbnail_jpeg(image, max(1000, max_bytes), side))


def _load_or_explain(load: Callable[[], Medium], path: Path, absent: str) -> Medium:
    """Load a medium; if that fails, give the reason, without the names of this machine's files."""
    try:
        return load()
    except NotStored:
        return Medium(reason=absent)
    except ChunkAssetsError as error:
        sentence = str(error)
        for local in (path, _small(path)):
            sentence = re.sub(
                f"(the (picture|video) )?{re.escape(repr(str(local)))}", "it", sentence
            )
        return Medium(reason=sentence)
    finally:
        for local in (path, _small(path)):
            local.unlink(missing_ok=True)


def _small(path: Path) -> Path:
    return path.with_name(f"small_{path.name}")


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
