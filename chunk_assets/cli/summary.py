"""What `render` prints at its end, and the JSON of a chunk."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from chunk_assets.cli.rendering import RenderedFilm
from chunk_assets.cli.submit import PRODUCT_REFERENCE
from chunk_assets.cli.terminal import cut, plain, print_sentence, print_table
from chunk_assets.film.bill import Bill, in_dollars
from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.schemas import ChunkSpec


def print_film(film: RenderedFilm, path: Path) -> None:
    """The table of chunks, what was done, and where the film is."""
    numbers = [state.spec.chunk_num for state in film.chunks]
    *costs, total = chunk_costs(film.bill, numbers)
    rows = [
        [
            f"{state.spec.chunk_num:02d}",
            cut(state.spec.beat.get("name", ""), 32),
            slot(state.spec),
            _rendered_in(film, state),
        ]
        for state in film.chunks
    ]
    rows += [[f"{one.chunk_num:02d}", GONE, "", ""] for one in film.bill.beyond(numbers)]
    print_table(
        ["chunk", "beat", ">film", ">rendered in", ">cost"],
        [[*row, cost] for row, cost in zip(rows, costs, strict=True)],
    )
    print_lost(film.bill)
    print_sentence(_what_was_done(film))
    print_held(film.chunks)
    stale = [state for state in film.chunks if state.state == "stale"]
    if stale:
        numbers = ", ".join(f"{state.spec.chunk_num:02d}" for state in stale)
        print_sentence(
            f"Not what the animatic asks for any more: {numbers} ({plain(stale[0].reason)}). "
            "Without --chunks, render brings everything up to date."
        )
    animatic = film.plan.animatic
    if animatic.product_reference:
        print_sentence(PRODUCT_REFERENCE)
    width, height = animatic.resolution
    seconds = float(animatic.fps.seconds(animatic.num_frames))
    print_sentence(
        f"{plain(path)}: {seconds:.2f} s, {animatic.num_frames} frames, "
        f"{width}x{height} at {animatic.fps} fps; cost {total} in all"
    )


GONE = "(no longer in the film)"


def chunk_costs(bill: Bill, numbers: Sequence[int]) -> list[str]:
    """The cost column of these chunks, then of chunks beyond them, then their sum.

    What is not settled stands at its full price, with a question mark.
    """
    chunks = [*map(bill.chunk, numbers), *bill.beyond(numbers)]
    texts = in_dollars([*(chunk.total_usd for chunk in chunks), bill.total_usd])
    unsettled = [*(chunk.unsettled_usd for chunk in chunks), bill.unsettled_usd]
    return [
        f"{text}{'?' if open_usd else ''}" for text, open_usd in zip(texts, unsettled, strict=True)
    ]


def print_lost(bill: Bill) -> None:
    """One line for each paid attempt that gave no clip, and one for what is not settled."""
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
            f"? {cost} may not have been spent: those attempts are open, or it is unknown whether "
            "they were ever billed; they count at full price until that is known."
        )


def print_held(states: Sequence[ChunkState]) -> None:
    """Say which clips are shorter than their slots, and for how many frames that shows."""
    for state in states:
        if state.clip and (held := state.clip.held_frames):
            frames = "1 frame" if held == 1 else f"{held} frames"
            print_sentence(
                f"Chunk {state.spec.chunk_num:02d}: the clip is shorter than its slot; its last "
                f"frame is held for {frames}."
            )


def _rendered_in(film: RenderedFilm, state: ChunkState) -> str:
    seconds = film.rendered.get(state.spec.chunk_num)
    return "kept" if seconds is None else f"{seconds:.1f} s"


def _what_was_done(film: RenderedFilm) -> str:
    total, rendered = len(film.chunks), len(film.rendered)
    if rendered == 0:
        chunks = f"All {total} chunks" if total > 1 else "The chunk"
        if film.is_stitched:
            return (
                f"{chunks} {'are' if total > 1 else 'is'} up to date; the film was stitched anew."
            )
        return f"{chunks} and the film are up to date: nothing was rendered again."
    if rendered == total:
        return f"Rendered all {total} chunks." if total > 1 else "Rendered the chunk."
    return f"Rendered {rendered} of {total} chunks, kept {total - rendered}."


def print_film_json(film: RenderedFilm, path: Path) -> None:
    """The same as one JSON document."""
    animatic = film.plan.animatic
    document = {
        "video_id": film.plan.video_id,
        "path": str(path),
        "frames": animatic.num_frames,
        "fps": int(animatic.fps),
        "size": list(animatic.resolution),
        "is_stitched_now": film.is_stitched,
        "chunks": [chunk_json(state, film.bill, film.rendered) for state in film.chunks],
        **film.output.model_dump(),
        **bill_json(film.bill, [state.spec.chunk_num for state in film.chunks]),
    }
    click.echo(json.dumps(document, indent=2))


def bill_json(bill: Bill, numbers: Sequence[int]) -> dict[str, Any]:
    """The film's bill, less its chunks'."""
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
    """One chunk; with `rendered`, also whether and in how many seconds it was rendered now."""
    spec, clip = state.spec, state.clip
    row: dict[str, Any] = {
        "chunk_num": spec.chunk_num,
        "beat": spec.beat.get("name"),
        "start_time": spec.start_time,
        "duration": spec.duration,
        "state": state.state,
        "reason": state.reason,
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
    """Where in the film a chunk is."""
    return f"{spec.start_time:.1f}-{spec.start_time + spec.duration:.1f} s"
