"""The generators, by the names that users choose."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from chunk_assets.errors import SpecError
from chunk_assets.generation.base import Generator
from chunk_assets.generation.circuit import Circuit, CircuitBreaker, CircuitPolicy
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.fallback import WithFallback
from chunk_assets.generation.metering import Metered
from chunk_assets.generation.plugins import InstalledGenerators
from chunk_assets.generation.preview import PreviewGenerator

REPLICATE = "replicate"

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
    {PreviewGenerator.name: _preview, "comfyui": _comfyui, REPLICATE: _replicate}
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


def named_fallback(
    fallback_model: str | None, generator: str, generators: Generators = GENERATORS
) -> tuple[str, str | None] | None:
    """Return the generator and model that a manifest's `fallback_model` names.

    Args:
        fallback_model: A generator, `GENERATOR:MODEL`, or a hosted model, which is Replicate's.
        generator: The generator that it stands in for.
        generators: The generators that exist.

    Returns:
        None if nothing is named, or only a hosted model and the generator is not Replicate: no
        run pays for a generator that neither it nor the manifest names.

    Raises:
        SpecError: The generator does not exist.
    """
    if not fallback_model:
        return None
    if fallback_model in generators:
        return fallback_model, None
    name, colon, model = fallback_model.partition(":")
    if colon and "/" not in name:  # `owner/name:version` is a hosted model
        check_generator(name, generators)
        return name, model or None
    return (REPLICATE, fallback_model) if generator == REPLICATE else None


def build_generator(
    name: str, context: GenerationContext, generators: Generators = GENERATORS
) -> Generator:
    """Build a generator and its fallback for one film, to read their prices.

    Raises:
        SpecError: One does not exist, or does not accept the film's choices.
    """
    return _build(name, context, generators, lambda one, its: generators[one](its), _as_it_is)


def choose_generator(
    name: str, context: GenerationContext, generators: Generators = GENERATORS
) -> Generator:
    """Build a generator for one film, ready to render; one that is down is left alone for a while.

    Raises:
        SpecError: It or its fallback does not exist, or is not configured.
    """
    return _build(
        name, context, generators, lambda one, its: _ready(one, its, generators), _guarded
    )


def _build(
    name: str,
    context: GenerationContext,
    generators: Generators,
    build: Callable[[str, GenerationContext], Generator],
    guard: Callable[[Generator, GenerationContext], Generator],
) -> Generator:
    """Build a generator and its fallback; `guard` is applied once for each provider."""
    check_generator(name, generators)
    generator = build(name, replace(context, fallback_model=None))
    try:
        chosen = named_fallback(context.fallback_model, name, generators)
        if chosen is None or generator.runs_here:  # rendering on this machine has no outage
            return guard(generator, context)
        other, model = chosen
        fallback = build(other, replace(context, model=model, fallback_model=None))
    except SpecError:
        generator.close()
        raise
    is_elsewhere = other != name
    if is_elsewhere:
        generator, fallback = guard(generator, context), guard(fallback, context)
    both = WithFallback(generator, fallback, context.ledger, context.log)
    if fallback.is_paid and not generator.is_paid:
        both.close()
        raise SpecError(
            f"fallback_model is {context.fallback_model!r}, which is paid, and the generator "
            f"{name!r} is free: name a free fallback, or a paid generator",
            value=context.fallback_model,
        )
    return both if is_elsewhere else guard(both, context)


def _as_it_is(generator: Generator, _context: GenerationContext) -> Generator:
    return generator


def _ready(name: str, context: GenerationContext, generators: Generators) -> Generator:
    generator = generators[name](context)
    try:
        generator.check_ready()
    except SpecError:
        generator.close()
        raise
    if generator.keeps_ledger or not generator.is_paid:
        return generator
    return Metered(generator, context)


def _guarded(generator: Generator, context: GenerationContext) -> Generator:
    """Have a generator that asks a provider left alone while that is down."""
    if not generator.keeps_ledger and not generator.is_paid:
        return generator
    circuit = Circuit(context.settings.home, generator.name, CircuitPolicy())
    return CircuitBreaker(generator, circuit)
