"""What is done with a clip beside the chain: normalised, stored, and its last frame with it."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from chunk_assets.errors import MediaError, StorageError
from chunk_assets.files.digests import file_digest
from chunk_assets.film.clip_damage import check_clip
from chunk_assets.film.colour_record import colour_record
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.records import ClipRecord, FrameRecord
from chunk_assets.film.seams import PlacedClip, Seams
from chunk_assets.generation.base import GeneratedClip
from chunk_assets.media.clips import ClipFormat, normalise
from chunk_assets.media.frames import VideoInfo, probe
from chunk_assets.media.images import save_png
from chunk_assets.media.preview_frames import Passing
from chunk_assets.media.sampling import sample_frames
from chunk_assets.media.stitching import PreparedSeam, Segment
from chunk_assets.media.stream_signature import Form
from chunk_assets.render.files import ChunkFiles
from chunk_assets.render.hooks import Listener
from chunk_assets.render.request import ChunkObject
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore, StoredObject

MOVING_FRAMES = 8
"""How many frames of a clip its moving preview has: some 5 a second, enough to judge a movement."""

MOVING_WIDTH = 640


@dataclass(frozen=True)
class Made:
    """A clip as its generator gave it, and what is to be recorded of it.

    Attributes:
        clip: The clip.
        frame: Its last frame, whose digest is `pixels`.
        passing: Some of the frames before.
        record: What it was made from.
        inputs: The version of each asset it was made from.
        conditioning: Gives the picture it was conditioned on.
        temporal: The share of the last frame before in that.
    """

    clip: GeneratedClip
    frame: Image.Image
    passing: Passing
    pixels: str
    record: ClipRecord
    inputs: Mapping[str, str | None]
    conditioning: Callable[[], Image.Image]
    temporal: float


class Finishing:
    """Makes the stored objects of clips and last frames."""

    def __init__(self, plan: FilmPlan, store: ObjectStore, files: ChunkFiles, listener: Listener):
        self._plan, self._store, self._files = plan, store, files
        self._objects = FilmObjects(store, plan.video_id)
        self._listener = listener
        self._seams = Seams(plan, store)
        self._before: PlacedClip | None = None
        self._finished: PlacedClip | None = None
        self._early: Future[PreparedSeam | None] | None = None

    def clip(
        self, spec: ChunkSpec, made: Made, *, with_frame: bool, is_last: bool
    ) -> list[ChunkObject]:
        """Normalise and store a clip and its last frame.

        Args:
            spec: The chunk.
            made: The clip as it came.
            with_frame: Whether the last frame is one of the objects that are asked for.
            is_last: Whether no clip comes behind it: its seam is then made while it is stored.

        Raises:
            MediaError: The clip cannot be normalised.
            StorageError: S3 does not take it.
        """
        moving = made.passing.pictures(MOVING_WIDTH)
        source, held, hdr = made.clip.path, 0, None
        if not made.clip.is_normalised:
            source = self._files.directory(spec.chunk_num) / "clip.mp4"
            form = ClipFormat(spec.num_frames, spec.fps, spec.size, spec.keyframes)
            normalised = normalise(made.clip.path, source, form)
            held, info, hdr = normalised.held_frames, normalised.info, normalised.source.hdr
            if hdr is not None:
                what = f"chunk {spec.chunk_num} is HDR ({hdr})"
                self._listener.noticed(f"{what} and is tone-mapped to bt709")
            frames = min(normalised.source.frames, _used(spec, normalised.source))
        else:
            info = probe(source)
            frames = info.frames
        if is_last:
            self._begin_seam(spec, source)
        frame = save_png(made.frame, self.frame_path(spec))
        # The frame first: the clip's object commits both.
        of_clip = FrameRecord(clip=file_digest(source), pixels=made.pixels)
        last = self.frame(spec, made.frame, frame, of_clip)
        seen = self._colours(spec, made)
        record = made.record.model_copy(
            update={
                "held_frames": held,
                "tone_mapped": hdr or "",
                "form": str(Form.of(info)),
                **seen,
            }
        ).as_metadata()
        stored = ChunkObject(
            "chunk_videos",
            spec,
            self._objects.clip(spec.chunk_num).write_video(source, record),
            inputs=made.inputs,
            pictures=lambda: moving or _moving(made.clip.path, frames),
            details=made.clip.details,
        )
        self._finished = PlacedClip(spec, stored.stored, lambda: source)
        return [stored, last] if with_frame else [stored]

    def _colours(self, spec: ChunkSpec, made: Made) -> dict[str, Any]:
        before = None
        if not spec.begins_anew:
            stored = self._objects.clip(spec.chunk_num - 1).head()
            with suppress(StorageError):  # one that someone else has put there says nothing
                before = ClipRecord.of(stored) if stored else None
        return colour_record(spec, made.conditioning(), made.frame, made.temporal, before)

    def kept_clip(
        self, spec: ChunkSpec, stored: StoredObject, inputs: Mapping[str, str | None]
    ) -> ChunkObject:
        """A clip that stays."""

        def path() -> Path:
            return self._files.stored_file(spec.chunk_num, stored)

        def pictures() -> list[Image.Image]:
            try:
                return _moving(path(), spec.num_frames)
            except MediaError:
                check_clip(self._store, stored, path(), spec)
                raise

        self._finished = PlacedClip(spec, stored, path, is_new=False)
        return ChunkObject(
            "chunk_videos", spec, stored, inputs=inputs, is_kept=True, pictures=pictures
        )

    def seam(self, *, is_leisurely: bool) -> None:
        """Prepare the seam before the clip that was finished last, so that stitching need not.

        Args:
            is_leisurely: Whether there is time for it.

        Raises:
            StorageError: S3 does not take it.
        """
        before, after = self._before, self._finished
        self._before, self._finished = after, None
        if after is None or not is_leisurely or self._seams.join(after.spec.chunk_num) is None:
            return
        if before is None or before.spec.chunk_num != after.spec.chunk_num - 1:
            before = self._stored_before(after.spec)
        if before is None or not (before.is_new or after.is_new):
            return
        number = after.spec.chunk_num
        early, self._early = self._early, None
        if self._seams.stored(number, before.stored, after.stored):
            return
        if early is not None:
            seam = early.result()
        else:
            directory = self._files.directory(number)
            seam = self._seams.make(before.segment, after.segment, number, directory)
        if seam is not None:
            self._seams.put(number, seam, before.stored, after.stored)

    def _begin_seam(self, spec: ChunkSpec, clip: Path) -> None:
        """Make the seam before a clip on a thread of its own; `seam` stores it."""
        before, number = self._before, spec.chunk_num
        if before is None or before.spec.chunk_num != number - 1:
            return
        after = Segment(clip, spec.overlap_frames, spec.num_frames)
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="seam")
        self._early = pool.submit(
            self._seams.make, before.segment, after, number, self._files.directory(number)
        )
        pool.shutdown(wait=False)

    def _stored_before(self, spec: ChunkSpec) -> PlacedClip | None:
        """The clip before a chunk, where the walk has not been at it."""
        if spec.begins_anew:
            return None  # another scene's, which may be changing at this moment
        number = spec.chunk_num - 1
        stored = self._objects.clip(number).head()
        if stored is None:
            return None
        return PlacedClip(
            self._plan.specs[number],
            stored,
            lambda: self._files.stored_file(spec.chunk_num, stored),
            is_new=False,
        )

    def frame(
        self, spec: ChunkSpec, image: Image.Image, path: Path, record: FrameRecord
    ) -> ChunkObject:
        """Store a last frame, which lies at a path.

        Raises:
            StorageError: S3 does not take it.
        """
        stored = self._objects.last_frame(spec.chunk_num).write_image(path, record.as_metadata())
        inputs = {"chunk_videos": record.clip}
        return ChunkObject("last_frames", spec, stored, inputs=inputs, pictures=lambda: [image])

    def kept_frame(self, spec: ChunkSpec, stored: StoredObject, clip: str) -> ChunkObject:
        """A last frame that stays, of the clip with that sha256."""
        picture = self._files.stored_picture(spec.chunk_num, stored)
        inputs = {"chunk_videos": clip}
        return ChunkObject(
            "last_frames",
            spec,
            stored,
            inputs=inputs,
            is_kept=True,
            pictures=lambda: [picture.image()],
        )

    def frame_path(self, spec: ChunkSpec) -> Path:
        """Where a chunk's last frame lies while it is worked with."""
        return self._files.directory(spec.chunk_num) / "last_frame.png"


def _used(spec: ChunkSpec, source: VideoInfo) -> int:
    """How many of a clip's own frames fill the chunk."""
    return max(1, round(source.fps * spec.num_frames / spec.fps))


def _moving(clip: Path, frames: int) -> list[Image.Image]:
    return sample_frames(clip, frames, MOVING_FRAMES, MOVING_WIDTH)
