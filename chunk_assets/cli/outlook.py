"""What follows from choosing a take: what becomes stale, and what an update would cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.film.forecast import MakerOf, Step, forecast
from chunk_assets.film.status import ranges
from chunk_assets.film.take_records import TakeRecord
from chunk_assets.storage.store import ObjectStore


@dataclass(frozen=True)
class Outlook:
    """What follows from choosing a take.

    Attributes:
        chunk_num: The chunk.
        take: The take.
        steps: What bringing the film up to date would then do to each chunk.
        becomes_stale: The next chunk, if it becomes stale; None otherwise.
        scene_end: The last chunk of the scene, which is the chunk's beat.
        scene_usd: The price of bringing the film up to date as far as that chunk.
        end_usd: The price of bringing the whole film up to date.
    """

    chunk_num: int
    take: int
    steps: Sequence[Step]
    becomes_stale: int | None
    scene_end: int
    scene_usd: float
    end_usd: float

    @property
    def sentences(self) -> list[str]:
        """The consequences in words."""
        said = []
        if not self.steps[self.chunk_num].is_current:
            said.append(
                f"Take {self.take} of chunk {self.chunk_num:02d} was made from other inputs than "
                "today's, so the chunk becomes stale: accept it, or the next render replaces it."
            )
        if self.becomes_stale is None:
            said.append("No later chunk becomes stale.")
        else:
            said.append(
                f"Chunk {self.becomes_stale:02d} becomes stale: take {self.take} of chunk "
                f"{self.chunk_num:02d} ends on another frame."
            )
        return [*said, self._price]

    @property
    def _price(self) -> str:
        """What bringing the film up to date does, and its price."""
        others = [step for step in self.steps if step.chunk_num != self.chunk_num]
        chosen = [step.chunk_num for step in others if step.what == "chosen"]
        rendered = [step.chunk_num for step in others if step.what == "rendered"]
        does = []
        if chosen:
            does.append(f"another take is chosen of {_chunks(chosen)}")
        if rendered:
            does.append(f"{_chunks(rendered)} {_is(rendered)} rendered again")
        what = f": {', and '.join(does)}" if does else ""
        if not self.end_usd:
            return f"Bringing the film up to date then costs nothing{what}."
        return (
            f"Bringing the film up to date then costs up to ${self.end_usd:.2f} "
            f"(${self.scene_usd:.2f} to the end of the scene, chunk {self.scene_end:02d}){what}."
        )


def outlook(
    states: Sequence[ChunkState],
    store: ObjectStore,
    chunk_num: int,
    take: TakeRecord,
    prices: Sequence[float],
) -> Outlook:
    """Return what follows from choosing a take.

    Args:
        states: The states of the film's chunks, in order.
        store: The bucket.
        chunk_num: The chunk.
        take: The record of the take to choose.
        prices: The price of each chunk's clip, in order.

    Raises:
        StorageError: S3 does not answer.
    """
    maker = MakerOf(take.generator, take.model)
    steps = list(forecast(states, store, maker, {chunk_num: take.take}))
    following = chunk_num + 1
    becomes_stale = (
        following < len(states)
        and not states[following].spec.starts_chain
        and states[following].state == "fresh"
        and steps[following].what != "kept"
    )
    scene = states[chunk_num].spec.beat.get("name")
    others = (n for n in range(chunk_num, len(states)) if states[n].spec.beat.get("name") != scene)
    scene_end = next(others, len(states)) - 1
    costs = [prices[step.chunk_num] if step.what == "rendered" else 0.0 for step in steps]
    return Outlook(
        chunk_num,
        take.take,
        steps,
        following if becomes_stale else None,
        scene_end,
        scene_usd=round(sum(costs[: scene_end + 1]), 6),
        end_usd=round(sum(costs), 6),
    )


def _chunks(numbers: Sequence[int]) -> str:
    return f"chunk{'s' if len(numbers) > 1 else ''} {ranges(numbers)}"


def _is(numbers: Sequence[int]) -> str:
    return "are" if len(numbers) > 1 else "is"
