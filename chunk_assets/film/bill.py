"""What a film cost, chunk by chunk, failed and repeated attempts included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.ledger import DamagedLedger
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.storage.store import ObjectStore

_MOST_DECIMALS = 6


@dataclass(frozen=True)
class ChunkBill:
    """What one chunk cost, with all its takes and attempts.

    Attributes:
        chunk_num: The chunk.
        spent_usd: What is known to be spent.
        unsettled_usd: The price of attempts that are open, or whose cost is unknown.
        attempts: The attempts in the ledger, oldest first, without void ones.
    """

    chunk_num: int
    spent_usd: float = 0.0
    unsettled_usd: float = 0.0
    attempts: tuple[Attempt, ...] = ()

    @property
    def total_usd(self) -> float:
        """What is spent, with unsettled attempts at full price."""
        return round(self.spent_usd + self.unsettled_usd, 6)

    @property
    def lost(self) -> list[Attempt]:
        """The attempts without a clip that cost money, or may have."""
        return [one for one in self.attempts if not _gave_a_clip(one) and one.committed_usd]

    def as_json(self) -> dict[str, Any]:
        """The bill as JSON values."""
        names = {
            *("model", "prediction_id", "status", "error"),
            *("cost_usd", "cost_from", "price_usd", "is_estimate"),
        }
        return {
            "total_usd": self.total_usd,
            "unsettled_usd": round(self.unsettled_usd, 6),
            "attempts": [one.model_dump(include=names) for one in self.attempts],
        }


@dataclass(frozen=True)
class Bill:
    """What a film cost.

    Attributes:
        chunks: By number, including chunks that are no longer planned.
        damaged: A sentence for each unreadable ledger; no sum includes its costs.
    """

    chunks: Mapping[int, ChunkBill] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()

    @property
    def total_usd(self) -> float:
        """What all chunks cost, with unsettled attempts at full price."""
        return round(sum(chunk.total_usd for chunk in self.chunks.values()), 6)

    @property
    def unsettled_usd(self) -> float:
        """The part of the total that may turn out not to have been spent."""
        return round(sum(chunk.unsettled_usd for chunk in self.chunks.values()), 6)

    @property
    def unknown_usd(self) -> float:
        """The part of the total for predictions whose answers were lost."""
        return round(sum(one.price_usd for one in self._attempts if one.is_unknown), 6)

    @property
    def estimated_usd(self) -> float:
        """The part of the total whose prices are estimates."""
        return round(sum(one.committed_usd for one in self._attempts if one.is_estimate), 6)

    @property
    def notes(self) -> list[str]:
        """Sentences about lost predictions, unfetched clips, estimates and damaged ledgers."""
        if not self.unknown_usd:
            return self.other_notes
        lost = (
            f"${self.unknown_usd:.2f} of the cost may have been spent on predictions whose "
            "answers were lost; they are looked for before the next prediction."
        )
        return [lost, *self.other_notes]

    @property
    def other_notes(self) -> list[str]:
        """The notes that are not about unsettled costs."""
        notes = []
        if unfetched := sum(one.status == "unfetched" and not one.server for one in self._attempts):
            many = "clips are" if unfetched > 1 else "clip is"
            notes.append(
                f"{unfetched} {many} paid for and not fetched yet: rendering again within the hour "
                "fetches what was paid for."
            )
        if self.estimated_usd:
            notes.append(f"${self.estimated_usd:.2f} of the cost is an estimate, not a bill.")
        return [*notes, *(f"{sentence}." for sentence in self.damaged)]

    @property
    def _attempts(self) -> list[Attempt]:
        return [one for chunk in self.chunks.values() for one in chunk.attempts]

    def chunk(self, chunk_num: int) -> ChunkBill:
        """Return one chunk's bill; an empty one if the chunk is unknown."""
        return self.chunks.get(chunk_num) or ChunkBill(chunk_num)

    def beyond(self, chunk_nums: Sequence[int]) -> list[ChunkBill]:
        """Return the bills of other chunks than these that cost money."""
        others = sorted(set(self.chunks) - set(chunk_nums))
        return [self.chunks[number] for number in others if self.chunks[number].total_usd]


def film_bill(store: ObjectStore, video_id: str, clips: Mapping[int, ClipRecord]) -> Bill:
    """Return a film's bill from its ledgers.

    Args:
        store: The bucket.
        video_id: The film.
        clips: The records of its stored clips, by chunk number. They count only for chunks without
            a ledger: free ones, and those rendered before ledgers existed.

    Raises:
        StorageError: S3 does not answer.
    """
    chunks: dict[int, ChunkBill] = {}
    damaged: list[str] = []
    for ledger in FilmObjects(store, video_id).ledger().readable():
        if isinstance(ledger, DamagedLedger):
            damaged.append(str(ledger))
            continue
        chunks[ledger.chunk_num] = ChunkBill(
            ledger.chunk_num,
            ledger.cost_usd,
            ledger.committed_usd - ledger.cost_usd,
            tuple(one for one in ledger.attempts if one.status != "void"),
        )
    for number, clip in clips.items():
        chunks.setdefault(number, ChunkBill(number, clip.spent_usd))
    return Bill(chunks, tuple(damaged))


def in_dollars(amounts: Sequence[float]) -> list[str]:
    """Format amounts with as many decimals as their column needs to add up."""
    decimals = next(
        (
            places
            for places in range(2, _MOST_DECIMALS)
            if all(abs(round(amount, places) - amount) < 5e-7 for amount in amounts)
        ),
        _MOST_DECIMALS,
    )
    return [f"${amount:.{decimals}f}" for amount in amounts]


def _gave_a_clip(attempt: Attempt) -> bool:
    return attempt.status == "unfetched" or (
        attempt.status == "succeeded" and attempt.error is None
    )
