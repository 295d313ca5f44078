"""Prepares the seam between each clip and the previous one, so that stitching need not."""

from concurrent.futures import Future

from chunk_assets.film.seams import Seams
from chunk_assets.media.stitching import Segment
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

    def prepare(self, finished: Future[Objects]) -> Objects:
        """Store the seam before the clip that was just finished, unless it is stored.

        Raises:
            StorageError: S3 cannot be read or written.
        """
        before, after = self._before, finished.result()[0]
        self._before, number = after, after.spec.chunk_num
        if self._seams.join(number) is None:
            return []
        if before is None or before.spec.chunk_num != number - 1:
            before = self._stored_before(after.spec)
        if before is None or (before.is_kept and after.is_kept):
            return []
        if self._seams.stored(number, before.stored, after.stored):
            return []
        directory = self._context.files.directory(number)
        seam = self._seams.make(_segment(before), _segment(after), number, directory)
        if seam is not None:
            self._seams.put(number, seam, before.stored, after.stored)
        return []

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
