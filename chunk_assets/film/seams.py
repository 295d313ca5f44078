"""Seams prepared as the chunks come: the film is then a concatenation of finished pieces.

A seam is stored beside its film's clips, under the number of the chunk behind it, with a
fingerprint of what it blends. It is no asset: whatever is missing or no longer fits is made when
the film is stitched. A chunk that is rendered again so changes its two seams and nothing else.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chunk_assets.errors import MediaError, StorageError
from chunk_assets.film.fingerprints import digest
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.media.stitching import ENCODING, PreparedSeam, Segment, make_seam
from chunk_assets.media.stream_signature import Form
from chunk_assets.planning.joins import Join
from chunk_assets.planning.timeline import plan_joins
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.objects import read_video
from chunk_assets.storage.store import ObjectStore, StoredObject

_AT_ONCE = 4
"""Requests to S3 at a time."""

FINGERPRINT, FORM = "seam", "form"
"""Names in a seam's record: what it is made of, and what came of that."""


@dataclass(frozen=True)
class PlacedClip:
    """One chunk's clip on S3.

    Attributes:
        spec: The chunk.
        stored: The clip.
        path: Gives the clip as a file; it is fetched only when asked for.
        is_new: Whether it has just been rendered.
    """

    spec: ChunkSpec
    stored: StoredObject
    path: Callable[[], Path]
    is_new: bool = True

    @property
    def segment(self) -> Segment:
        """Its place in the film."""
        return Segment(self.path(), self.spec.overlap_frames, self.spec.num_frames)


class Seams:
    """The seams of one film."""

    def __init__(self, plan: FilmPlan, store: ObjectStore):
        self._plan, self._store = plan, store
        self._objects = FilmObjects(store, plan.video_id)
        self._joins = plan_joins(plan.animatic, plan.specs)

    def join(self, chunk_num: int) -> Join | None:
        """How a chunk follows the one before; None where nothing is blended."""
        join = self._joins[chunk_num - 1] if chunk_num else None
        return join if join is not None and join.frames else None

    def fingerprint(self, chunk_num: int, before: StoredObject, after: StoredObject) -> str:
        """What the seam before a chunk is made of."""
        join, specs = self._joins[chunk_num - 1], self._plan.specs
        return digest(
            {
                "encoding": ENCODING,
                "clips": [before.sha256, after.sha256],
                "join": [join.kind, join.frames],
                "lengths": [s.num_frames for s in specs[chunk_num - 1 : chunk_num + 1]],
                "lead_in": specs[chunk_num].overlap_frames,
            }
        )

    def stored(
        self, chunk_num: int, before: StoredObject, after: StoredObject
    ) -> StoredObject | None:
        """The seam before a chunk, if it is there, made of these clips.

        Raises:
            StorageError: S3 cannot be reached.
        """
        stored = self._objects.seam(chunk_num).head()
        wanted = self.fingerprint(chunk_num, before, after)
        is_it = stored is not None and stored.record.get(FINGERPRINT) == wanted
        return stored if is_it else None

    def make(
        self, before: Segment, after: Segment, chunk_num: int, workdir: Path
    ) -> PreparedSeam | None:
        """Make the seam before a chunk of two clips' places in the film; they need not be stored.

        None where nothing is blended, and where a clip does not fit its plan: that is left to
        stitching, which says so.
        """
        join = self.join(chunk_num)
        if join is None:
            return None
        path = workdir / f"seam_{chunk_num:02d}.mp4"
        try:
            form = make_seam(before, after, join, path, fps=self._plan.animatic.fps)
        except MediaError:
            return None
        return PreparedSeam(path, form)

    def put(
        self, chunk_num: int, seam: PreparedSeam, before: StoredObject, after: StoredObject
    ) -> None:
        """Store the seam before a chunk.

        Raises:
            StorageError: S3 does not take it.
        """
        fingerprint = self.fingerprint(chunk_num, before, after)
        record = {FINGERPRINT: fingerprint, FORM: str(seam.form)}
        self._objects.seam(chunk_num).write_video(seam.path, record)

    def fetch(self, clips: list[StoredObject], workdir: Path) -> dict[int, PreparedSeam]:
        """The stored seams that fit these clips (one a chunk, in order), by chunk number.

        Raises:
            StorageError: S3 cannot be reached.
        """

        def fetched(number: int) -> PreparedSeam | None:
            if self.join(number) is None:
                return None
            stored = self.stored(number, clips[number - 1], clips[number])
            form = Form.read(stored.record.get(FORM, "")) if stored else None
            if stored is None or form is None:
                return None
            path = workdir / f"seam_{number:02d}.mp4"
            try:
                read_video(self._store, stored, path)
            except StorageError:  # what is damaged is made again
                return None
            return PreparedSeam(path, form)

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="seams") as pool:
            found = pool.map(fetched, range(1, len(clips)))
            return {number: seam for number, seam in enumerate(found, start=1) if seam}
