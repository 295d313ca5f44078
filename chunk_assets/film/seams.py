"""The seams of a film, encoded while it is rendered: stitching then only joins finished pieces.

The seam between two clips is stored under the number of the later chunk, with a fingerprint of what
it was made from, and beside the take of that chunk, so that it comes back with the take. It is not
an asset: a seam that is missing or outdated is made when the film is
stitched. Rendering a chunk again changes its two seams and nothing else.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chunk_assets.errors import MediaError, StorageError
from chunk_assets.film.fingerprints import digest
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.media.stitching import ENCODING, PreparedSeam, Segment, make_seam
from chunk_assets.media.stream_signature import StreamSignature
from chunk_assets.planning.joins import Join
from chunk_assets.planning.timeline import plan_joins
from chunk_assets.storage.objects import ObjectRef, read_video
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

_AT_ONCE = 4
"""Concurrent requests to S3."""

FINGERPRINT, FORM = "seam", "form"
"""The names in a seam's record: a digest of what it was made from, and the stream signature."""


class Seams:
    """The seams of one film."""

    def __init__(self, plan: FilmPlan, store: ObjectStore):
        self._plan, self._store = plan, store
        self._objects = FilmObjects(store, plan.video_id)
        self._joins = plan_joins(plan.animatic, plan.specs)

    def join(self, chunk_num: int) -> Join | None:
        """Return the join between a chunk and the one before; None for a cut."""
        join = self._joins[chunk_num - 1] if chunk_num else None
        return join if join is not None and join.frames else None

    def stored(
        self, chunk_num: int, before: StoredObject, after: StoredObject
    ) -> StoredObject | None:
        """Return the stored seam before a chunk if it was made from these clips.

        A seam that is kept beside the chunk's take is copied back.

        Raises:
            StorageError: S3 cannot be reached.
        """
        ref, wanted = self._objects.seam(chunk_num), self._fingerprint(chunk_num, before, after)
        stored = ref.head()
        if stored is not None and stored.record.get(FINGERPRINT) == wanted:
            return stored
        kept = self._kept(chunk_num, after, wanted)
        stored = kept.head() if kept is not None else None
        return ref.copy_from(stored) if stored is not None else None

    def make(
        self, before: Segment, after: Segment, chunk_num: int, workdir: Path
    ) -> PreparedSeam | None:
        """Encode the seam before a chunk.

        Returns:
            The seam; None for a cut, or if a clip does not fit its plan: stitching reports that.
        """
        join = self.join(chunk_num)
        if join is None:
            return None
        path = workdir / f"seam_{chunk_num:02d}.mp4"
        try:
            signature = make_seam(before, after, join, path, fps=self._plan.animatic.fps)
        except MediaError:
            return None
        return PreparedSeam(path, signature)

    def put(
        self, chunk_num: int, seam: PreparedSeam, before: StoredObject, after: StoredObject
    ) -> None:
        """Store the seam before a chunk.

        Raises:
            StorageError: S3 does not accept it.
        """
        fingerprint = self._fingerprint(chunk_num, before, after)
        record = {FINGERPRINT: fingerprint, FORM: str(seam.signature)}
        kept = self._kept(chunk_num, after, fingerprint)
        if kept is None:
            self._objects.seam(chunk_num).write_video(seam.path, record)
        else:
            self._objects.seam(chunk_num).copy_from(kept.write_video(seam.path, record))

    def fetch(self, clips: list[StoredObject], workdir: Path) -> dict[int, PreparedSeam]:
        """Fetch the stored seams that were made from these clips (one per chunk, in order).

        Returns:
            The seams by chunk number.

        Raises:
            StorageError: S3 cannot be reached.
        """

        def fetched(number: int) -> PreparedSeam | None:
            if self.join(number) is None:
                return None
            stored = self.stored(number, clips[number - 1], clips[number])
            signature = StreamSignature.read(stored.record.get(FORM, "")) if stored else None
            if stored is None or signature is None:
                return None
            path = workdir / f"seam_{number:02d}.mp4"
            try:
                read_video(self._store, stored, path)
            except StorageError:  # a damaged seam is made again
                return None
            return PreparedSeam(path, signature)

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="seams") as pool:
            found = pool.map(fetched, range(1, len(clips)))
            return {number: seam for number, seam in enumerate(found, start=1) if seam}

    def _kept(self, chunk_num: int, after: StoredObject, fingerprint: str) -> ObjectRef | None:
        """Return where a seam is kept beside the later clip's take; None if that has no number."""
        take = after.record.get("take", "")
        if not re.fullmatch("[1-9][0-9]{0,5}", take):
            return None
        return self._objects.take(chunk_num, int(take), f"seam_{fingerprint[:16]}.mp4")

    def _fingerprint(self, chunk_num: int, before: StoredObject, after: StoredObject) -> str:
        """Return a digest of what the seam before a chunk is made from."""
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
