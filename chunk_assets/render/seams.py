"""Prepares the seam between each clip and the previous one, so that stitching need not."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from chunk_assets.film.seams import Seams
from chunk_assets.media.stitching import PreparedSeam, Segment
from chunk_assets.render.context import RenderContext
from chunk_assets.render.finishing_queue import Objects
from chunk_assets.render.request import ChunkObject
from chunk_assets.schemas import ChunkSpec


class SeamPreparation:
    """Prepares the seams of one walk, chunk after chunk."""

    def __init__(self, context: RenderContext):
        self._context = context
        self._seams = Seams(context.plan, context.store)
        self._before: ChunkObject | None = None
        self._early: Future[PreparedSeam | None] | None = None

    def begin(self, spec: ChunkSpec, clip: Path) -> None:
        """Start to encode the seam before a clip while the clip is stored; `prepare` stores it.

        Worth it for the last clip only: before others, the next clip needs the processor.

        Raises:
            StorageError: S3 cannot be read.
        """
        before = self._clip_before(spec)
        if before is None:
            return
        after = Segment(clip, spec.overlap_frames, spec.num_frames)
        directory = self._context.files.directory(spec.chunk_num)
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="seam")
        self._early = pool.submit(
            self._seams.make, _segment(before), after, spec.chunk_num, directory
        )
        pool.shutdown(wait=False)

    def prepare(self, finished: Future[Objects]) -> Objects:
        """Store the seam before the clip that was just finished, unless it is stored.

        Raises:
            StorageError: S3 cannot be read or written.
        """
        after = finished.result()[0]
        before, self._before = self._clip_before(after.spec), after
        if before is None or (before.is_kept and after.is_kept):
            return []
        number, early = after.spec.chunk_num, self._early
        if self._seams.stored(number, before.stored, after.stored):
            return []
        if early is None:
            directory = self._context.files.directory(number)
            seam = self._seams.make(_segment(before), _segment(after), number, directory)
        else:
            seam = early.result()
        if seam is not None:
            self._seams.put(number, seam, before.stored, after.stored)
        return []

    def _clip_before(self, spec: ChunkSpec) -> ChunkObject | None:
        """Return the clip to join to a chunk's; None for a cut, or if it may be changing."""
        if self._seams.join(spec.chunk_num) is None:
            return None
        before = self._before
        if before is not None and before.spec.chunk_num == spec.chunk_num - 1:
            return before
        return self._stored_before(spec)

    def _stored_before(self, spec: ChunkSpec) -> ChunkObject | None:
        """Return the clip before a chunk if the walk did not make or keep it itself."""
        if spec.starts_chain:
            return None  # another scene's, which may be changing right now
        number = spec.chunk_num - 1
        stored = self._context.objects.clip(number).head()
        if stored is None:
            return None
        file = self._context.files.stored_file(spec.chunk_num, stored)
        before = self._context.plan.specs[number]
        return ChunkObject("chunk_videos", before, stored, {}, file, is_kept=True)


def _segment(clip: ChunkObject) -> Segment:
    """Return a clip's place in the film, fetching the clip if necessary."""
    return Segment(clip.file.fetch(), clip.spec.overlap_frames, clip.spec.num_frames)
