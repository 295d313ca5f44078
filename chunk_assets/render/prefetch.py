"""Looks up the next chunk while this one is rendered, so that the chain need not wait for S3."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from chunk_assets.film.takes import Takes
from chunk_assets.render.context import RenderContext
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.stored import StoredObject


@dataclass(frozen=True)
class StoredChunk:
    """What is stored of a chunk. It does not change while this walk has the chunk locked.

    Attributes:
        spec: Its spec.
        composite: Its composite.
        clip: The clip of its chosen take.
        last_frame: The last frame of that clip; not looked up without a clip.
        takes: All its takes.
    """

    spec: StoredObject | None
    composite: StoredObject | None
    clip: StoredObject | None
    last_frame: StoredObject | None
    takes: Takes


class Prefetch:
    """Looks up one chunk ahead, on its own thread."""

    def __init__(self, context: RenderContext):
        self._context = context
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
        self._ahead: dict[int, Future[StoredChunk]] = {}

    def start(self, spec: ChunkSpec) -> None:
        """Look up a locked chunk and fetch its animatic's picture; `get` raises what goes wrong."""
        self._ahead = {spec.chunk_num: self._pool.submit(self._prepare, spec)}

    def clear(self) -> None:
        """Forget what was looked up: it is outdated."""
        self._ahead = {}

    def get(self, spec: ChunkSpec) -> StoredChunk:
        """Return what is stored of a chunk, looked up before or now.

        Raises:
            StorageError: S3 cannot be read.
            MediaError: The animatic's picture cannot be read.
        """
        ahead = self._ahead.pop(spec.chunk_num, None)
        return ahead.result() if ahead is not None else self._look_up(spec)

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, spec: ChunkSpec) -> StoredChunk:
        self._context.files.fitted_animatic(spec.animatic_frame_url, spec.size)  # kept until used
        return self._look_up(spec)

    def _look_up(self, spec: ChunkSpec) -> StoredChunk:
        objects, number = self._context.objects, spec.chunk_num
        clip = objects.clip(number).head()
        return StoredChunk(
            spec=objects.spec(number).head(),
            composite=objects.composite(number).head(),
            clip=clip,
            last_frame=objects.last_frame(number).head() if clip is not None else None,
            takes=Takes(objects, number),
        )
