"""What a ledger records: a chunk's attempts, and what each cost or may cost."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

_Usd = Annotated[FiniteFloat, Field(ge=0)]

Status = Literal[
    "intended",
    "asked",
    "succeeded",
    "unfetched",
    "failed",
    "canceled",
    "aborted",
    "unknown",
    "void",
]
"""What is known about an attempt:

- `intended`: about to be requested; a prediction with an unknown id may exist.
- `asked`: the prediction exists and is not finished.
- `unfetched`: succeeded and paid for; its clip is not downloaded yet.
- `void`: proven never to have been created.
- `unknown`: neither found nor proven absent. It may have cost its price, and is searched again.

The others are Replicate's own."""

OPEN = frozenset({"intended", "asked"})


def now() -> datetime:
    """Return the current time, with its time zone."""
    return datetime.now(UTC)


class Attempt(BaseModel):
    """One prediction, or the intent to request it.

    Attributes:
        key: A random name, chosen before the request.
        request: SHA-256 of the request, including seed and conditioning image.
        model: The model on Replicate, `owner/name`.
        version: The version's id; None for an official model.
        seed: The take's seed, even if the model accepts none.
        asked_at: When the intent was written.
        clock: The clock of `asked_at`; older versions used the local one.
        asked_by: The process that wrote it (`processes.process_name`).
        media_url_sha256: SHA-256 of the uploaded picture's URL, which identifies the prediction.
        price_usd: The expected price.
        prediction_id: The provider's id, once it is known; ComfyUI takes ours, known before.
        server: Which of your own servers it was asked of; None for a provider on the Internet.
        status: The last known status.
        is_estimate: Whether the price is an estimate; None in ledgers of earlier versions.
        cost_usd: What it cost; 0 while it is open, or if it was not billed.
        cost_from: Whether that is the expected price, or the price of what the provider metered.
        error: Why it has no clip.
        output_sha256: SHA-256 of the downloaded clip.
        ended_at: When it was found to be finished.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    request: str
    model: str
    version: str | None = None
    seed: int
    asked_at: datetime
    clock: Literal["server", "local"] = "local"
    asked_by: str
    media_url_sha256: str
    price_usd: _Usd
    is_estimate: bool | None = None
    prediction_id: str | None = None
    server: str | None = None
    status: Status = "intended"
    cost_usd: _Usd = 0.0
    cost_from: Literal["price", "metrics"] = "price"
    error: str | None = None
    output_sha256: str | None = None
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still cost money."""
        return self.status in OPEN

    @property
    def is_unknown(self) -> bool:
        """Whether it is unknown if the prediction exists, or how it ended."""
        return self.status == "unknown"

    @property
    def age_seconds(self) -> float:
        """Seconds since its intent was written, by this machine's clock; 0 for a clock ahead."""
        return max(0.0, (now() - self.asked_at).total_seconds())

    @property
    def may_give_a_clip(self) -> bool:
        """Whether it may yet give a clip that was not fetched."""
        return self.is_open or self.is_unknown or self.status == "unfetched"

    @property
    def committed_usd(self) -> float:
        """What it cost, or its price if it may yet cost, or may have cost, that much."""
        return self.price_usd if self.is_open or self.is_unknown else self.cost_usd

    def with_prediction(self, prediction_id: str) -> "Attempt":
        """Return this attempt with its prediction, which is not finished."""
        found = {"prediction_id": prediction_id, "status": "asked", "error": None}
        return self.model_copy(update=found)

    def as_void(self, why: str) -> "Attempt":
        """Return this attempt as void: its prediction certainly never existed."""
        return self.model_copy(update={"status": "void", "error": why, "ended_at": now()})

    def as_unknown(self, why: str) -> "Attempt":
        """Return this attempt as unknown: its prediction was neither found nor disproved."""
        return self.model_copy(update={"status": "unknown", "error": why})


class ChunkLedger(BaseModel):
    """All attempts for one chunk, oldest first.

    Attributes:
        carried_usd: What the chunk had cost before this ledger began, such as when a damaged one
            was moved away.
    """

    model_config = ConfigDict(frozen=True)

    video_id: str
    chunk_num: int
    attempts: tuple[Attempt, ...]
    carried_usd: _Usd = 0.0

    @property
    def cost_usd(self) -> float:
        """The total cost, including billed failures."""
        return self.carried_usd + sum(attempt.cost_usd for attempt in self.attempts)

    @property
    def unknown_usd(self) -> float:
        """What the unknown attempts may have cost."""
        return sum(attempt.price_usd for attempt in self.attempts if attempt.is_unknown)

    @property
    def committed_usd(self) -> float:
        """The total cost, with open and unknown attempts at their full price."""
        return self.carried_usd + sum(attempt.committed_usd for attempt in self.attempts)

    def of_request(self, request: str) -> list[Attempt]:
        """Return the attempts of one request, newest first, without void ones."""
        return [
            attempt
            for attempt in reversed(self.attempts)
            if attempt.request == request and attempt.status != "void"
        ]

    def with_attempt(self, attempt: Attempt) -> "ChunkLedger":
        """Return a copy with the attempt replaced, or appended if its key is new."""
        others = list(self.attempts)
        for place, other in enumerate(others):
            if other.key == attempt.key:
                others[place] = attempt
                break
        else:
            others.append(attempt)
        return self.model_copy(update={"attempts": tuple(others)})
