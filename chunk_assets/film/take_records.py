"""What is recorded beside a chunk's takes: what each was made from, and what people chose."""

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from chunk_assets.film.records import ClipRecord
from chunk_assets.media.originals import Original
from chunk_assets.storage.stored import StoredObject

TAKE = "take.json"
"""Names of the objects in a take's folder. `CLIP` and `FRAME` are in the film's format."""
CLIP, FRAME, MOVING, CHECKS = "clip.mp4", "last_frame.png", "moving.webp", "checks.json"
ORIGINAL = "original"
"""Followed by a suffix such as ".mp4"."""

_MOST_CHOICES = 200
"""Choices that are kept of a chunk, the latest ones."""

_Usd = Annotated[FiniteFloat, Field(ge=0)]


class OriginalRecord(BaseModel):
    """The delivered file as it is stored.

    Attributes:
        name: Its object in the take's folder; `CLIP` if the generator delivers clips in the film's
            format, so that the clip is stored once.
        sha256: The SHA-256 (hex) of its content.
        size: Bytes.
        measured: Its properties; None if it could not be read.
    """

    model_config = ConfigDict(frozen=True)

    name: str = Field(pattern=r"^[a-z0-9_]+\.[a-z0-9]+$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int
    measured: Original | None = None


class TakeRecord(BaseModel):
    """What a take was made from, and what it cost. It stays when the take is pruned.

    Attributes:
        take: The take's number, from 1.
        fingerprint: The `clip_fingerprint` of the request.
        generator: The generator's name.
        model: The model and its version.
        made_by: The generator and model that took over from it; empty if none did.
        request: The fingerprint of the request in the ledger; empty if there is no ledger.
        prediction_id: The provider's id of the prediction; empty if it has none.
        seed: The take's seed.
        prompt: What was to be shown.
        cost_usd: What the take cost.
        seconds: How long rendering took.
        root_run: The run that made it; for a retried run, the first one.
        made_at: When it was stored; None if it is adopted.
        original: The delivered file; None if it was not kept.
        pruned_at: When its files were deleted.
        is_adopted: Whether it was stored before takes were kept, and kept as a take later.
    """

    model_config = ConfigDict(frozen=True)

    take: int = Field(ge=1)
    fingerprint: str
    generator: str
    model: str
    made_by: str = ""
    request: str = ""
    prediction_id: str = ""
    seed: int
    prompt: str = ""
    cost_usd: _Usd = 0.0
    seconds: FiniteFloat = 0.0
    root_run: str = ""
    made_at: datetime | None = None
    original: OriginalRecord | None = None
    pruned_at: datetime | None = None
    is_adopted: bool = False

    def as_metadata(self) -> dict[str, str]:
        """Return the record as S3 metadata of the original, so that both are stored at once.

        Without the prompt: S3 limits metadata to 2 KB.
        """
        return {"take": self.model_dump_json(exclude={"prompt", "original", "pruned_at"})}

    @classmethod
    def of_original(cls, stored: StoredObject) -> "TakeRecord":
        """Return the record in the metadata of an original; the file is not measured.

        Raises:
            ValidationError: It has none.
        """
        record = cls.model_validate_json(stored.record.get("take", ""))
        name = PurePosixPath(stored.key).name
        original = OriginalRecord(name=name, sha256=stored.sha256, size=stored.size)
        return record.model_copy(update={"original": original})

    @classmethod
    def adopted(cls, clip: ClipRecord) -> "TakeRecord":
        """Return the record of a clip that was stored before takes were kept."""
        return cls(
            take=clip.take,
            fingerprint=clip.fingerprint,
            generator=clip.generator,
            model=clip.model,
            seed=clip.seed,
            cost_usd=clip.cost_usd,
            seconds=clip.seconds,
            root_run=clip.root_run,
            is_adopted=True,
        )


class Choice(BaseModel):
    """Someone chose a take.

    Attributes:
        take: The take's number.
        at: When.
        by: Who, such as "anna@workstation" or "Dagit".
    """

    model_config = ConfigDict(frozen=True)

    take: int
    at: datetime
    by: str


class Acceptance(BaseModel):
    """Someone accepted a clip that was made from other inputs than today's.

    Attributes:
        clip: The SHA-256 of the clip.
        fingerprint: The `clip_fingerprint` of the inputs for which it is accepted.
        at: When.
        by: Who.
    """

    model_config = ConfigDict(frozen=True)

    clip: str
    fingerprint: str
    at: datetime
    by: str


class Choices(BaseModel):
    """What people chose among a chunk's takes, oldest first, and an acceptance if there is one."""

    model_config = ConfigDict(frozen=True)

    choices: tuple[Choice, ...] = ()
    accepted: Acceptance | None = None

    def with_choice(self, take: int, by: str) -> "Choices":
        """Return these with a choice made now."""
        choice = Choice(take=take, at=datetime.now(UTC), by=by)
        return self.model_copy(update={"choices": (*self.choices, choice)[-_MOST_CHOICES:]})

    def with_acceptance(self, clip: str, fingerprint: str, by: str) -> "Choices":
        """Return these with an acceptance made now, in place of an earlier one."""
        now = datetime.now(UTC)
        accepted = Acceptance(clip=clip, fingerprint=fingerprint, at=now, by=by)
        return self.model_copy(update={"accepted": accepted})

    def without_acceptance(self) -> "Choices":
        """Return these without the acceptance."""
        return self.model_copy(update={"accepted": None})

    def accepts(self, clip: str, fingerprint: str) -> bool:
        """Return whether this clip is accepted for these inputs."""
        accepted = self.accepted
        return accepted is not None and (accepted.clip, accepted.fingerprint) == (clip, fingerprint)

    def latest(self, take: int) -> datetime | None:
        """Return when a take was last chosen; None if it never was."""
        return max((choice.at for choice in self.choices if choice.take == take), default=None)
