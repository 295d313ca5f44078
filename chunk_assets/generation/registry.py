"""Which generators there are, by the name a person types."""

from collections.abc import Callable, Mapping

from chunk_assets.errors import SpecError
from chunk_assets.generation.base import Generator
from chunk_assets.generation.preview import PreviewGenerator

Generators = Mapping[str, Callable[[], Generator]]

GENERATORS: Generators = {PreviewGenerator.name: PreviewGenerator}

DEFAULT_GENERATOR = PreviewGenerator.name
"""Costs nothing; whatever costs money is only ever chosen by its name."""


def choose_generator(name: str, generators: Generators = GENERATORS) -> Generator:
    """Make the generator of that name.

    Raises:
        SpecError: There is none.
    """
    if name not in generators:
        known = ", ".join(sorted(generators))
        raise SpecError(f"there is no generator {name!r}: choose one of {known}", generator=name)
    return generators[name]()
