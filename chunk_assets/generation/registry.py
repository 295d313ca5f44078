"""The generators, by the names that users choose."""

from collections.abc import Callable, Mapping

from chunk_assets.errors import SpecError
from chunk_assets.generation.base import Generator
from chunk_assets.generation.circuit import Circuit, CircuitBreaker, CircuitPolicy
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.metering import Metered
from chunk_assets.generation.plugins import InstalledGenerators
from chunk_assets.generation.preview import PreviewGenerator

Generators = Mapping[str, Callable[[GenerationContext], Generator]]


def _preview(_context: GenerationContext) -> Generator:
    return PreviewGenerator()


def _replicate(context: GenerationContext) -> Generator:
    # Imported here: only this generator needs the client and its HTTP library.
    from chunk_assets.generation.replicate.generator import build_replicate_generator

    return build_replicate_generator(context)


def _comfyui(context: GenerationContext) -> Generator:
    from chunk_assets.generation.comfyui.generator import build_comfyui_generator

    return build_comfyui_generator(context)


GENERATORS: Generators = InstalledGenerators(
    {PreviewGenerator.name: _preview, "comfyui": _comfyui, "replicate": _replicate}
)
"""The built-in generators, and those of installed packages (docs/plugins.md)."""

DEFAULT_GENERATOR = PreviewGenerator.name
"""The free default: paid generators must be chosen by name."""


def check_generator(name: str, generators: Generators = GENERATORS) -> None:
    """Check that a generator exists.

    Raises:
        SpecError: It does not.
    """
    if name not in generators:
        known = ", ".join(sorted(generators))
        raise SpecError(f"there is no generator {name!r}: choose one of {known}", generator=name)


def build_generator(
    name: str, context: GenerationContext, generators: Generators = GENERATORS
) -> Generator:
    """Build a generator for one film, to read its prices.

    Raises:
        SpecError: It does not exist, or does not accept the film's choices.
    """
    check_generator(name, generators)
    return generators[name](context)


def choose_generator(
    name: str, context: GenerationContext, generators: Generators = GENERATORS
) -> Generator:
    """Build a generator for one film, ready to render; one that is down is left alone for a while.

    Raises:
        SpecError: It does not exist, or is not configured.
    """
    generator = build_generator(name, context, generators)
    try:
        generator.check_ready()
    except SpecError:
        generator.close()
        raise
    if not generator.is_paid and not generator.keeps_ledger:
        return generator
    metered = generator if generator.keeps_ledger else Metered(generator, context)
    return CircuitBreaker(metered, Circuit(context.settings.home, name, CircuitPolicy()))
