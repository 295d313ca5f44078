"""The handoff of a chunk's last frame to the composite of the next chunk."""

import time

from chunk_assets.errors import NotStored
from chunk_assets.render.context import RenderContext
from chunk_assets.render.files import Picture
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.stored import StoredObject

LONGEST_WAIT = 6 * 3600
"""How long to wait for another run's chunk, in seconds: a night's work."""

_LOOK_SECONDS = 0.25


class Handoff:
    """Hands on each chunk's last frame; finds, or waits for, those of other runs."""

    def __init__(self, context: RenderContext):
        self._context = context
        self._latest: tuple[int, Picture] | None = None

    def give(self, chunk_num: int, picture: Picture) -> None:
        """Pass on the last frame of a chunk; it need not be on S3 yet."""
        self._latest = chunk_num, picture

    def frame_before(self, spec: ChunkSpec) -> Picture | None:
        """Return the frame that a chunk begins with; None if the chunk opens a scene.

        Raises:
            NotStored: The frame is not stored, and no run is about to render it.
            HandedOff, Stopped: The walk ends while waiting.
        """
        if spec.starts_chain:
            return None
        number = spec.chunk_num - 1
        if self._latest is not None and self._latest[0] == number:
            return self._latest[1]
        stored = self._wait_for(number)
        if stored is None:
            film = spec.video_id
            raise NotStored(
                f"chunk {spec.chunk_num} of film {film!r} begins with the last frame of "
                f"chunk {number}, which is not stored: "
                f"materialize chunk {number} first",
                video_id=film,
                missing=self._context.objects.last_frame(number).key,
            )
        return self._context.files.stored_picture(spec.chunk_num, stored)

    def _wait_for(self, chunk_num: int) -> StoredObject | None:
        """Return a chunk's stored last frame, waiting while another run is about to store it."""
        locks, stop = self._context.locks, self._context.stop
        stored = self._stored(chunk_num)
        deadline = time.monotonic() + LONGEST_WAIT
        # A chunk that is stored and still locked is not recorded yet: events come in chunk order.
        while locks.is_locked(chunk_num) if stored is not None else locks.is_pending(chunk_num):
            if time.monotonic() > deadline:
                break
            for _ in range(4):
                stop.check_begin()
                stop.wait(_LOOK_SECONDS)
            stored = self._stored(chunk_num)
        return stored or self._stored(chunk_num)  # it may have been stored in the meantime

    def _stored(self, chunk_num: int) -> StoredObject | None:
        """Return the last frame of a chunk's stored clip; None unless both are stored."""
        objects = self._context.objects
        stored, clip = objects.last_frame(chunk_num).head(), objects.clip(chunk_num).head()
        if stored is None or clip is None or stored.record.get("clip") != clip.sha256:
            return None
        return None if self._context.store.damage(stored) else stored
