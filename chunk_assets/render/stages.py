"""The stages of one chunk, each made from the one before: spec, composite, clip, last frame."""

from dataclasses import replace

from PIL import Image

from chunk_assets.errors import MediaError, NotStored, StorageError
from chunk_assets.files.digests import bytes_digest
from chunk_assets.film.clip_damage import check_clip
from chunk_assets.film.fingerprints import composite_fingerprint, used_weights
from chunk_assets.film.lost_records import take_of_lost_record
from chunk_assets.film.records import CompositeRecord, FrameRecord
from chunk_assets.film.take_records import FRAME
from chunk_assets.film.takes import interrupted_choice, publish
from chunk_assets.media.compositing import blend_references
from chunk_assets.media.frames import last_frame
from chunk_assets.media.images import STORED, open_picture, pixel_digest, save_png
from chunk_assets.media.retiming import end_of_use
from chunk_assets.render.clips import ClipStage
from chunk_assets.render.context import RenderContext
from chunk_assets.render.files import LocalFile, Picture
from chunk_assets.render.finalize import (
    composite_inputs,
    store_composite,
    store_frame,
    store_spec,
)
from chunk_assets.render.finishing_queue import FinishingQueue
from chunk_assets.render.handoff import Handoff
from chunk_assets.render.made import ClipInputs
from chunk_assets.render.prefetch import Prefetch, StoredChunk
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.objects import json_bytes
from chunk_assets.storage.stored import StoredObject


class Stages:
    """Makes one chunk after another, on the chain's thread.

    Each stage queues its object for finishing, even if it is kept: an event may only be recorded
    after the events of its inputs.
    """

    def __init__(self, context: RenderContext, finishing: FinishingQueue):
        self._context, self._finishing = context, finishing
        self._handoff, self._prefetch = Handoff(context), Prefetch(context)
        self._clips = ClipStage(context, finishing, self._handoff, self._prefetch)

    def close(self) -> None:
        """End the prefetching thread."""
        self._prefetch.close()

    def make(self, chunk_num: int, following: int | None) -> None:
        """Make one chunk; `following` is the one to be made next.

        Raises:
            SpecError: The film has no such chunk.
            NotStored: Something that the requested stages are made from is not stored.
            MediaError, GenerationError, StorageError: The chunk could not be made.
            HandedOff: This process shuts down.
            Stopped: The walk was closed.
        """
        context, planned = self._context, self._context.plan.spec(chunk_num)
        context.stop.check_begin()
        if context.locks.acquire(chunk_num, context.stop.check_begin):
            self._prefetch.clear()
        found = self._finished(planned, self._prefetch.get(planned))
        if context.request.take is not None:
            self._clips.choose(planned, found, context.request.take)
            return
        spec, version = self._spec(planned, found.spec)
        if context.makes("chunk_videos") or context.makes("composites"):
            inputs = self._composite(spec, version, found.composite)
            if context.makes("chunk_videos"):
                kept = self._clips.make(inputs, found, following)
                if kept is not None and context.makes("last_frames"):
                    self._frame_of_stored_clip(spec, kept, found)
                return
        if context.makes("last_frames"):
            clip = self._needed("chunk_videos", chunk_num, found.clip)
            self._frame_of_stored_clip(spec, clip, found)

    def _finished(self, spec: ChunkSpec, found: StoredChunk) -> StoredChunk:
        """Finish an interrupted choice, and give a clip back the record that it has lost."""
        objects, number = self._context.objects, spec.chunk_num
        take = take_of_lost_record(found.takes, found.clip)
        what = "the record of the clip was lost; it is copied again from"
        if take is None:
            take = interrupted_choice(found.takes, found.clip, found.last_frame)
            what = "the interrupted choice is finished:"
        if take is None:
            return found
        clip, frame = publish(objects, number, take)
        self._context.listener.noticed(f"chunk {number}: {what} take {take.number}")
        return replace(found, clip=clip, last_frame=frame)

    def _spec(self, planned: ChunkSpec, stored: StoredObject | None) -> tuple[ChunkSpec, str]:
        """Return the spec and its version."""
        context, number = self._context, planned.chunk_num
        if not context.makes("chunk_specs"):
            self._needed("chunk_specs", number, stored)
            spec, read = context.objects.spec(number).read_json(ChunkSpec)
            return spec, read.sha256
        version = bytes_digest(json_bytes(planned))
        if stored is not None and stored.sha256 == version and not context.store.damage(stored):
            inputs = {"animatics": context.plan.version}
            file = context.files.animatic_file(planned.animatic_frame_url)
            self._finishing.keep("chunk_specs", planned, stored, inputs, file)
        else:
            self._finishing.submit(store_spec, context, planned)
        return planned, version

    def _composite(
        self, spec: ChunkSpec, spec_version: str, stored: StoredObject | None
    ) -> ClipInputs:
        """Return the clip's inputs, with the stored composite if it is current, or a new one."""
        context, number = self._context, spec.chunk_num
        if not context.makes("composites"):
            needed = self._needed("composites", number, stored)
            return self._inputs(spec, spec_version, needed)
        previous = self._handoff.frame_before(spec)
        if stored is not None and self._is_current(spec, stored, previous):
            inputs = self._inputs(spec, spec_version, stored)
            versions = composite_inputs(spec_version, previous)
            self._finishing.keep("composites", spec, stored, versions, inputs.composite.file)
            return inputs
        image = self._blended(spec, previous)
        path = save_png(image, context.files.directory(number) / "composite.png", STORED)
        composite = Picture(LocalFile(path), image)
        self._finishing.submit(store_composite, context, spec, spec_version, composite, previous)
        return ClipInputs(spec, spec_version, composite, previous)

    def _inputs(self, spec: ChunkSpec, spec_version: str, composite: StoredObject) -> ClipInputs:
        """Return a clip's inputs with a stored composite."""
        picture = self._context.files.stored_picture(spec.chunk_num, composite)
        made_from = composite.record.get("fingerprint", "")
        return ClipInputs(spec, spec_version, picture, composite_from=made_from)

    def _blended(self, spec: ChunkSpec, previous: Picture | None) -> Image.Image:
        files, weights = self._context.files, used_weights(spec, self._context.request.weights)
        style = None
        if previous is None and spec.style_guide_url and not spec.is_unblended:
            style = open_picture(files.animatic_file(spec.style_guide_url).fetch(), spec.size)
        return blend_references(
            files.fitted_animatic(spec.animatic_frame_url, spec.size),
            style,
            previous.load() if previous else None,
            weights.animatic,
            weights.style,
            weights.temporal,
        )

    def _is_current(
        self, spec: ChunkSpec, composite: StoredObject, previous: Picture | None
    ) -> bool:
        """Return whether a stored composite is intact and up to date."""
        try:
            record = CompositeRecord.of(composite)
        except StorageError:
            return False
        version, weights = previous.version if previous else None, self._context.request.weights
        is_same = record.fingerprint == composite_fingerprint(spec, version, weights)
        return is_same and not self._context.store.damage(composite)

    def _frame_of_stored_clip(
        self, spec: ChunkSpec, clip: StoredObject, found: StoredChunk
    ) -> None:
        """Hand off the last frame of a clip that stays: the stored one if it belongs to it."""
        context, number = self._context, spec.chunk_num
        stored, recorded = found.last_frame, clip.record.get("last-frame", "")
        if (
            stored is not None
            and stored.record.get("clip") == clip.sha256
            and stored.record.get("pixels") == (recorded or stored.record.get("pixels"))
            and not context.store.damage(stored)
        ):
            frame = context.files.stored_picture(number, stored)
            inputs = {"chunk_videos": clip.sha256}
            take = clip.record.get("take", "")
            key = found.takes.key(int(take), FRAME) if take.isdecimal() else ""
            self._finishing.keep("last_frames", spec, stored, inputs, frame.file, key)
        else:
            source = context.files.stored_file(number, clip).fetch()
            try:
                image = last_frame(str(source), until=end_of_use(spec.num_frames, spec.fps))
            except MediaError:
                check_clip(context.store, clip, source, spec)
                raise
            # A clip that was encoded again ends in almost the frame it handed off. Chunks made
            # from that frame are still valid, and are paid for.
            pixels = recorded or pixel_digest(image)
            frame = Picture(LocalFile(context.files.last_frame(number)), image, pixels)
            record = FrameRecord(clip=clip.sha256, pixels=pixels)
            self._finishing.submit(store_frame, context, spec, frame, record)
        self._handoff.give(number, frame)

    def _needed(self, stage: str, chunk_num: int, stored: StoredObject | None) -> StoredObject:
        """Return the stored object of a stage that is not requested but needed."""
        if stored is None:
            film = self._context.plan.video_id
            raise NotStored(
                f"{stage} of chunk {chunk_num} of film {film!r} is not stored: "
                f"materialize {stage} for that chunk first",
                video_id=film,
                chunk_num=chunk_num,
            )
        return stored
