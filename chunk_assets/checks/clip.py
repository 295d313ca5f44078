"""Check a film's stored clips: each is downloaded and decoded once for all of its checks."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from chunk_assets.checks import results
from chunk_assets.checks.colour import ColourDrift
from chunk_assets.checks.conformance import check_form
from chunk_assets.checks.results import CheckResult, measured, over_limit
from chunk_assets.errors import MediaError, NotStored, StorageError
from chunk_assets.film.objects import FilmObjects, animatic_file_at
from chunk_assets.film.records import CompositeRecord
from chunk_assets.generation.camera_words import movement_of
from chunk_assets.media.clip_metrics import ClipMetrics, measure_clip
from chunk_assets.media.frames import last_frame
from chunk_assets.media.images import open_picture
from chunk_assets.media.metrics import drawing_distance, is_black, luma, reduced
from chunk_assets.quality import Quality
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject


@dataclass(frozen=True)
class CheckedClip:
    """A clip and its check results; `clip` is None if nothing is stored."""

    clip: StoredObject | None
    results: list[CheckResult]


@dataclass(frozen=True)
class _Conditioning:
    """The pictures a clip was conditioned on, reduced.

    Attributes:
        picture: The composite.
        temporal: The share of the previous last frame in it.
        end: The end picture, if the clip should end on one.
    """

    picture: np.ndarray
    temporal: float
    end: np.ndarray | None = None


_LastFrame = tuple[tuple[str, int], np.ndarray]
"""Film and number of a chunk, and its clip's last frame, reduced."""


class ClipChecker:
    """Checks clips; fastest in the film's order, since each last frame is kept for the next chunk.

    Args:
        store: The bucket.
        workdir: An existing directory; a chunk's files are removed after its checks.
        quality: The limits.
    """

    def __init__(self, store: ObjectStore, workdir: Path, quality: Quality):
        self._store, self._workdir, self._quality = store, workdir, quality
        self._drift = ColourDrift(store, workdir)
        self._previous: _LastFrame | None = None

    def is_stored(self, video_id: str, chunk_num: int) -> bool:
        """Whether the chunk has a spec or a clip."""
        objects = FilmObjects(self._store, video_id)
        return any(ref.head() for ref in (objects.spec(chunk_num), objects.clip(chunk_num)))

    def check(self, video_id: str, chunk_num: int) -> CheckedClip:
        """Check one chunk's clip. Something missing or damaged fails a check.

        Raises:
            StorageError: S3 cannot be reached.
        """
        stored = FilmObjects(self._store, video_id).clip(chunk_num).head()
        directory = self._workdir / f"checked_{chunk_num}"
        directory.mkdir(exist_ok=True)
        try:
            return CheckedClip(stored, list(self._results(video_id, chunk_num, directory)))
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _results(self, video_id: str, chunk_num: int, directory: Path) -> Iterator[CheckResult]:
        self._previous, previous = None, self._previous
        clip = directory / "clip.mp4"
        try:
            objects = FilmObjects(self._store, video_id)
            spec, _ = objects.spec(chunk_num).read_json(ChunkSpec)
            objects.clip(chunk_num).download(clip)
            seen = self._measured(clip)
        except (StorageError, MediaError) as error:
            sentence = str(error).replace(repr(str(clip)), "the clip")
            if isinstance(error, NotStored):
                sentence = f"{error}: materialize chunk {chunk_num} of film {video_id!r} first"
            yield CheckResult(results.CONFORMS, False, sentence)
            yield from _skipped(results.CONFORMS)
            return
        form = check_form(spec, clip, seen)
        yield form
        if (form.values.get("width"), form.values.get("height")) != spec.size:
            yield from _skipped(results.CONFORMS)  # pictures of different sizes cannot be compared
            return
        self._previous = (video_id, chunk_num), seen.last
        conditioning = self._conditioning(spec, directory)
        yield from self._picture_results(spec, seen, conditioning, directory, previous)

    def check_take(
        self, spec: ChunkSpec, clip: Path, composite: Image.Image, temporal: float
    ) -> list[CheckResult]:
        """Check a take that is not chosen.

        Args:
            spec: The chunk.
            clip: A file with the take's clip.
            composite: The picture it was conditioned on.
            temporal: The share of the previous last frame in `composite`.

        Raises:
            MediaError: The clip cannot be decoded.
            StorageError: S3 cannot be reached.
        """
        seen = self._measured(clip)
        form = check_form(spec, clip, seen)
        conditioning = _Conditioning(reduced(np.asarray(composite)), temporal)
        with TemporaryDirectory(dir=self._workdir) as directory:
            pictures = self._picture_results(spec, seen, conditioning, Path(directory), None)
            return [form, *pictures]

    def _measured(self, clip: Path) -> ClipMetrics:
        quality = self._quality
        return measure_clip(clip, black_luma=quality.black_luma, still_luma=quality.still_luma)

    def _picture_results(
        self,
        spec: ChunkSpec,
        seen: ClipMetrics,
        conditioning: _Conditioning | str,
        directory: Path,
        previous: _LastFrame | None,
    ) -> Iterator[CheckResult]:
        black = self._not_black(seen, conditioning)
        yield black
        if not black.passed:
            yield from _skipped(results.NOT_BLACK)
            return
        yield self._not_frozen(spec, seen)
        if isinstance(conditioning, str):
            yield CheckResult(results.BEGINS, False, conditioning)
            yield from _skipped(results.BEGINS)
            return
        begins = self._begins(spec, seen, conditioning, directory, previous)
        yield begins
        # A clip that shows something else has other colours, too: report one fault, not two.
        if float(begins.values["begin_distance"]) > self._quality.begin_distance:
            yield from _skipped(results.BEGINS)
        else:
            end = conditioning.end
            compared = conditioning.picture if end is None else end
            temporal = conditioning.temporal if end is None else 0.0
            yield self._drift.check(spec, compared, seen.last, temporal, self._quality)

    def _conditioning(self, spec: ChunkSpec, directory: Path) -> _Conditioning | str:
        """The composite and the end picture, or why they cannot be read."""
        path = directory / "composite.png"
        try:
            stored = (
                FilmObjects(self._store, spec.video_id).composite(spec.chunk_num).download(path)
            )
            picture = open_picture(path)
            if picture.size != spec.size:
                has = f"{picture.width}x{picture.height} pixels, the spec {spec.size!r}"
                return f"the composite has {has}: materialize the chunk again"
            weights = CompositeRecord.of(stored).used_weights
            end = None
            if spec.end_frame_url is not None:
                end = self._animatic(spec, spec.end_frame_url, directory)
        except (StorageError, MediaError) as error:
            return str(error)
        temporal = 0.0 if spec.starts_chain else weights.temporal
        return _Conditioning(reduced(np.asarray(picture)), temporal, end)

    def _animatic(self, spec: ChunkSpec, uri: str, directory: Path) -> np.ndarray:
        """A picture of the animatic, reduced."""
        path = directory / "animatic"
        animatic_file_at(self._store, uri).download(path)
        return reduced(np.asarray(open_picture(path, spec.size)))

    def _not_black(self, seen: ClipMetrics, conditioning: _Conditioning | str) -> CheckResult:
        found = seen.movement
        begins_black = isinstance(conditioning, _Conditioning) and is_black(
            luma(conditioning.picture), self._quality.black_luma
        )
        limit = found.frames if begins_black else self._quality.black_frames
        return CheckResult(
            results.NOT_BLACK,
            found.black_frames <= limit,
            f"{found.black_frames} of {found.frames} frames are black (limit {limit})",
            measured(black_frames=(found.black_frames, limit), mean_luma=(found.mean_luma, 255.0)),
        )

    def _not_frozen(self, spec: ChunkSpec, seen: ClipMetrics) -> CheckResult:
        found = seen.movement
        is_static = movement_of(spec.camera_movement).is_static
        limit = 1.0 if is_static else self._quality.still_share
        sentence = (
            f"the picture is still for {found.still_frames} of {found.frames} frames, "
            f"{found.still_share:.0%} (limit {limit:.0%})"
        )
        return CheckResult(
            results.NOT_FROZEN,
            found.still_share <= limit,
            sentence + (", since the beat asks for a static camera" if is_static else ""),
            measured(still_share=(found.still_share, limit)),
        )

    def _begins(
        self,
        spec: ChunkSpec,
        seen: ClipMetrics,
        conditioning: _Conditioning,
        directory: Path,
        previous: _LastFrame | None,
    ) -> CheckResult:
        limit = self._quality.begin_distance
        pairs = {"begin_distance": (drawing_distance(seen.first, conditioning.picture), limit)}
        if conditioning.end is not None:
            pairs["end_distance"] = (drawing_distance(seen.last, conditioning.end), limit)
        if not spec.starts_chain:
            try:
                end = self._previous_last_frame(spec, directory, previous)
                animatic = self._animatic(spec, spec.animatic_frame_url, directory)
            except (StorageError, MediaError) as error:
                return CheckResult(results.BEGINS, False, str(error), measured(**pairs))
            if end.shape != seen.first.shape:
                sentence = f"the clip of chunk {spec.chunk_num - 1} has another size"
                return CheckResult(results.BEGINS, False, sentence, measured(**pairs))
            # Blending with the animatic moves the picture away from the last frame by this much.
            blended = (1.0 - conditioning.temporal) * drawing_distance(end, animatic)
            pairs["seam_distance"] = (drawing_distance(end, seen.first), blended + limit)
        sentence = "; ".join(
            f"{name.replace('_', ' ')} {value:.2f} (limit {limit:.2f})"
            for name, (value, limit) in pairs.items()
        )
        return CheckResult(results.BEGINS, not over_limit(**pairs), sentence, measured(**pairs))

    def _previous_last_frame(
        self, spec: ChunkSpec, directory: Path, previous: _LastFrame | None
    ) -> np.ndarray:
        number = spec.chunk_num - 1
        if previous is not None and previous[0] == (spec.video_id, number):
            return previous[1]
        path = directory / "previous.mp4"
        FilmObjects(self._store, spec.video_id).clip(number).download(path)
        return reduced(np.asarray(last_frame(str(path))))


def _skipped(cause: str) -> Iterator[CheckResult]:
    """Skip the checks after the one that failed."""
    names = list(results.CLIP_CHECKS)
    for check in names[names.index(cause) + 1 :]:
        yield CheckResult.skipped(check, cause)
