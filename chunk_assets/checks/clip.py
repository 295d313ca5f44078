"""Judging a film's stored chunks: each clip is fetched and seen once, for all of its checks."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chunk_assets.checks import results
from chunk_assets.checks.colour import Drift
from chunk_assets.checks.conformance import conforms
from chunk_assets.checks.results import Verdict, measured, too_much
from chunk_assets.errors import MediaError, NotStored, StorageError
from chunk_assets.film.local_files import AnimaticPictures
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import CompositeRecord
from chunk_assets.generation.preview import movement_of
from chunk_assets.media.clip_metrics import Watched, watch
from chunk_assets.media.frames import last_frame
from chunk_assets.media.images import open_picture
from chunk_assets.media.metrics import drawing_distance, is_black, luma, reduced
from chunk_assets.quality import Quality
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject


@dataclass(frozen=True)
class Judged:
    """The verdicts on one chunk, and the clip they are about; None where there is none."""

    clip: StoredObject | None
    verdicts: list[Verdict]


@dataclass(frozen=True)
class _Conditioning:
    """The picture a clip was conditioned on, reduced, and the last frame's share in it."""

    picture: np.ndarray
    temporal: float


class Judge:
    """Judges chunks; fastest in a film's order, where each one's end is known to the next.

    Args:
        store: Where the chunks are.
        workdir: An existing directory; a chunk's files are gone from it when it is judged.
        quality: The limits.
    """

    def __init__(self, store: ObjectStore, workdir: Path, quality: Quality):
        self._store, self._workdir, self._quality = store, workdir, quality
        self._drift = Drift(store, workdir)
        self._animatics = AnimaticPictures(store, workdir)
        self._end: tuple[tuple[str, int], np.ndarray] | None = None

    def is_known(self, video_id: str, chunk_num: int) -> bool:
        """Whether anything of the chunk is stored that could be judged, or missed."""
        objects = FilmObjects(self._store, video_id)
        return any(ref.head() for ref in (objects.spec(chunk_num), objects.clip(chunk_num)))

    def chunk(self, video_id: str, chunk_num: int) -> Judged:
        """Judge one chunk, whatever of it is there: what is missing or damaged fails a check.

        Raises:
            StorageError: S3 cannot be reached.
        """
        stored = FilmObjects(self._store, video_id).clip(chunk_num).head()
        directory = self._workdir / f"judged_{chunk_num}"
        directory.mkdir(exist_ok=True)
        try:
            return Judged(stored, list(self._verdicts(video_id, chunk_num, directory)))
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _verdicts(self, video_id: str, chunk_num: int, directory: Path) -> Iterator[Verdict]:
        self._end, before = None, self._end
        clip = directory / "clip.mp4"
        try:
            objects = FilmObjects(self._store, video_id)
            spec, _ = objects.spec(chunk_num).read_json(ChunkSpec)
            objects.clip(chunk_num).download(clip)
            seen = watch(
                clip, black_luma=self._quality.black_luma, still_luma=self._quality.still_luma
            )
        except (StorageError, MediaError) as error:
            yield Verdict(results.CONFORMS, False, _sentence(error, clip, video_id, chunk_num))
            for check in list(results.OF_A_CHUNK)[1:]:
                yield Verdict.not_judged(check, results.CONFORMS)
            return
        first = conforms(spec, clip, seen)
        yield first
        if first.values.get("width") != spec.size[0] or first.values.get("height") != spec.size[1]:
            for check in list(results.OF_A_CHUNK)[1:]:  # pictures of another size
                yield Verdict.not_judged(check, results.CONFORMS)
            return
        self._end = (video_id, chunk_num), seen.last
        yield from self._of_the_picture(spec, seen, directory, before)

    def _of_the_picture(
        self,
        spec: ChunkSpec,
        seen: Watched,
        directory: Path,
        before: tuple[tuple[str, int], np.ndarray] | None,
    ) -> Iterator[Verdict]:
        conditioning = self._conditioning(spec, directory)
        black = self._not_black(seen, conditioning)
        yield black
        if not black.passed:
            for check in (results.NOT_FROZEN, results.BEGINS, results.COLOUR):
                yield Verdict.not_judged(check, results.NOT_BLACK)
            return
        yield self._not_frozen(spec, seen)
        if isinstance(conditioning, str):
            yield Verdict(results.BEGINS, False, conditioning)
            yield Verdict.not_judged(results.COLOUR, results.BEGINS)
            return
        begins = self._begins(spec, seen, conditioning, directory, before)
        yield begins
        # A clip that shows something else has other colours, too: that is one fault, not two.
        if float(begins.values["begin_distance"]) > self._quality.begin_distance:
            yield Verdict.not_judged(results.COLOUR, results.BEGINS)
        else:
            yield self._drift.verdict(
                spec, conditioning.picture, seen.last, conditioning.temporal, self._quality
            )

    def _conditioning(self, spec: ChunkSpec, directory: Path) -> _Conditioning | str:
        """The composite, or why it cannot be had."""
        try:
            composite = FilmObjects(self._store, spec.video_id).composite(spec.chunk_num)
            stored = composite.download(directory / "composite.png")
            picture = open_picture(directory / "composite.png")
            if picture.size != spec.size:
                has = f"{picture.width}x{picture.height} pixels, the spec {spec.size!r}"
                return f"the composite has {has}: materialize the chunk again"
            weights = CompositeRecord.of(stored).used_weights
        except (StorageError, MediaError) as error:
            return str(error)
        return _Conditioning(reduced(np.asarray(picture)), weights.temporal)

    def _not_black(self, seen: Watched, conditioning: _Conditioning | str) -> Verdict:
        limit, found = self._quality.black_frames, seen.movement
        begins_black = isinstance(conditioning, _Conditioning) and is_black(
            luma(conditioning.picture), self._quality.black_luma
        )
        allowed = found.frames if begins_black else limit
        values = measured(
            black_frames=(found.black_frames, allowed), mean_luma=(found.mean_luma, 255.0)
        )
        return Verdict(
            results.NOT_BLACK,
            found.black_frames <= allowed,
            f"{found.black_frames} of {found.frames} frames are black: allowed are {allowed}",
            values,
        )

    def _not_frozen(self, spec: ChunkSpec, seen: Watched) -> Verdict:
        found = seen.movement
        is_static = movement_of(spec.camera_movement).is_static
        allowed = 1.0 if is_static else self._quality.still_share
        sentence = (
            f"the picture stands still for {found.still_frames} of {found.frames} frames, "
            f"{found.still_share:.0%}: allowed is {allowed:.0%}"
        )
        return Verdict(
            results.NOT_FROZEN,
            found.still_share <= allowed,
            sentence + (", since the camera is to be static" if is_static else ""),
            measured(still_share=(found.still_share, allowed)),
        )

    def _begins(
        self,
        spec: ChunkSpec,
        seen: Watched,
        conditioning: _Conditioning,
        directory: Path,
        before: tuple[tuple[str, int], np.ndarray] | None,
    ) -> Verdict:
        limit = self._quality.begin_distance
        pairs = {"begin_distance": (drawing_distance(seen.first, conditioning.picture), limit)}
        if not spec.begins_anew:
            try:
                end = self._end_before(spec, directory, before)
                animatic = reduced(
                    np.asarray(self._animatics.fitted(spec.animatic_frame_url, spec.size))
                )
            except (StorageError, MediaError) as error:
                return Verdict(results.BEGINS, False, str(error), measured(**pairs))
            if end.shape != seen.first.shape:
                sentence = f"the clip of chunk {spec.chunk_num - 1} has another size"
                return Verdict(results.BEGINS, False, sentence, measured(**pairs))
            # The blend itself departs from the last frame by the animatic's share of the way.
            blended = (1.0 - conditioning.temporal) * drawing_distance(end, animatic)
            pairs["seam_distance"] = (drawing_distance(end, seen.first), blended + limit)
        faults = too_much(**pairs)
        told = "; ".join(
            f"{name.replace('_', ' ')} {value:.2f}, allowed is {allowed:.2f}"
            for name, (value, allowed) in pairs.items()
        )
        return Verdict(results.BEGINS, not faults, told, measured(**pairs))

    def _end_before(
        self,
        spec: ChunkSpec,
        directory: Path,
        before: tuple[tuple[str, int], np.ndarray] | None,
    ) -> np.ndarray:
        number = spec.chunk_num - 1
        if before is not None and before[0] == (spec.video_id, number):
            return before[1]
        path = directory / "before.mp4"
        FilmObjects(self._store, spec.video_id).clip(number).download(path)
        return reduced(np.asarray(last_frame(str(path))))


def _sentence(error: StorageError | MediaError, clip: Path, video_id: str, chunk_num: int) -> str:
    if isinstance(error, NotStored):
        return f"{error}: materialize chunk {chunk_num} of film {video_id!r} first"
    return str(error).replace(repr(str(clip)), "the clip")
