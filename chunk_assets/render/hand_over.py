"""The hand-over: the last frame of one chunk, for the composite of the next."""

import time
from collections.abc import Callable

from chunk_assets.errors import NotStored
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.render.files import ChunkFiles, Picture
from chunk_assets.render.hooks import ChunkLocks
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore, StoredObject

LONGEST_WAIT = 6 * 3600
"""Seconds for which a chunk is waited for that another run is to render: a night's work."""


class HandOver:
    """Keeps the frame that was handed over last; finds, or waits for, those of other runs.

    Args:
        plan: The film.
        store: Where last frames are.
        files: Where they are fetched to.
        claims: Who else is at the film's chunks.
        go_on: Called while waiting; raises to stop.
    """

    def __init__(
        self,
        plan: FilmPlan,
        store: ObjectStore,
        files: ChunkFiles,
        claims: ChunkLocks,
        go_on: Callable[[], None],
    ):
        self._plan, self._store, self._files = plan, store, files
        self._claims, self._go_on = claims, go_on
        self._handed: tuple[int, Picture] | None = None

    def hand(self, chunk_num: int, picture: Picture) -> None:
        """Hand over the last frame of a chunk, which need not be on S3 yet."""
        self._handed = chunk_num, picture

    def frame_before(self, spec: ChunkSpec) -> Picture | None:
        """The frame that a chunk begins with; None for one that begins anew.

        Raises:
            NotStored: It is not there, and nobody is going to make it.
        """
        if spec.begins_anew:
            return None
        number = spec.chunk_num - 1
        if self._handed is not None and self._handed[0] == number:
            return self._handed[1]
        stored = self._stored(number)
        since = time.monotonic()
        # What is stored and still held is not recorded yet: events come in the chunks' order.
        while (
            self._claims.is_locked(number)
            if stored is not None
            else self._claims.is_pending(number)
        ):
            if time.monotonic() - since > LONGEST_WAIT:
                break
            self._pause()
            stored = self._stored(number)
        stored = stored or self._stored(number)  # it may have come since
        if stored is None:
            film = self._plan.video_id
            raise NotStored(
                f"chunk {spec.chunk_num} of film {film!r} begins with the last frame of "
                f"chunk {number}, which is not stored: "
                f"materialize chunk {number} first",
                video_id=film,
                missing=FilmObjects(self._store, film).last_frame(number).key,
            )
        return self._files.stored_picture(spec.chunk_num, stored)

    def _stored(self, chunk_num: int) -> StoredObject | None:
        """The last frame of a chunk's stored clip; None while they are not both there."""
        objects = FilmObjects(self._store, self._plan.video_id)
        stored, clip = objects.last_frame(chunk_num).head(), objects.clip(chunk_num).head()
        if stored is None or clip is None or stored.record.get("clip") != clip.sha256:
            return None
        return None if self._store.damage(stored) else stored

    def _pause(self) -> None:
        for _ in range(4):
            self._go_on()
            time.sleep(0.25)
