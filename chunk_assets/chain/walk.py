"""The walk along a film's chain: specs + generator + store → objects on S3, one chunk at a time.

A chunk's clip ends in the frame that conditions the next, so chunks are rendered in order. What
the chain does not wait for (normalising, uploading) goes on beside it; every object is on S3 before
it is handed to the caller, who records it. Knows no Dagster.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

from chunk_assets.chain.background import Background
from chunk_assets.chain.files import ChunkFiles, Picture
from chunk_assets.chain.film_plan import FilmPlan
from chunk_assets.chain.fingerprints import (
    Weights,
    chunk_seed,
    clip_fingerprint,
    composite_fingerprint,
)
from chunk_assets.chain.listener import Listener
from chunk_assets.chain.objects import STAGES, ChunkObject
from chunk_assets.chain.records import ClipRecord, CompositeRecord, FrameRecord
from chunk_assets.compositing import create_reference_composite
from chunk_assets.errors import ChunkAssetsError, NotStored, StorageError
from chunk_assets.generation.base import GenerationRequest, Generator
from chunk_assets.images import open_picture, pixel_digest
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage import keys
from chunk_assets.storage.objects import (
    json_bytes,
    read_json,
    write_image,
    write_json,
    write_video,
)
from chunk_assets.storage.store import ObjectStore, StoredObject, bytes_digest, file_digest
from chunk_assets.video.clips import ClipFormat, normalise
from chunk_assets.video.frames import extract_last_frame

Reuse = Literal["matching", "this_run"]


@dataclass(frozen=True)
class Order:
    """What a run asks of the walk.

    Attributes:
        stages: Which of the four assets to make; the others are read as they are stored.
        reuse: Which stored clips stay. `matching`: those made from what they would be made from
            now; `this_run`: of these only what `root_run` made, so that all else is a new take.
        root_run: This run, or the first of the runs it retries.
        weights: The shares of the composite's pictures.
    """

    stages: frozenset[str] = frozenset(STAGES)
    reuse: Reuse = "matching"
    root_run: str = ""
    weights: Weights = field(default_factory=Weights)


def walk(
    plan: FilmPlan,
    chunk_nums: Sequence[int],
    *,
    store: ObjectStore,
    generator: Generator,
    order: Order,
    workdir: Path,
    listener: Listener,
) -> Iterator[ChunkObject]:
    """Make chunks in the order of their numbers, and hand over each object once it is on S3.

    When a chunk fails, what was made before is finished and handed over first. When the caller
    stops (closes the iterator or is interrupted), the generator is told so and what is being
    uploaded is completed.

    Raises:
        SpecError: The film has no such chunk.
        NotStored: Something that the chosen stages are made from is not stored; says what to do.
        MediaError, GenerationError, StorageError: A chunk could not be made.
    """
    steps = _Walk(plan, store, generator, order, ChunkFiles(store, workdir), listener)
    try:
        for chunk_num in sorted(set(chunk_nums)):
            yield from steps.chunk(chunk_num)
        yield from _flat(steps.background.drain())
    except ChunkAssetsError:
        yield from _flat(steps.background.salvage())
        raise
    except OSError as error:
        message = f"this machine's disk refused a file in {str(workdir)!r}: {error}"
        raise StorageError(message, path=str(workdir)) from error
    finally:
        steps.close()


class _Stopped(Exception):
    """Thrown inside the generator, through its progress callback, when the walk ends early."""


@dataclass(frozen=True)
class _HandOver:
    """The last frame of a chunk, and which chunk it was."""

    chunk_num: int
    picture: Picture


class _Walk:
    """The state of one walk: what runs beside it, and the frame handed from chunk to chunk."""

    def __init__(
        self,
        plan: FilmPlan,
        store: ObjectStore,
        generator: Generator,
        order: Order,
        files: ChunkFiles,
        listener: Listener,
    ):
        self.plan, self.store, self.generator = plan, store, generator
        self.order, self.files, self.listener = order, files, listener
        self.background = Background[list[ChunkObject]]("finishing")
        self._rendering = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rendering")
        self._stop = threading.Event()
        self._handed: _HandOver | None = None

    def close(self) -> None:
        self._stop.set()
        self._rendering.shutdown(wait=True)
        self.background.close()

    def chunk(self, chunk_num: int) -> Iterator[ChunkObject]:
        # One clip may still be on its way to S3 while the next is rendered; its files stay.
        yield from _flat(self.background.drain(keep=1))
        self.files.forget_before(chunk_num - 1)
        spec, spec_version = self._spec(chunk_num)
        composite = self._composite(spec, spec_version)
        if "chunk_videos" in self.order.stages and composite is not None:
            yield from self._clip(spec, spec_version, composite)
        elif "last_frames" in self.order.stages:
            self._frame_of_stored_clip(spec, self._stored("chunk_videos", chunk_num))
        yield from _flat(self.background.ready())

    # Each step queues its objects in the background's order, kept ones too: an event may only be
    # recorded after those of what it was made from.

    def _spec(self, chunk_num: int) -> tuple[ChunkSpec, str]:
        key = keys.chunk_spec(self.plan.video_id, chunk_num)
        planned = self.plan.spec(chunk_num)
        if "chunk_specs" not in self.order.stages:
            self._stored("chunk_specs", chunk_num)
            spec, stored = read_json(self.store, key, ChunkSpec)
            return spec, stored.sha256
        version = bytes_digest(json_bytes(planned))
        stored = self.store.head(key)
        inputs = {"animatics": self.plan.version}
        done = partial(ChunkObject, "chunk_specs", planned, inputs=inputs)
        picture = partial(self.files.animatic_picture, planned.animatic_frame_url)
        if stored is not None and stored.sha256 == version:
            self._queue(lambda: done(stored, is_kept=True, picture=picture))
        else:
            self._queue(lambda: done(write_json(self.store, key, planned), picture=picture))
        return planned, version

    def _composite(self, spec: ChunkSpec, spec_version: str) -> Picture | None:
        if "composites" not in self.order.stages:
            if "chunk_videos" not in self.order.stages:
                return None
            return self.files.stored_picture(self._stored("composites", spec.chunk_num))
        previous = self._previous_frame(spec)
        version = previous.version if previous else None
        fingerprint = composite_fingerprint(spec, version, self.order.weights)
        inputs = {"chunk_specs": spec_version, "previous_last_frames": version}
        done = partial(ChunkObject, "composites", spec, inputs=inputs)
        key = keys.composite(spec.video_id, spec.chunk_num)
        stored = self.store.head(key)
        if stored is not None and stored.record.get("fingerprint") == fingerprint:
            picture = self.files.stored_picture(stored)
            self._queue(lambda: done(stored, is_kept=True, picture=picture.path))
            return picture
        path = self._blend(spec, previous)
        pixels = pixel_digest(open_picture(path))
        record = CompositeRecord(
            fingerprint=fingerprint, pixels=pixels, weights=str(self.order.weights)
        ).as_metadata()
        self._queue(lambda: done(write_image(self.store, key, path, record), picture=lambda: path))
        return Picture(pixels, lambda: path)

    def _blend(self, spec: ChunkSpec, previous: Picture | None) -> Path:
        path = self.files.directory(spec.chunk_num) / "composite.png"
        weights = self.order.weights
        style = spec.style_guide_url if previous is None else None
        create_reference_composite(
            str(self.files.animatic_picture(spec.animatic_frame_url)),
            str(self.files.animatic_picture(style)) if style else None,
            str(previous.path()) if previous else None,
            weights.animatic,
            weights.style,
            weights.temporal,
            size=spec.size,
            output_path=str(path),
        )
        return path

    def _previous_frame(self, spec: ChunkSpec) -> Picture | None:
        if spec.chunk_num == 0:
            return None
        number = spec.chunk_num - 1
        if self._handed is not None and self._handed.chunk_num == number:
            return self._handed.picture
        stored = self.store.head(keys.last_frame(spec.video_id, number))
        clip = self.store.head(keys.chunk_video(spec.video_id, number))
        if stored is None or clip is None or stored.record.get("clip") != clip.sha256:
            raise NotStored(
                f"chunk {spec.chunk_num} of film {spec.video_id!r} begins with the last frame of "
                f"chunk {number}, which is not stored: materialize chunk {number} first",
                video_id=spec.video_id,
                missing=keys.last_frame(spec.video_id, number),
            )
        return self.files.stored_picture(stored)

    def _clip(
        self, spec: ChunkSpec, spec_version: str, composite: Picture
    ) -> Iterator[ChunkObject]:
        name, model = self.generator.name, self.generator.model
        fingerprint = clip_fingerprint(spec, composite.version, name, model)
        inputs = {"chunk_specs": spec_version, "composites": composite.version}
        stored = self.store.head(keys.chunk_video(spec.video_id, spec.chunk_num))
        before = self._record_of(stored)
        if stored is not None and before is not None and self._is_kept(spec, before, fingerprint):
            self.listener.kept(spec)
            kept = ChunkObject(
                "chunk_videos",
                spec,
                stored,
                inputs=inputs,
                is_kept=True,
                picture=lambda: self._middle_frame(spec, self.files.stored_file(stored)),
            )
            self._queue(lambda: kept)
            if "last_frames" in self.order.stages:
                self._frame_of_stored_clip(spec, stored)
            return
        take = before.take + 1 if before else 1
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
        self.listener.started(spec)
        began = time.monotonic()
        directory = self.files.directory(spec.chunk_num)
        rendering = self._rendering.submit(
            self.generator.generate, request, directory, partial(self._progressed, spec)
        )
        yield from _flat(self.background.until(rendering))
        clip = rendering.result()
        seconds = time.monotonic() - began
        self.listener.rendered(spec, seconds)

        frame = directory / "last_frame.png"
        used = Fraction(spec.num_frames, spec.fps)
        extract_last_frame(str(clip.path), until=used, output_path=str(frame))
        pixels = pixel_digest(open_picture(frame))
        self._handed = _HandOver(spec.chunk_num, Picture(pixels, lambda: frame))
        record = ClipRecord(
            fingerprint=fingerprint,
            generator=name,
            model=model,
            seed=request.seed,
            take=take,
            root_run=self.order.root_run,
            cost_usd=clip.cost_usd,
            spent_usd=clip.cost_usd + (before.spent_usd if before else 0.0),
            seconds=round(seconds, 3),
        )

        def finish() -> list[ChunkObject]:
            film_clip, held = clip.path, 0
            if not clip.is_normalised:
                film_clip = directory / "clip.mp4"
                form = ClipFormat(spec.num_frames, spec.fps, spec.size, spec.keyframes)
                held = normalise(clip.path, film_clip, form).held_frames
            sha256 = file_digest(film_clip)
            # The frame first: the clip's object commits both.
            last = self._store_frame(spec, frame, FrameRecord(clip=sha256, pixels=pixels))
            key = keys.chunk_video(spec.video_id, spec.chunk_num)
            metadata = record.model_copy(update={"held_frames": held}).as_metadata()
            stored = write_video(self.store, key, film_clip, metadata)
            made = ChunkObject(
                "chunk_videos",
                spec,
                stored,
                inputs=inputs,
                picture=lambda: self._middle_frame(spec, film_clip),
                details=clip.details,
            )
            return [made, last] if "last_frames" in self.order.stages else [made]

        self.background.start(finish)

    def _is_kept(self, spec: ChunkSpec, record: ClipRecord, fingerprint: str) -> bool:
        if record.fingerprint != fingerprint:
            return False
        if spec.seed is not None and record.seed != chunk_seed(spec, record.take):
            return False  # the film's seed was chosen, and this clip was made with another
        return self.order.reuse == "matching" or record.root_run == self.order.root_run

    def _record_of(self, stored: StoredObject | None) -> ClipRecord | None:
        """The stored clip's record; a foreign clip is only written over when a take is asked."""
        if stored is None:
            return None
        if self.order.reuse == "this_run" and "fingerprint" not in stored.record:
            return None
        return ClipRecord.of(stored)

    def _frame_of_stored_clip(self, spec: ChunkSpec, clip: StoredObject) -> None:
        """The last frame of a clip that stays: the one taken from it when it came, if stored."""
        stored = self.store.head(keys.last_frame(spec.video_id, spec.chunk_num))
        if stored is not None and stored.record.get("clip") == clip.sha256:
            picture = self.files.stored_picture(stored)
            kept = ChunkObject(
                "last_frames",
                spec,
                stored,
                inputs={"chunk_videos": clip.sha256},
                is_kept=True,
                picture=picture.path,
            )
            self._queue(lambda: kept)
        else:
            path = self.files.directory(spec.chunk_num) / "last_frame.png"
            source = self.files.stored_file(clip)
            used = Fraction(spec.num_frames, spec.fps)
            extract_last_frame(str(source), until=used, output_path=str(path))
            pixels = pixel_digest(open_picture(path))
            record = FrameRecord(clip=clip.sha256, pixels=pixels)
            picture = Picture(pixels, lambda: path)
            self._queue(lambda: self._store_frame(spec, path, record))
        self._handed = _HandOver(spec.chunk_num, picture)

    def _store_frame(self, spec: ChunkSpec, path: Path, record: FrameRecord) -> ChunkObject:
        key = keys.last_frame(spec.video_id, spec.chunk_num)
        stored = write_image(self.store, key, path, record.as_metadata())
        inputs = {"chunk_videos": record.clip}
        return ChunkObject("last_frames", spec, stored, inputs=inputs, picture=lambda: path)

    def _stored(self, stage: str, chunk_num: int) -> StoredObject:
        """What a stage that is not asked for has to be made from."""
        film = self.plan.video_id
        stored = self.store.head(STAGES[stage](film, chunk_num))
        if stored is None:
            raise NotStored(
                f"{stage} of chunk {chunk_num} of film {film!r} is not stored: "
                f"materialize {stage} for that chunk first",
                video_id=film,
                chunk_num=chunk_num,
            )
        return stored

    def _middle_frame(self, spec: ChunkSpec, clip: Path) -> Path:
        path = self.files.directory(spec.chunk_num) / "middle_frame.png"
        middle = Fraction(spec.num_frames // 2 + 1, spec.fps)
        return Path(extract_last_frame(str(clip), until=middle, output_path=str(path)))

    def _queue(self, make: Callable[[], ChunkObject]) -> None:
        self.background.start(lambda: [make()])

    def _progressed(self, spec: ChunkSpec, fraction: float) -> None:
        if self._stop.is_set():
            raise _Stopped
        self.listener.progressed(spec, fraction)


def _flat(groups: Iterator[list[ChunkObject]]) -> Iterator[ChunkObject]:
    for group in groups:
        yield from group
