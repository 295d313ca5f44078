"""The checks of animatics, clips and films, and their results: in memory and on S3."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from pydantic import BaseModel, ConfigDict

from chunk_assets.errors import Damaged, NotStored
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.status import FilmStatus, ranges
from chunk_assets.film.take_records import CHECKS, CLIP
from chunk_assets.storage.objects import ObjectRef
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

CONFORMS = "clip_conforms"
NOT_BLACK = "not_black"
NOT_FROZEN = "not_frozen"
BEGINS = "begins_where_the_last_ended"
COLOUR = "colour_has_not_drifted"
WHOLE = "film_is_whole"
COMPLETE = "film_is_complete"
USABLE = "animatic_is_usable"

CLIP_CHECKS: dict[str, str] = {
    CONFORMS: "The clip can be decoded from start to end and matches its spec: frames, rate, size, "
    "codec, colour tags. A clip that fails cannot be stitched.",
    NOT_BLACK: "No frame is black, unless the clip begins in black.",
    NOT_FROZEN: "The picture moves, unless the beat asks for a static camera.",
    BEGINS: "The first frame is the picture that the clip was conditioned on, and follows the last "
    "frame of the previous clip as closely as the blend with the animatic allows. A clip that "
    "should end on the next chunk's picture does.",
    COLOUR: "The last frame has the mean colours and the contrast of the picture that the clip was "
    "conditioned on, and the shifts of the beat's chunks do not add up to a visible drift.",
}
"""The checks of a clip, with their descriptions; if one fails, those after it may be skipped."""

FILM_CHECKS: dict[str, str] = {
    COMPLETE: "Every planned chunk is stored and up to date, and the film is made of exactly these "
    "chunks: '15 of 15 chunks', or what is missing and what is out of date.",
    WHOLE: "The film has exactly the frames of its manifest, at a constant rate, none dropped.",
}
"""The checks of a stitched film, with their descriptions."""

ANIMATIC_CHECKS: dict[str, str] = {
    USABLE: "The manifest and every picture it names are stored, and the film can be planned and "
    "rendered by a generator of this deployment.",
}
"""The checks of an animatic, with their descriptions."""

ERRORS = frozenset({CONFORMS, WHOLE, USABLE})
"""Checks that fail with severity error; the others are warnings."""

Value = int | float | str


@dataclass(frozen=True)
class CheckResult:
    """What a check found. Stored as JSON, so the names of its fields stay.

    Attributes:
        check: The check's name.
        passed: Whether it passed.
        sentence: What was found, in words.
        values: Measured values by name, each with its limit under `{name}_allowed`.
    """

    check: str
    passed: bool
    sentence: str
    values: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def skipped(cls, check: str, cause: str) -> Self:
        """Return the result of a check that was skipped since `cause` failed; it does not fail."""
        return cls(check, True, f"not checked: {cause} failed", {"not_judged": cause})


def measured(**pairs: tuple[float, float]) -> dict[str, Value]:
    """Return the values of a result, given pairs of a measured value and its limit."""
    values: dict[str, Value] = {}
    for name, (value, limit) in pairs.items():
        values[name], values[f"{name}_allowed"] = _rounded(value), _rounded(limit)
    return values


def over_limit(**pairs: tuple[float, float]) -> list[str]:
    """Return the names whose value exceeds its limit; NaN exceeds every limit."""
    return [name for name, (value, limit) in pairs.items() if not value <= limit]


def completeness_result(status: FilmStatus) -> CheckResult:
    """Return the result of the check `film_is_complete`."""
    values: dict[str, Value] = {"chunks": status.chunks, "film": status.film}
    if status.missing:
        values["missing"] = ranges(status.missing)
    if status.stale:
        values["out_of_date"] = status.reasons
    values["complete_chunks"] = status.complete_chunks
    values["complete_chunks_allowed"] = status.planned
    return CheckResult(COMPLETE, status.is_complete, status.sentence, values)


class StoredResults(BaseModel):
    """A clip's check results as they are stored, beside the chunk and beside the take.

    Attributes:
        clip: The `StoredObject.version` of the clip.
        verdicts: The results, in the order of `CLIP_CHECKS`; the stored JSON has this name.
    """

    # NaN is not valid JSON.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    clip: str
    verdicts: list[CheckResult]


def store_results(
    store: ObjectStore,
    video_id: str,
    chunk_num: int,
    clip: StoredObject | None,
    results: Sequence[CheckResult],
) -> None:
    """Store a clip's check results, replacing earlier ones; does nothing without a clip.

    They are stored for the chunk, and for the take that the clip is a copy of.

    Raises:
        StorageError: S3 refuses it.
    """
    if clip is None:
        return
    objects = FilmObjects(store, video_id)
    stored = StoredResults(clip=clip.version, verdicts=list(results))
    objects.check_results(chunk_num).write_json(stored)
    take = clip.record.get("take", "")
    if re.fullmatch(r"[0-9]{1,6}", take):
        own = objects.take(chunk_num, int(take), CLIP).head()
        if own is not None and own.sha256 == clip.sha256:
            objects.take(chunk_num, int(take), CHECKS).write_json(stored)


def stored_results(
    store: ObjectStore, video_id: str, chunk_num: int, clip: StoredObject | None
) -> list[CheckResult] | None:
    """Return the check results of this clip; None if it has not been checked.

    Raises:
        StorageError: S3 cannot be reached.
    """
    if clip is None:
        return None
    return _read(FilmObjects(store, video_id).check_results(chunk_num), clip)


def take_results(
    objects: FilmObjects, chunk_num: int, take: int, clip: StoredObject
) -> list[CheckResult] | None:
    """Return the check results of a take's clip; None if it has not been checked.

    Raises:
        StorageError: S3 cannot be reached.
    """
    return _read(objects.take(chunk_num, take, CHECKS), clip)


def _read(ref: ObjectRef, clip: StoredObject) -> list[CheckResult] | None:
    try:
        stored, _ = ref.read_json(StoredResults)
    except (NotStored, Damaged):  # the next check replaces it
        return None
    return stored.verdicts if stored.clip == clip.version else None


def _rounded(value: float) -> Value:
    return value if isinstance(value, int) else round(float(value), 3)
