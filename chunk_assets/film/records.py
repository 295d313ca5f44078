"""The records of a chunk's objects: S3 user metadata with what each was made from."""

import re
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError, field_validator

from chunk_assets.errors import StorageError
from chunk_assets.film.fingerprints import Weights
from chunk_assets.storage.stored import StoredObject
from chunk_assets.usd import Usd


class _Record(BaseModel):
    """A record, stored as S3 user metadata, whose names have hyphens."""

    model_config = ConfigDict(frozen=True)

    def as_metadata(self) -> dict[str, str]:
        # S3 drops metadata without a value.
        return {
            name.replace("_", "-"): text
            for name, value in self.model_dump().items()
            if (text := str(value))
        }

    @classmethod
    def of(cls, stored: StoredObject) -> Self:
        """Read the record of a stored object.

        Raises:
            StorageError: The object was not written by chunk_assets.
        """
        named: dict[str, Any] = {
            name.replace("-", "_"): value for name, value in stored.record.items()
        }
        try:
            return cls.model_validate(named)
        except ValidationError:
            raise StorageError(
                f"{stored.uri} was not written by chunk_assets (it has no record of what it was "
                "made from): move it away, or render that chunk again by its number",
                uri=stored.uri,
            ) from None


class CompositeRecord(_Record):
    """What a composite was made from; `weights` has those of animatic, style and last frame."""

    fingerprint: str
    pixels: str
    weights: str

    @property
    def used_weights(self) -> Weights:
        """The weights as numbers."""
        return Weights(*map(float, self.weights.split()))

    @field_validator("pixels")
    @classmethod
    def _is_a_digest(cls, text: str) -> str:
        if not re.fullmatch("[0-9a-f]{64}", text):
            raise ValueError("not a digest")
        return text

    @field_validator("weights")
    @classmethod
    def _are_three_numbers(cls, text: str) -> str:
        weights = [float(weight) for weight in text.split()]
        if len(weights) != 3 or not all(0 <= weight <= 1 for weight in weights):
            raise ValueError("not three weights")
        return text


class ClipRecord(_Record):
    """What a clip was made from, by which generator, and what it cost.

    Attributes:
        fingerprint: The `clip_fingerprint` of the request.
        generator: The generator's name.
        model: The model and its version.
        made_by: The generator and model that took over from it; empty if none did.
        seed: The take's seed.
        take: 1 for the chunk's first take; each later one counts up.
        root_run: The run that made it; for a retried run, the first one.
        cost_usd: What this take cost.
        spent_usd: What the chunk had cost by then, according to its ledger; see `film.bill`.
        seconds: How long rendering took.
        beat: A digest of its beat's name.
        colour_shift: The difference of the mean colours of its last frame and of the picture it
            was conditioned on, as L*, a* and b*; empty if it was not measured.
        colour_drift: The same, added up since the beat's first chunk.
        form: What stitching needs to know of the clip (`media.stream_signature`).
        held_frames: How many frames repeat the last one, because the clip was too short.
        tone_mapped: The original's kind of HDR ("PQ" or "HLG"); empty if it was not HDR.
        composite: The digest of the pixels of the composite it was conditioned on.
        composite_from: The `composite_fingerprint` of that composite.
        spec: The version of the spec it was made from.
        last_frame: The digest of the pixels of its last frame.
        speed: How fast the original is played so that the clip ends on its end picture; empty if
            it has none, or is used as it is.
        end_held: How many seconds the original holds its end picture; likewise.
    """

    fingerprint: str
    generator: str
    model: str
    seed: int
    take: int
    cost_usd: Usd
    spent_usd: Usd
    seconds: FiniteFloat
    held_frames: int = 0
    tone_mapped: str = ""
    root_run: str = ""
    beat: str = ""
    form: str = ""
    colour_shift: str = ""
    colour_drift: str = ""
    composite: str = ""
    composite_from: str = ""
    spec: str = ""
    last_frame: str = ""
    speed: str = ""
    end_held: str = ""
    made_by: str = ""


class FrameRecord(_Record):
    """Which clip a last frame was taken from: the sha256 of the stored clip."""

    clip: str
    pixels: str


def clip_record(clip: StoredObject | None) -> ClipRecord | None:
    """Return the record of a chunk's clip; None if there is none that can be read."""
    try:
        return ClipRecord.of(clip) if clip is not None else None
    except StorageError:
        return None
