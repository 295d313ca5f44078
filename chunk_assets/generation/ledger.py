"""The ledger: what was asked of a hosted model for each chunk, written before it is asked.

One JSON object a chunk, `chunks/{video}/predictions/chunk_{nn}.json`. It is what makes a clip that
was paid for findable again after a crash, and what a film's cost is summed from. It names
predictions by their ids and holds no URL: whoever reads the bucket cannot fetch anything by it.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from chunk_assets.errors import Changed, NotStored, StorageError
from chunk_assets.storage.conditional_writes import require_conditional_writes
from chunk_assets.storage.objects import JSON, json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

_TRIES = 50
"""Of writing an entry that others write as well; each of them gets through once."""

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
"""`intended`: about to be asked, so that there may be a prediction whose id is not known; `void`:
proven never to have been created; `unknown`: neither that nor a prediction was found, so that it
may have cost its price, and is looked for again; `unfetched`: succeeded and paid for, its clip is
still to be fetched. The others are Replicate's; `asked` is all that is not over."""

OPEN = frozenset({"intended", "asked"})


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


class Attempt(BaseModel):
    """One prediction, or the intent to ask for it.

    Attributes:
        key: Tells attempts apart: a random name, chosen before anything is asked.
        request: The fingerprint of what is asked, seed and conditioning picture among it.
        model: The model on Replicate, `owner/name`.
        version: The version's id; None for an official model.
        seed: The take's seed, also where the model takes none.
        asked_at: When the intent was written.
        clock: Whose time that is; attempts of older versions have this machine's.
        asked_by: Which process wrote it.
        media_url_sha256: Of the uploaded picture's URL, by which the prediction can be recognised.
        price_usd: What it is expected to cost.
        prediction_id: Replicate's name of it, as soon as it is known.
        status: How it stands, as far as is known.
        cost_usd: What it cost; 0 while it is open, and where it was not billed.
        error: Why there is no clip of it.
        output_sha256: Of the clip as it was downloaded.
        ended_at: When it was known to be over.
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
    prediction_id: str | None = None
    status: Status = "intended"
    cost_usd: _Usd = 0.0
    error: str | None = None
    output_sha256: str | None = None
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still cost money."""
        return self.status in OPEN

    @property
    def is_unknown(self) -> bool:
        """Whether the prediction may or may not exist, or its outcome cannot be told."""
        return self.status == "unknown"

    @property
    def committed_usd(self) -> float:
        """What it cost, or may cost yet, or may have cost."""
        return self.price_usd if self.is_open or self.is_unknown else self.cost_usd


class ChunkLedger(BaseModel):
    """Every attempt at one chunk, the oldest first."""

    model_config = ConfigDict(frozen=True)

    video_id: str
    chunk_num: int
    attempts: tuple[Attempt, ...]

    @property
    def cost_usd(self) -> float:
        """What all of them cost, failed ones that were billed among them."""
        return sum(attempt.cost_usd for attempt in self.attempts)

    @property
    def unknown_usd(self) -> float:
        """What the unknown attempts may have cost, in US dollars."""
        return sum(attempt.price_usd for attempt in self.attempts if attempt.is_unknown)

    @property
    def committed_usd(self) -> float:
        """The same, and what those that are open or unknown may cost."""
        return sum(attempt.committed_usd for attempt in self.attempts)

    def of_request(self, request: str) -> list[Attempt]:
        """The attempts at one request, the newest first; void ones are none."""
        return [
            attempt
            for attempt in reversed(self.attempts)
            if attempt.request == request and attempt.status != "void"
        ]

    def with_attempt(self, attempt: Attempt) -> "ChunkLedger":
        """This, with the attempt in the place of the one of its key, or behind the others."""
        others = list(self.attempts)
        for place, other in enumerate(others):
            if other.key == attempt.key:
                others[place] = attempt
                break
        else:
            others.append(attempt)
        return self.model_copy(update={"attempts": tuple(others)})


class AlreadyRequested(StorageError):
    """Another process has an open attempt at the same request."""


class DamagedLedger(StorageError):
    """What was paid for cannot be read, so that nothing more is asked."""


class Ledger:
    """The ledgers of one film's chunks.

    Args:
        store: The bucket.
        video_id: The film.
        folder: The prefix of the ledgers' keys.
    """

    def __init__(self, store: ObjectStore, video_id: str, folder: str):
        self._store, self.video_id, self._folder = store, video_id, folder

    def chunk(self, chunk_num: int) -> ChunkLedger:
        """A chunk's ledger as it is stored now.

        Raises:
            DamagedLedger: The stored object is not this chunk's ledger, so nothing is requested.
            StorageError: It cannot be read: nothing is asked for then.
        """
        return self._read(chunk_num)[0]

    def begin(self, chunk_num: int, attempt: Attempt) -> None:
        """Write the intent to ask.

        Raises:
            Taken: There is an open attempt at the same request: go on with that one.
            StorageError: It cannot be written, or the bucket ignores conditional writes: nothing
                may be asked for then.
        """
        require_conditional_writes(self._store)

        def add(ledger: ChunkLedger) -> ChunkLedger:
            others = ledger.of_request(attempt.request)
            if any(other.key == attempt.key for other in others):
                return ledger  # it was written, and S3's answer to that was lost
            if any(other.is_open for other in others):
                raise AlreadyRequested(
                    f"chunk {chunk_num} of film {self.video_id!r} is being asked for"
                )
            return ledger.with_attempt(attempt)

        self._change(chunk_num, add)

    def update(self, chunk_num: int, attempt: Attempt) -> ChunkLedger:
        """Write how an attempt stands.

        An attempt that is over never opens again, unless its prediction is found that was not known
        to exist.

        Raises:
            StorageError: It cannot be written.
        """

        def put(ledger: ChunkLedger) -> ChunkLedger:
            stored = next((one for one in ledger.attempts if one.key == attempt.key), None)
            was_doubted = stored is None or stored.status in ("unknown", "void")
            is_found = was_doubted and attempt.prediction_id is not None
            if stored is not None and not stored.is_open and attempt.is_open and not is_found:
                return ledger
            return ledger.with_attempt(attempt)

        return self._change(chunk_num, put)

    def film(self) -> Iterator[ChunkLedger]:
        """The ledgers of all the film's chunks, also of those that its plan no longer has.

        Raises:
            DamagedLedger: One is damaged.
            StorageError: One cannot be read.
        """
        for one in self.readable():
            if isinstance(one, DamagedLedger):
                raise one
            yield one

    def readable(self) -> "Iterator[ChunkLedger | DamagedLedger]":
        """The same, with the damage of one that is damaged in its place.

        Raises:
            StorageError: One cannot be read.
        """
        for name in self._store.names(self._folder, ".json"):
            if not re.fullmatch(r"chunk_\d{2,}", name):
                continue  # such as a damaged one that was moved away
            try:
                yield self._load(f"{self._folder}{name}.json")[0]
            except DamagedLedger as damage:
                yield damage
            except NotStored:
                continue  # it was moved away since it was listed

    def _key(self, chunk_num: int) -> str:
        return f"{self._folder}chunk_{chunk_num:02d}.json"

    def _read(self, chunk_num: int) -> tuple[ChunkLedger, StoredObject | None]:
        try:
            return self._load(self._key(chunk_num))
        except NotStored:
            return ChunkLedger(video_id=self.video_id, chunk_num=chunk_num, attempts=()), None

    def _load(self, key: str) -> tuple[ChunkLedger, StoredObject]:
        try:
            content, stored = self._store.get_bytes(key)
            ledger = ChunkLedger.model_validate_json(content)
        except ValidationError as error:
            raise self._damaged(key, str(error.errors()[0]["msg"])) from None
        except StorageError as error:
            if "recorded" not in error.data:
                raise
            raise self._damaged(key, "it is not what was written") from error
        if ledger.video_id != self.video_id or self._key(ledger.chunk_num) != key:
            other = f"chunk {ledger.chunk_num} of film {ledger.video_id!r}"
            raise self._damaged(key, f"it is the ledger of {other}")
        return ledger, stored

    def _damaged(self, key: str, why: str) -> DamagedLedger:
        uri = self._store.uri(key)
        return DamagedLedger(
            f"{uri} is damaged ({' '.join(why.split())[:200]}), so it is not known what was paid "
            f"for, and film {self.video_id!r} uses no paid model: check "
            "https://replicate.com/predictions for predictions that are still running, then move "
            "that object away and render again",
            uri=uri,
        )

    def _change(self, chunk_num: int, change: Callable[[ChunkLedger], ChunkLedger]) -> ChunkLedger:
        key = self._key(chunk_num)
        for _ in range(_TRIES):
            before, stored = self._read(chunk_num)
            after = change(before)
            if after == before:
                return after
            try:
                self._store.replace_bytes(key, json_bytes(after), JSON, before=stored)
            except Changed:
                continue
            return after
        raise StorageError(
            f"{self._store.uri(key)} was changed by others {_TRIES} times in a row: "
            f"how many render film {self.video_id!r} at once?",
            uri=self._store.uri(key),
        )
