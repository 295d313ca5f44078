"""Which generators there are, by the name a person types."""

from collections.abc import Callable, Mapping

from chunk_assets.errors import SpecError
from chunk_assets.generation.base import Generator
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.metering import Metered
from chunk_assets.generation.preview import PreviewGenerator

Generators = Mapping[str, Callable[[GenerationContext], Generator]]


def _preview(_context: GenerationContext) -> Generator:
    return PreviewGenerator()


def _replicate(context: GenerationContext) -> Generator:
    # Brings the client and its HTTP library, which nobody else needs.
    from chunk_assets.generation.replicate.generator import build_replicate_generator

    return build_replicate_generator(context)


GENERATORS: Generators = {PreviewGenerator.name: _preview, "replicate": _replicate}

DEFAULT_GENERATOR = PreviewGenerator.name
"""Costs nothing; whatever costs money is only ever chosen by its name."""


def check_generator(name: str, generators: Generators = GENERATORS) -> None:
    """See that there is a generator of that name.

    Raises:
        SpecError: There is none.
    """
    if name not in generators:
        known = ", ".join(sorted(generators))
        raise SpecError(f"there is no generator {name!r}: choose one of {known}", generator=name)


def build_generator(
    name: str, context: GenerationContext, generators: Generators = GENERATORS
) -> Generator:
    """Make the generator of that name for one film, to ask it for prices.

    Raises:
        SpecError: There is none, or the film's choices do not suit it.
    """
    check_generator(name, generators)
    return generators[name](context)


def choose_generator(
    name: str, context: GenerationContext, generators: Generators = GENERATORS
) -> Generator:
    """Make the generator of that name for one film, ready to render.

    Raises:
        SpecError: There is none, or what it needs is not set.
    """
    generator = build_generator(name, context, generators)
    try:
        generator.check_ready()
    except SpecError:
        generator.close()
        raise
    if generator.is_paid and not generator.keeps_ledger:
        return Metered(generator, context)
    return generator
