"""`chunk-assets render`: render an animatic to a film in this process."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chunk_assets.cli.interrupts import stopping
from chunk_assets.cli.options import (
    MAX_SEED,
    MOST_TAKES,
    UMASK,
    ChunkRange,
    UsdAmount,
    animatic_argument,
    checked_chunks,
    json_option,
    pass_settings,
    read_film,
    video_id_option,
)

if TYPE_CHECKING:  # it imports pydantic, which `--help` does not need
    from chunk_assets.settings import Settings

STOPPED = "Stopped; rendered chunks are kept, and the same command resumes from there."


@click.command()
@animatic_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to save the film. [default: NAME.mp4]",
)
@video_id_option
@click.option(
    "--chunks",
    type=ChunkRange(),
    help="Render these chunks again, such as 7 or 3-5, and the later chunks that change with them.",
)
@click.option("--only", is_flag=True, help="With --chunks: keep all later chunks as they are.")
@click.option(
    "--takes",
    type=click.IntRange(1, MOST_TAKES),
    default=1,
    metavar="NUMBER",
    help="With --chunks: render this many takes of each, side by side; the first whose checks "
    "pass is chosen, and 'chunk-assets choose' chooses another.",
)
@click.option(
    "--generator",
    default="preview",
    show_default=True,
    metavar="NAME",
    help="The generator of the clips; 'preview' is free.",
)
@click.option(
    "--model",
    metavar="NAME",
    help="The hosted model; see 'chunk-assets models'. [default: the manifest's]",
)
@click.option(
    "--continuity",
    type=click.Choice(["film", "scene", "keyframes"]),
    help="What chunks start from: the last frame before, to the end of the film or scene, or their "
    "own pictures (keyframes). [default: the manifest's]",
)
@click.option(
    "--max-cost",
    type=UsdAmount(),
    metavar="USD",
    help="Stop before the film costs more. [default: the manifest's max_cost_usd]",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be rendered, and its price.")
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    metavar="NUMBER",
    help="One seed for the whole film. [default: one for each chunk and take]",
)
@json_option
@pass_settings
def render(
    settings: "Settings",
    directory: Path,
    output: Path | None,
    video_id: str | None,
    chunks: range | None,
    only: bool,
    takes: int,
    generator: str,
    model: str | None,
    continuity: str | None,
    max_cost: float | None,
    dry_run: bool,
    seed: int | None,
    as_json: bool,
) -> None:
    """Render the animatic in DIRECTORY to a film.

    DIRECTORY holds the manifest, animatic.json, and the pictures it names. Chunks that are stored
    and up to date are kept, so a render that was stopped resumes where it was.
    """
    if only and chunks is None:
        raise click.UsageError("--only needs --chunks")
    if takes > 1 and chunks is None:
        raise click.UsageError("--takes needs --chunks")
    if takes > 1 and seed is not None:
        raise click.UsageError("--seed would make all takes the same: leave out --seed or --takes")
    with stopping(STOPPED) as interrupts:
        from chunk_assets.cli.prefetch import importing, start_server
        from chunk_assets.schemas import MANIFEST

        is_rendered = (directory / MANIFEST).is_file() and not dry_run
        server = start_server(settings) if is_rendered else None
        with importing():
            from chunk_assets.cli.output_file import check_ffmpeg, writable_target
            from chunk_assets.cli.progress import ChunkProgress
            from chunk_assets.generation.registry import check_generator

            name, animatic = read_film(directory, video_id, model, continuity)
        count = len(animatic.specs(name))
        again = checked_chunks(name, chunks, count)
        check_generator(generator)
        if dry_run:
            from chunk_assets.cli.dry_run import print_dry_run

            print_dry_run(
                settings,
                name,
                animatic,
                generator,
                again,
                takes=takes,
                only=only,
                seed=seed,
                as_json=as_json,
            )
            return
        check_ffmpeg()
        path = output or Path(f"{name}.mp4")
        target = writable_target(path, animatic.sources)
        with ChunkProgress(count) as progress:
            with progress.waiting("starting Dagster"):
                with importing():
                    from chunk_assets.cli.rendering import Rendering
                    from chunk_assets.cli.summary import print_film, print_film_json
                if server is not None:
                    server.join()
            rendering = Rendering(
                settings,
                name,
                animatic,
                generator=generator,
                seed=seed,
                again=again,
                only=only,
                takes=takes,
                max_cost_usd=max_cost,
                umask=click.get_current_context().meta[UMASK],
                checkpoint=interrupts.check,
            )
            film = rendering.run(progress, target)
        (print_film_json if as_json else print_film)(film, path)
