"""The clip stage: keeps a chunk's stored clip, or has the generator render a new take."""

import time
from functools import partial

from chunk_assets.errors import StorageError
from chunk_assets.film.fingerprints import chunk_seed, clip_fingerprint
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.base import GenerationRequest
from chunk_assets.generation.stopping import answered
from chunk_assets.media.frames import last_frame
from chunk_assets.media.preview_frames import PreviewFrames
from chunk_assets.media.retiming import end_of_use
from chunk_assets.media.rgb import RgbConverter
from chunk_assets.render.context import RenderContext
from chunk_assets.render.files import LocalFile, Picture
from chunk_assets.render.finalize import Made, clip_inputs, store_clip
from chunk_assets.render.finishing_queue import FinishingQueue
from chunk_assets.render.handoff import Handoff
from chunk_assets.render.prefetch import Prefetch
from chunk_assets.render.previews import MOVING_FRAMES
from chunk_assets.render.seams import SeamPreparation
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.stored import StoredObject

SLOW_SECONDS = 2.0
"""A generator faster than this needs the processor itself: its seams are left to stitching."""


class ClipStage:
    """Makes one clip after another."""

    def __init__(
        self,
        context: RenderContext,
        finishing: FinishingQueue,
        handoff: Handoff,
        prefetch: Prefetch,
    ):
        self._context, self._finishing = context, finishing
        self._handoff, self._prefetch = handoff, prefetch
        self._seams = SeamPreparation(context)
        self._convert = RgbConverter()

    def make(
        self,
        spec: ChunkSpec,
        spec_version: str,
        composite: Picture,
        stored: StoredObject | None,
        following: int | None,
    ) -> StoredObject | None:
        """Keep the stored clip if it is up to date; otherwise render a new one.

        Args:
            spec: The chunk.
            spec_version: The version of its stored spec.
            composite: The picture to condition the clip on.
            stored: The stored clip, if there is one.
            following: The chunk to make next, which is prefetched meanwhile.

        Returns:
            The clip that was kept; None if a new one was rendered. Only a new clip's last frame is
            passed to the handoff.
        """
        generator = self._context.generator
        model = answered(lambda: generator.model, stop=self._context.stop)
        before = self._record_of(stored)
        is_current = before is not None and self._is_current(
            spec, before, clip_fingerprint(spec, composite.version, generator.name, model)
        )
        if stored is not None and is_current and not self._context.store.damage(stored):
            self._context.listener.kept(spec)
            inputs = clip_inputs(spec_version, composite)
            file = self._context.files.stored_file(spec.chunk_num, stored)
            kept = self._finishing.keep("chunk_videos", spec, stored, inputs, file)
            self._finishing.submit(self._seams.prepare, kept)
            return stored
        if following is not None and self._context.locks.try_acquire(following):
            self._prefetch.start(self._context.plan.spec(following))
        # A damaged clip is rendered again as the same take, with its seed.
        take = 1 if before is None else before.take if is_current else before.take + 1
        made = self._render(spec, spec_version, composite, model, take, before)
        self._handoff.give(spec.chunk_num, made.frame)
        if following is not None:
            self._finishing.pause()
        begin_seam = self._seams.begin if following is None else None
        finished = self._finishing.submit(store_clip, self._context, made, begin_seam)
        if following is None or made.seconds >= SLOW_SECONDS:
            self._finishing.submit(self._seams.prepare, finished)
        return None

    def _render(
        self,
        spec: ChunkSpec,
        spec_version: str,
        composite: Picture,
        model: str,
        take: int,
        before: ClipRecord | None,
    ) -> Made:
        """Have the generator render a take, and decode its last frame."""
        context, number = self._context, spec.chunk_num
        request = GenerationRequest(
            video_id=spec.video_id,
            chunk_num=number,
            prompt=spec.prompt,
            conditioning_image=composite.file.fetch(),
            num_frames=spec.num_frames,
            fps=spec.fps,
            size=spec.size,
            seed=chunk_seed(spec, take),
            camera_movement=spec.camera_movement,
            negative_prompt=spec.negative_prompt,
            keyframes=spec.keyframes,
        )
        progressed = partial(context.listener.progressed, spec)
        context.listener.started(spec)
        context.stop.raise_if_set()
        self._finishing.resume()
        began = time.monotonic()
        directory = context.files.directory(number)
        with context.clip_slot(request, context.stop):
            clip = context.generator.generate(request, directory, progressed, context.stop)
        seconds = time.monotonic() - began
        context.listener.rendered(spec, seconds)
        until, preview_frames = end_of_use(spec.num_frames, spec.fps), PreviewFrames(MOVING_FRAMES)
        image = last_frame(
            str(clip.path), until=until, preview_frames=preview_frames, convert=self._convert
        )
        frame = Picture(LocalFile(context.files.last_frame(number)), image)
        return Made(
            spec=spec,
            spec_version=spec_version,
            composite=composite,
            clip=clip,
            frame=frame,
            preview_frames=preview_frames,
            model=model,
            seed=request.seed,
            take=take,
            before=before,
            seconds=seconds,
        )

    def _is_current(self, spec: ChunkSpec, record: ClipRecord, fingerprint: str) -> bool:
        """Return whether the request allows keeping a clip with this record."""
        if record.fingerprint != fingerprint:
            return False
        if spec.seed is not None and record.seed != chunk_seed(spec, record.take):
            return False  # the film's seed was chosen, and this clip was made with another one
        request = self._context.request
        return request.reuse == "matching" or record.root_run == request.root_run

    def _record_of(self, stored: StoredObject | None) -> ClipRecord | None:
        """Return the stored clip's record; None if the clip may be replaced regardless.

        Raises:
            StorageError: Another program stored the clip, and no new take was asked for.
        """
        if stored is None or stored.size == 0:
            return None
        try:
            return ClipRecord.of(stored)
        except StorageError:
            if self._context.request.reuse == "this_run":
                return None
            raise
