"""What `render` and `status` show for a chunk: its slot, its cost, its JSON."""

from collections.abc import Sequence
from typing import Any

from chunk_assets.cli.terminal import cut, plain, print_sentence
from chunk_assets.film.bill import Bill, in_dollars
from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.schemas import ChunkSpec

GONE = "(no longer in the film)"


def chunk_costs(bill: Bill, numbers: Sequence[int]) -> list[str]:
    """Return the costs of these chunks, then of chunks no longer in the film, then the total.

    Unsettled costs are included at full price and marked with a question mark.
    """
    chunks = [*map(bill.chunk, numbers), *bill.beyond(numbers)]
    texts = in_dollars([*(chunk.total_usd for chunk in chunks), bill.total_usd])
    unsettled = [*(chunk.unsettled_usd for chunk in chunks), bill.unsettled_usd]
    return [
        f"{text}{'?' if open_usd else ''}" for text, open_usd in zip(texts, unsettled, strict=True)
    ]


def print_lost(bill: Bill) -> None:
    """Print a line for each paid attempt without a clip, and one for unsettled costs."""
    for chunk in bill.chunks.values():
        for one in chunk.lost:
            [cost] = in_dollars([one.committed_usd])
            what = f"prediction {one.prediction_id}" if one.prediction_id else "an attempt"
            why = f" ({cut(plain(one.error), 200)})" if one.error else ""
            print_sentence(
                f"chunk {chunk.chunk_num:02d}: {cost} of it for {what}, {one.status}{why}"
            )
    if bill.unsettled_usd:
        [cost] = in_dollars([bill.unsettled_usd])
        print_sentence(
            f"? {cost} may not have been spent: predictions are open, or their answers were lost. "
            "They count at full price until this is known."
        )


def print_held(states: Sequence[ChunkState]) -> None:
    """Print which clips are shorter than their slots, and by how many frames."""
    for state in states:
        if state.clip and (held := state.clip.held_frames):
            frames = "1 frame" if held == 1 else f"{held} frames"
            print_sentence(
                f"Chunk {state.spec.chunk_num:02d}: the clip is shorter than its slot; its last "
                f"frame is held for {frames}."
            )


def bill_json(bill: Bill, numbers: Sequence[int]) -> dict[str, Any]:
    """Return a film's bill as JSON values, without its planned chunks."""
    return {
        "total_cost": bill.total_usd,
        "unsettled_cost": bill.unsettled_usd,
        "chunks_no_longer_planned": [
            {"chunk_num": chunk.chunk_num, "bill": chunk.as_json()}
            for chunk in bill.beyond(numbers)
        ],
    }


def chunk_json(
    state: ChunkState, bill: Bill, rendered: dict[int, float] | None = None
) -> dict[str, Any]:
    """Return a chunk as JSON values.

    Args:
        state: The chunk.
        bill: The film's bill.
        rendered: The seconds that each chunk rendered now has taken, by number; None if this
            command renders nothing.
    """
    spec, clip = state.spec, state.clip
    row: dict[str, Any] = {
        "chunk_num": spec.chunk_num,
        "beat": spec.beat.get("name"),
        "start_time": spec.start_time,
        "duration": spec.duration,
        "state": state.state,
        "reason": state.reason,
        "accepted": state.accepted.model_dump(mode="json", include={"at", "by"})
        if state.accepted
        else None,
        "url": state.stored.uri if state.stored else None,
        "clip": clip.model_dump(
            include={"generator", "model", "seed", "take", "cost_usd", "held_frames"}
        )
        if clip
        else None,
        "bill": bill.chunk(spec.chunk_num).as_json(),
    }
    if rendered is not None:
        row["is_rendered_now"] = spec.chunk_num in rendered
        row["seconds"] = round(rendered.get(spec.chunk_num, 0.0), 3)
    return row


def slot(spec: ChunkSpec) -> str:
    """Format a chunk's time in the film."""
    return f"{spec.start_time:.1f}-{spec.start_time + spec.duration:.1f} s"
