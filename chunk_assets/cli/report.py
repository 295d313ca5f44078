"""What `render` prints at its end, and the JSON of a chunk."""

import json
from pathlib import Path
from typing import Any

import click

from chunk_assets.chain.inspect import ChunkState
from chunk_assets.cli.rendering import RenderedFilm
from chunk_assets.cli.terminal import cut, plain, print_table
from chunk_assets.schemas import ChunkSpec


def print_film(film: RenderedFilm, path: Path) -> None:
    """The table of chunks, what was done, and where the film is."""
    print_table(
        ["chunk", "beat", ">film", ">rendered in", ">cost"],
        [
            [
                f"{state.spec.chunk_num:02d}",
                cut(state.spec.beat.get("name", ""), 32),
                slot(state.spec),
                _rendered_in(film, state),
                f"${state.clip.cost_usd:.2f}" if state.clip else "",
            ]
            for state in film.chunks
        ],
    )
    click.echo(_what_was_done(film))
    stale = [state for state in film.chunks if state.state == "stale"]
    if stale:
        numbers = ", ".join(f"{state.spec.chunk_num:02d}" for state in stale)
        click.echo(
            f"Not what the animatic asks for any more: {numbers} ({plain(stale[0].reason)}). "
            "Without --chunks, render brings everything up to date."
        )
    animatic = film.plan.animatic
    width, height = animatic.resolution
    click.echo(
        f"{plain(path)}: {animatic.num_frames / animatic.fps:.2f} s, {animatic.num_frames} frames, "
        f"{width}x{height} at {animatic.fps} fps; cost ${film.output.total_cost:.2f} in all"
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
        "fps": animatic.fps,
        "size": list(animatic.resolution),
        "is_stitched_now": film.is_stitched,
        "chunks": [chunk_json(state, film.rendered) for state in film.chunks],
        **film.output.model_dump(),
    }
    click.echo(json.dumps(document, indent=2))


def chunk_json(state: ChunkState, rendered: dict[int, float] | None = None) -> dict[str, Any]:
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
        "clip": clip.model_dump(include={"generator", "model", "seed", "take", "cost_usd"})
        if clip
        else None,
    }
    if rendered is not None:
        row["is_rendered_now"] = spec.chunk_num in rendered
        row["seconds"] = round(rendered.get(spec.chunk_num, 0.0), 3)
    return row


def slot(spec: ChunkSpec) -> str:
    """Where in the film a chunk is."""
    return f"{spec.start_time:.1f}-{spec.start_time + spec.duration:.1f} s"
