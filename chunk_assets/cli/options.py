"""Options and arguments that several commands share, and the settings they all get."""

import re
import unicodedata
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chunk_assets.errors import SpecError

if TYPE_CHECKING:  # it imports pydantic, NumPy and boto3, which `--help` does not need
    from chunk_assets.film.submission import AnimaticDirectory

UMASK = "chunk_assets.umask"
"""Context key of the person's own umask: the process's umask keeps the home private."""

MOST_TAKES = 8
"""As in `defs.runs.config`, which `--help` does not import."""

MAX_SEED = 2**31 - 1
"""The largest seed that every known model accepts."""


class ChunkRange(click.ParamType):
    """`7`, or `3-5` for chunks 3, 4 and 5."""

    name = "N or N-M"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        """Read a range."""
        match = re.fullmatch(r"\s*([0-9]{1,5})\s*(?:-\s*([0-9]{1,5})\s*)?", str(value))
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            self.fail(f"{value!r} is not a range of chunks: write 7 or 3-5", param, ctx)
        return range(first, last + 1)


class WholeNumber(click.IntRange):
    """A whole number within limits; errors call it a number."""

    name = "number"


class UsdAmount(click.ParamType):
    """An amount of US dollars, such as `5` or `2.50`."""

    name = "USD"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read an amount."""
        from chunk_assets.usd import checked_usd

        try:
            return checked_usd(float(str(value)), "the amount")
        except ValueError:
            self.fail(f"{value!r} is not an amount of US dollars: write 5 or 2.50", param, ctx)
        except SpecError as error:
            self.fail(str(error), param, ctx)


def checked_chunks(video_id: str, chunks: range | None, count: int) -> range | None:
    """Check the requested chunks of a film of `count` chunks, and return them.

    Raises:
        SpecError: The film has no such chunk.
    """
    if chunks is not None and chunks[-1] >= count:
        raise SpecError(
            f"film {video_id!r} has no chunk {chunks[-1]}: it has {count} chunks, 0 to {count - 1}",
            chunk_num=chunks[-1],
            chunks=count,
        )
    return chunks


def read_film(
    directory: Path,
    video_id: str | None,
    model: str | None = None,
    continuity: str | None = None,
) -> "tuple[str, AnimaticDirectory]":
    """Read and check an animatic; model and continuity override its manifest.

    Returns:
        The film's name and the animatic.

    Raises:
        SpecError: The name or the manifest cannot be used.
        MediaError: A picture is missing or cannot be read.
    """
    from chunk_assets.film.submission import read_directory
    from chunk_assets.schemas import check_video_id

    if video_id is not None:
        check_video_id(video_id)
    animatic = read_directory(directory)
    return video_id or video_id_of(directory), animatic.with_choices(
        model=model, continuity=continuity
    )


def video_id_of(directory: Path) -> str:
    """Make a film's name from its directory's.

    Raises:
        SpecError: The directory's name has no usable character.
    """
    name = directory.resolve().name
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_only)
    slug = re.sub(r"\.{2,}", ".", slug).strip("-._")[:64].rstrip("-._")
    if not slug:
        raise SpecError(
            f"no film name can be made from the directory {name!r}: choose one with --video-id"
        )
    from chunk_assets.schemas import check_video_id

    return check_video_id(slug)


animatic_argument = click.argument("directory", type=click.Path(path_type=Path))

film_argument = click.argument("film")

chunk_argument = click.argument("chunk", type=WholeNumber(min=0))

video_id_option = click.option(
    "--video-id",
    metavar="NAME",
    help="The film's name on S3. [default: made from the directory's name]",
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else."
)


def pass_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Read the deployment's settings once, and pass them to a command as its first argument."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        from chunk_assets.deployment import configure
        from chunk_assets.settings import load_settings

        settings = load_settings()
        configure(settings.deployment)
        click.get_current_context().find_root().obj = settings  # for `SentenceGroup.invoke`
        command(settings, *arguments, **options)

    return run
