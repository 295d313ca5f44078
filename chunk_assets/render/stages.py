"""The chain's steps for one chunk: its spec, composite, clip and last frame, one from another."""

import math
import threading
import time
from collections.abc import Callable
from functools import partial

from PIL import Image

from chunk_assets.errors import HandedOn, MediaError, NotStored, StorageError
from chunk_assets.files.digests import bytes_digest
from chunk_assets.film.clip_damage import check_clip
from chunk_assets.film.fingerprints import chunk_seed, clip_fingerprint, composite_fingerprint
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import FilmPlan
from chunk_assets.film.records import ClipRecord, CompositeRecord, FrameRecord
from chunk_assets.generation.base import GenerationRequest, Generator
from chunk_assets.generation.stopping import StopSignal, answered
from chunk_assets.media.compositing import blend_references
from chunk_assets.media.frames import last_frame
from chunk_assets.media.images import STORED, open_picture, pixel_digest, save_png
from chunk_assets.media.preview_frames import Passing
from chunk_assets.media.retiming import end_of_use
from chunk_assets.media.rgb import RgbConverter
from chunk_assets.render.files import ChunkFiles, Picture
from chunk_assets.render.finalize import MOVING_FRAMES, Finishing, Made
from chunk_assets.render.hand_over import HandOver
from chunk_assets.render.hooks import ChunkLocks, Listener, Shutdown
from chunk_assets.render.prefetch import Lookout
from chunk_assets.render.request import ChunkObject, RenderRequest
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.objects import json_bytes
from chunk_assets.storage.store import ObjectStore, StoredObject

HEAD_START = 0.3
"""For how many seconds at most the chain has the machine to itself when a clip has come: twice what
it takes until the next one is asked for."""

SEAM_SECONDS = 1.0
"""About twice what a seam of 1024×576 takes on two cores."""


class ChainStop(StopSignal):
    """Set when a film's walk is closed or halted, or its process has to end at once.

    Args:
        film: The film, for sentences.
        halt: Stops the walk from another thread.
        shutdown: Says when the process has to end, and whether predictions are left to the next.
    """

    def __init__(self, film: str, halt: threading.Event, shutdown: Shutdown):
        super().__init__()
        self._film, self._halt, self._shutdown = film, halt, shutdown

    def close(self) -> None:
        """Stop: the walk is closed."""
        if self._shutdown.keeps_predictions:
            self.set(HandedOn(f"{self._film} is handed on unfinished: its walk was closed"))
        else:
            self.set()

    def is_set(self) -> bool:
        """Whether to stop, for whatever reason."""
        if not super().is_set():
            try:
                self._shutdown.go_on(self._film)
            except HandedOn as reason:
                self.set(reason)
            if self._halt.is_set():
                self.close()
        return super().is_set()


class Steps:
    """Makes one chunk after another; what the chain does not wait for is handed to `beside`."""

    def __init__(
        self,
        plan: FilmPlan,
        store: ObjectStore,
        generator: Generator,
        order: RenderRequest,
        files: ChunkFiles,
        listener: Listener,
        claims: ChunkLocks,
        beside: Callable[[Callable[[], list[ChunkObject]]], None],
        halt: threading.Event | None = None,
        shutdown: Shutdown | None = None,
    ):
        self.plan, self.store, self.generator = plan, store, generator
        self._objects = FilmObjects(store, plan.video_id)
        self.order, self.files, self.listener = order, files, listener
        self._claims, self._beside = claims, beside
        self._finishing = Finishing(plan, store, files, listener)
        self._lookout = Lookout(store, files)
        self._shutdown = shutdown or Shutdown()
        self._stop = ChainStop(self._film, halt or threading.Event(), self._shutdown)
        self._hand_over = HandOver(plan, store, files, claims, self._wait_on)
        self._usual_seconds = 0.0
        self._convert = RgbConverter()
        self._next_clip_at = 0.0  # infinite at the end
        self._has_asked = threading.Event()  # for the next clip, since the last one came

    def stop(self) -> None:
        """Have the generator give up, and ask for no further clip; from any thread."""
        self._stop.close()

    def close(self) -> None:
        """Let go of what the steps hold."""
        self._lookout.close()

    def chunk(self, chunk_num: int, following: int | None) -> None:
        """Make one chunk; `following` is the one to be made next.

        Raises:
            SpecError: The film has no such chunk.
            NotStored: Something that the chosen stages are made from is not stored.
            MediaError, GenerationError, StorageError: It could not be made.
            HandedOn: This process is to end, and another to go on.
            Stopped: `stop` was called.
        """
        planned = self.plan.spec(chunk_num)
        self._shutdown.begin(self._film)
        if self._claims.acquire(chunk_num, self._wait_on):
            self._lookout.forget()
        found = self._lookout.of(planned)
        spec, spec_version = self._spec(chunk_num, found.spec)
        composite = self._composite(spec, spec_version, found.composite)
        if "chunk_videos" in self.order.stages and composite is not None:
            self._clip(spec, spec_version, composite, found.clip, following)
        elif "last_frames" in self.order.stages:
            self._frame_of_stored_clip(spec, self._needed("chunk_videos", chunk_num, found.clip))

    # Each step queues its objects in the background's order, kept ones too: an event may only be
    # recorded after those of what it was made from. Digests of new pictures are taken there, too,
    # unless something stored has to be compared with them.

    def _spec(self, chunk_num: int, stored: StoredObject | None) -> tuple[ChunkSpec, str]:
        ref = self._objects.spec(chunk_num)
        if "chunk_specs" not in self.order.stages:
            self._needed("chunk_specs", chunk_num, stored)
            spec, read = ref.read_json(ChunkSpec)
            return spec, read.sha256
        planned = self.plan.spec(chunk_num)
        version = bytes_digest(json_bytes(planned))
        inputs = {"animatics": self.plan.version}
        done = partial(ChunkObject, "chunk_specs", planned, inputs=inputs)

        def pictures() -> list[Image.Image]:
            path = self.files.animatic_picture(planned.animatic_frame_url)
            return [open_picture(path, largest_side=max(planned.size))]

        if stored is not None and stored.sha256 == version and not self.store.damage(stored):
            self._queue(lambda: done(stored, is_kept=True, pictures=pictures))
        else:
            self._queue(lambda: done(ref.write_json(planned), pictures=pictures))
        return planned, version

    def _composite(
        self, spec: ChunkSpec, spec_version: str, stored: StoredObject | None
    ) -> Picture | None:
        if "composites" not in self.order.stages:
            if "chunk_videos" not in self.order.stages:
                return None
            return self.files.stored_picture(
                spec.chunk_num, self._needed("composites", spec.chunk_num, stored)
            )
        previous = self._hand_over.frame_before(spec)
        weights = self.order.weights

        def fingerprint() -> str:
            return composite_fingerprint(spec, previous.version if previous else None, weights)

        def done(now: StoredObject, picture: Picture, *, is_kept: bool = False) -> ChunkObject:
            version = previous.version if previous else None
            inputs = {"chunk_specs": spec_version, "previous_last_frames": version}
            return ChunkObject(
                "composites", spec, now, inputs, lambda: [picture.image()], is_kept=is_kept
            )

        if stored is not None and self._is_whole(stored, fingerprint()):
            kept = self.files.stored_picture(spec.chunk_num, stored)
            self._queue(lambda: done(stored, kept, is_kept=True))
            return kept
        image = self._blended(spec, previous)
        directory = self.files.directory(spec.chunk_num)
        path = save_png(image, directory / "composite.png", STORED)
        picture = Picture(lambda: path, lambda: image, lambda: pixel_digest(image))

        def stored_now() -> ChunkObject:
            small = save_png(image, directory / "stored_composite.png")
            record = CompositeRecord(
                fingerprint=fingerprint(), pixels=picture.version, weights=str(weights)
            )
            ref = self._objects.composite(spec.chunk_num)
            return done(ref.write_image(small, record.as_metadata()), picture)

        self._queue(stored_now)
        return picture

    def _blended(self, spec: ChunkSpec, previous: Picture | None) -> Image.Image:
        weights = self.order.weights
        style = None
        if previous is None and spec.style_guide_url:
            style = open_picture(self.files.animatic_picture(spec.style_guide_url), spec.size)
        return blend_references(
            self.files.fitted_animatic(spec.animatic_frame_url, spec.size),
            style,
            previous.image() if previous else None,
            weights.animatic,
            weights.style,
            weights.temporal,
        )

    def _clip(
        self,
        spec: ChunkSpec,
        spec_version: str,
        composite: Picture,
        stored: StoredObject | None,
        following: int | None,
    ) -> None:
        name, model = self.generator.name, answered(lambda: self.generator.model, stop=self._stop)

        def fingerprint() -> str:
            return clip_fingerprint(spec, composite.version, name, model)

        def inputs() -> dict[str, str | None]:
            return {"chunk_specs": spec_version, "composites": composite.version}

        before = self._record_of(stored)
        is_damaged = stored is not None and bool(self.store.damage(stored))
        is_kept = before is not None and self._is_kept(spec, before, fingerprint())
        if stored is not None and is_kept and not is_damaged:
            self.listener.kept(spec)
            self._queue(lambda: self._finishing.kept_clip(spec, stored, inputs()))
            self._beside(self._seam)
            if "last_frames" in self.order.stages:
                self._frame_of_stored_clip(spec, stored)
            return
        take = before.take + 1 if before else 1
        if before is not None and is_kept:  # damaged: the same take, with its seed
            take = before.take
        request = GenerationRequest(
            video_id=spec.video_id,
            chunk_num=spec.chunk_num,
            prompt=spec.prompt,
            conditioning_image=composite.path(),
            num_frames=spec.num_frames,
            fps=spec.fps,
            size=spec.size,
            seed=chunk_seed(spec, take),
            camera_movement=spec.camera_movement,
            negative_prompt=spec.negative_prompt,
            keyframes=spec.keyframes,
        )
        if following is not None and self._claims.try_acquire(following):
            self._lookout.begin(self.plan.spec(following))
        progressed = partial(self.listener.progressed, spec)
        self.listener.started(spec)
        began = time.monotonic()
        self._next_clip_at = began + self._usual_seconds
        self._stop.raise_if_set()
        self._has_asked.set()
        directory = self.files.directory(spec.chunk_num)
        clip = self.generator.generate(request, directory, progressed, self._stop)
        seconds = self._usual_seconds = time.monotonic() - began
        if following is None:
            self._next_clip_at = math.inf
        else:
            self._has_asked.clear()
        self.listener.rendered(spec, seconds)

        passing = Passing(MOVING_FRAMES)
        until = end_of_use(spec.num_frames, spec.fps)
        frame = last_frame(str(clip.path), until=until, passing=passing, convert=self._convert)
        path = self._finishing.frame_path(spec)
        picture = Picture(lambda: save_png(frame, path), lambda: frame, lambda: pixel_digest(frame))
        self._hand_over.hand(spec.chunk_num, picture)

        def made() -> Made:
            self._has_asked.wait(HEAD_START)
            spent = clip.cost_usd + (before.spent_usd if before else 0.0)
            if before is not None and take == before.take and clip.spent_usd is not None:
                spent = clip.spent_usd  # it may be the take that was paid for, fetched again
            record = ClipRecord(
                fingerprint=fingerprint(),
                generator=name,
                model=model,
                seed=request.seed,
                take=take,
                root_run=self.order.root_run,
                cost_usd=clip.cost_usd,
                spent_usd=max(clip.spent_usd or 0.0, spent),
                seconds=round(seconds, 3),
                composite=composite.version,
                last_frame=picture.version,
            )
            temporal = 0.0 if spec.begins_anew else self.order.weights.temporal
            asked = composite.image
            return Made(clip, frame, passing, picture.version, record, inputs(), asked, temporal)

        wants_frame = "last_frames" in self.order.stages
        finish = partial(self._finishing.clip, with_frame=wants_frame, is_last=following is None)
        self._beside(lambda: finish(spec, made()))
        self._beside(self._seam)

    def _seam(self) -> list[ChunkObject]:
        # When the next clip is about to come, the chain must have the machine to itself: stitching
        # can make the seam as well.
        self._finishing.seam(is_leisurely=self._next_clip_at - time.monotonic() > SEAM_SECONDS)
        return []

    def _is_whole(self, composite: StoredObject, fingerprint: str) -> bool:
        """Whether a stored composite is what would be made now, and not damaged."""
        try:
            record = CompositeRecord.of(composite)
        except StorageError:
            return False
        return record.fingerprint == fingerprint and not self.store.damage(composite)

    def _is_kept(self, spec: ChunkSpec, record: ClipRecord, fingerprint: str) -> bool:
        if record.fingerprint != fingerprint:
            return False
        if spec.seed is not None and record.seed != chunk_seed(spec, record.take):
            return False  # the film's seed was chosen, and this clip was made with another
        return self.order.reuse == "matching" or record.root_run == self.order.root_run

    def _record_of(self, stored: StoredObject | None) -> ClipRecord | None:
        """The stored clip's record; a foreign clip is only written over when a take is asked."""
        if stored is None or stored.size == 0:
            return None
        try:
            return ClipRecord.of(stored)
        except StorageError:
            if self.order.reuse == "this_run":
                return None
            raise

    def _frame_of_stored_clip(self, spec: ChunkSpec, clip: StoredObject) -> None:
        """The last frame of a clip that stays: the one taken from it when it came, if stored."""
        stored = self._objects.last_frame(spec.chunk_num).head()
        handed = clip.record.get("last-frame", "")
        if (
            stored is not None
            and stored.record.get("clip") == clip.sha256
            and stored.record.get("pixels") == (handed or stored.record.get("pixels"))
            and not self.store.damage(stored)
        ):
            picture = self.files.stored_picture(spec.chunk_num, stored)
            self._queue(lambda: self._finishing.kept_frame(spec, stored, clip.sha256))
        else:
            source = self.files.stored_file(spec.chunk_num, clip)
            try:
                frame = last_frame(str(source), until=end_of_use(spec.num_frames, spec.fps))
            except MediaError:
                check_clip(self.store, clip, source, spec)
                raise
            # A clip that was encoded again ends in almost the frame that it handed on. What was
            # made from that one is as good as before, and has been paid for.
            pixels = handed or pixel_digest(frame)
            path = save_png(frame, self._finishing.frame_path(spec))
            picture = Picture(lambda: path, lambda: frame, lambda: pixels)
            record = FrameRecord(clip=clip.sha256, pixels=pixels)
            self._queue(lambda: self._finishing.frame(spec, frame, path, record))
        self._hand_over.hand(spec.chunk_num, picture)

    def _needed(self, stage: str, chunk_num: int, stored: StoredObject | None) -> StoredObject:
        """What a stage that is not asked for has to be made from."""
        if stored is None:
            film = self.plan.video_id
            raise NotStored(
                f"{stage} of chunk {chunk_num} of film {film!r} is not stored: "
                f"materialize {stage} for that chunk first",
                video_id=film,
                chunk_num=chunk_num,
            )
        return stored

    def _queue(self, make: Callable[[], ChunkObject]) -> None:
        self._beside(lambda: [make()])

    @property
    def _film(self) -> str:
        return f"film {self.plan.video_id!r}"

    def _wait_on(self) -> None:
        """While nothing of ours is being made, there is nothing to finish."""
        self._shutdown.begin(self._film)
        self._stop.raise_if_set()
