"""The summary that `render` prints at its end."""

import json
from pathlib import Path

import click

from chunk_assets.cli.chunk_details import (
    GONE,
    bill_json,
    chunk_costs,
    chunk_json,
    print_held,
    print_lost,
    slot,
)
from chunk_assets.cli.rendering import RenderedFilm
from chunk_assets.cli.terminal import cut, plain, print_sentence, print_table
from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.film.references import reference_note


def print_film(film: RenderedFilm, path: Path) -> None:
    """Print the table of chunks, what was rendered, and where the film is."""
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
            f"Out of date: {numbers} ({plain(stale[0].reason)}). Run render without --chunks to "
            "bring them up to date."
        )
    animatic = film.plan.animatic
    if note := reference_note(animatic):
        print_sentence(note)
    width, height = animatic.resolution
    seconds = float(animatic.fps.seconds(animatic.num_frames))
    print_sentence(
        f"{plain(path)}: {seconds:.2f} s, {animatic.num_frames} frames, "
        f"{width}x{height} at {animatic.fps} fps; cost {total} in all"
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
                f"{chunks} {'are' if total > 1 else 'is'} up to date; the film was stitched again."
            )
        return f"{chunks} and the film are up to date: nothing was rendered again."
    if rendered == total:
        return f"Rendered all {total} chunks." if total > 1 else "Rendered the chunk."
    return f"Rendered {rendered} of {total} chunks, kept {total - rendered}."


def print_film_json(film: RenderedFilm, path: Path) -> None:
    """Print the summary as one JSON document."""
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
