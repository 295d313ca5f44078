"""What the walk looks up of a chunk before its turn comes, so that the chain need not wait."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from chunk_assets.film.objects import FilmObjects
from chunk_assets.render.files import ChunkFiles
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore, StoredObject


@dataclass(frozen=True)
class Outlook:
    """What is stored of a chunk.

    Nothing of it changes while the chunks before are rendered: a film is walked by one run.
    """

    spec: StoredObject | None
    composite: StoredObject | None
    clip: StoredObject | None


class Lookout:
    """Looks up one chunk ahead, on a thread of its own."""

    def __init__(self, store: ObjectStore, files: ChunkFiles):
        self._store, self._files = store, files
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="looking ahead")
        self._ahead: dict[int, Future[Outlook]] = {}

    def begin(self, spec: ChunkSpec) -> None:
        """Look up a chunk whose turn comes later; what goes wrong is raised by `of`."""
        self._ahead = {spec.chunk_num: self._pool.submit(self._prepare, spec)}

    def forget(self) -> None:
        """What was looked up is true no more."""
        self._ahead = {}

    def of(self, spec: ChunkSpec) -> Outlook:
        """What was looked up of the chunk, or is now.

        Raises:
            StorageError: S3 does not give it.
            MediaError: The animatic's picture cannot be read.
        """
        ahead = self._ahead.pop(spec.chunk_num, None)
        return ahead.result() if ahead is not None else self._look(spec)

    def close(self) -> None:
        """Let go of the thread."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, spec: ChunkSpec) -> Outlook:
        self._files.fitted_animatic(spec.animatic_frame_url, spec.size)  # kept until it is needed
        return self._look(spec)

    def _look(self, spec: ChunkSpec) -> Outlook:
        objects, number = FilmObjects(self._store, spec.video_id), spec.chunk_num
        return Outlook(
            objects.spec(number).head(),
            objects.composite(number).head(),
            objects.clip(number).head(),
        )
