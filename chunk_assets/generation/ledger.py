"""The ledger: every paid request for a chunk, recorded before it is sent.

One JSON object per chunk, `chunks/{video}/predictions/chunk_{nn}.json`. With it a clip that was
paid for is found again after a crash, and a film's cost is the sum of its ledgers. It names
predictions by id and holds no URL: read access to the bucket gives no access to outputs.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from chunk_assets.errors import Changed, NotStored, StorageError
from chunk_assets.generation.ledger_entries import Attempt, ChunkLedger
from chunk_assets.storage.conditional_writes import require_conditional_writes
from chunk_assets.storage.objects import JSON, json_bytes
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

_WRITES = 50
"""Limit on conditional writes of one entry; each fails only if another writer succeeded."""


class AlreadyRequested(StorageError):
    """Another process has an open attempt for the same request."""


class DamagedLedger(StorageError):
    """The record of what was paid for cannot be read, so nothing else is requested."""


class Ledger:
    """The ledgers of one film's chunks.

    Args:
        store: The bucket.
        video_id: The film.
        folder: The prefix of the ledgers' keys.
        spent_before: Returns what a chunk had cost before its ledger began, in US dollars.

    Attributes:
        budget_lock: Held between checking the film's cost limit and recording an intent: otherwise
            two scenes could both spend the rest of it.
    """

    def __init__(
        self,
        store: ObjectStore,
        video_id: str,
        folder: str,
        spent_before: Callable[[int], float] = lambda _chunk_num: 0.0,
    ):
        self._store, self.video_id, self._folder = store, video_id, folder
        self._spent_before = spent_before
        self.budget_lock = threading.Lock()
        self._worked_on = Counter[str]()
        self._lock = threading.Lock()

    @contextmanager
    def working_on(self, request: str) -> Iterator[None]:
        """Note that this process is getting the clip of a request, while the block runs."""
        with self._lock:
            self._worked_on[request] += 1
        try:
            yield
        finally:
            with self._lock:
                self._worked_on[request] -= 1

    def is_worked_on(self, request: str) -> bool:
        """Return whether this process is getting the clip of a request, so that it is wanted."""
        with self._lock:
            return self._worked_on[request] > 0

    def chunk(self, chunk_num: int) -> ChunkLedger:
        """Return a chunk's ledger as it is stored now.

        Raises:
            DamagedLedger: The stored object is not this chunk's ledger, so nothing is requested.
            StorageError: It cannot be read, so nothing may be requested.
        """
        return self._read(chunk_num)[0]

    def begin(self, chunk_num: int, attempt: Attempt) -> None:
        """Record the intent to send a request.

        Raises:
            AlreadyRequested: The same request has an open attempt: continue with that one.
            StorageError: It cannot be written, or the bucket ignores conditional writes; nothing
                may be requested.
        """
        require_conditional_writes(self._store)

        def add(ledger: ChunkLedger) -> ChunkLedger:
            others = ledger.of_request(attempt.request)
            if any(other.key == attempt.key for other in others):
                return ledger  # it was written, but S3's response was lost
            if any(other.is_open for other in others):
                raise AlreadyRequested(
                    f"chunk {chunk_num} of film {self.video_id!r} is already requested"
                )
            if not ledger.attempts:
                carried = {"carried_usd": self._spent_before(chunk_num)}
                ledger = ledger.model_copy(update=carried)
            return ledger.with_attempt(attempt)

        self._change(chunk_num, add)

    def update(self, chunk_num: int, attempt: Attempt) -> ChunkLedger:
        """Record the state of an attempt, and return its chunk's ledger.

        A finished attempt is never opened again, unless its prediction was unknown and is found.

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

    def record_kept(self, chunk_num: int, prediction_id: str, sha256: str) -> None:
        """Record that the clip of a prediction is kept on S3, so that it is not fetched again.

        Raises:
            StorageError: It cannot be written.
        """
        for attempt in self.chunk(chunk_num).attempts:
            is_known = attempt.status == "succeeded" and attempt.output_sha256 == sha256
            if attempt.prediction_id == prediction_id and not is_known:
                kept = {"status": "succeeded", "error": None, "output_sha256": sha256}
                self.update(chunk_num, attempt.model_copy(update=kept))

    def film(self) -> Iterator[ChunkLedger]:
        """Yield the ledgers of all chunks, including those that the plan no longer has.

        Raises:
            DamagedLedger: One is damaged.
            StorageError: One cannot be read.
        """
        for one in self.readable():
            if isinstance(one, DamagedLedger):
                raise one
            yield one

    def readable(self) -> "Iterator[ChunkLedger | DamagedLedger]":
        """Yield all ledgers, with a `DamagedLedger` in place of each damaged one.

        Raises:
            StorageError: One cannot be read.
        """
        for name in self._store.names(self._folder, ".json"):
            if not re.fullmatch(r"chunk_\d{2,}", name):
                continue  # such as a damaged ledger that was moved away
            try:
                yield self._load(f"{self._folder}{name}.json")[0]
            except DamagedLedger as damage:
                yield damage
            except NotStored:
                continue  # moved away since it was listed

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
            raise self._damaged(key, "its content is not what was written") from error
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
        for _ in range(_WRITES):
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
            f"{self._store.uri(key)} was changed by other processes {_WRITES} times in a "
            f"row: too many of them render film {self.video_id!r} at once",
            uri=self._store.uri(key),
        )
