"""The reference pictures of a chunk, as local files."""

from pathlib import Path

from chunk_assets.render.context import RenderContext
from chunk_assets.schemas import ChunkSpec


def reference_files(context: RenderContext, spec: ChunkSpec) -> tuple[Path, ...]:
    """Return the reference pictures that the generator takes, most important first.

    Raises:
        StorageError: One cannot be read.
    """
    taken = spec.reference_urls[: context.generator.abilities.references]
    return tuple(context.files.animatic_file(url).fetch() for url in taken)
