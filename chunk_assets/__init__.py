"""Turn an animatic into a film, chunk by chunk, as Dagster assets on S3.

The names in `__all__` are the public Python API, described in `docs/python.md`. Each is imported
when it is first used, so that `import chunk_assets` stays fast. Other modules may change between
releases.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chunk_assets.api import generate_single_chunk, render_film
    from chunk_assets.media.compositing import create_reference_composite
    from chunk_assets.media.frames import extract_last_frame
    from chunk_assets.planning.timeline import build_chunk_specs
    from chunk_assets.schemas import Animatic, ChunkGenerationOutput, ChunkSpec

    __version__: str

_MODULES = {
    "Animatic": "schemas",
    "ChunkGenerationOutput": "schemas",
    "ChunkSpec": "schemas",
    "build_chunk_specs": "planning.timeline",
    "create_reference_composite": "media.compositing",
    "extract_last_frame": "media.frames",
    "generate_single_chunk": "api",
    "render_film": "api",
}

__all__ = [
    "Animatic",
    "ChunkGenerationOutput",
    "ChunkSpec",
    "__version__",
    "build_chunk_specs",
    "create_reference_composite",
    "extract_last_frame",
    "generate_single_chunk",
    "render_film",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # a tenth of the time of `chunk-assets --help`

        return version("chunk_assets")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    if name.islower():  # a function: it honours the limits of the environment
        from chunk_assets.deployment import configure
        from chunk_assets.settings import load_settings

        configure(load_settings().deployment)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
