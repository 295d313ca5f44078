"""Whether a generator can make what a film asks of its chunks, checked before anything is paid."""

from chunk_assets.deployment import deployment
from chunk_assets.errors import SpecError
from chunk_assets.generation.base import Abilities, Generator
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.schemas import ChunkSpec

_SUGGESTED = 3


def check_abilities(generator: Generator, spec: ChunkSpec) -> None:
    """Check that a generator can end a chunk's clip on a picture, if the chunk has one.

    Its fallback must be able to as well: otherwise its failure would be found out when it is
    needed, with the chunks before it paid for.

    Raises:
        SpecError: It cannot; the error says what it can, and which hosted models are able to.
    """
    if spec.end_frame_url is None:
        return
    if generator.fallback is not None:
        check_abilities(generator.fallback, spec)
    if generator.abilities.end_image:
        return
    offer = generator.offer
    name = offer.model or generator.name
    raise SpecError(
        f"{name} cannot end a clip on a picture, as chunk {spec.chunk_num} of film "
        f"{spec.video_id!r} does: it takes {_inputs(generator.abilities)}; choose "
        f"{_models_that_can()}, or the continuity 'film' or 'scene'",
        video_id=spec.video_id,
        chunk_num=spec.chunk_num,
        model=name,
    )


def _inputs(abilities: Abilities) -> str:
    """Return what a generator that takes no end picture takes, in words."""
    if not abilities.references:
        return "a first picture and a prompt"
    return f"a first picture, a prompt and up to {abilities.references} reference pictures"


def _models_that_can() -> str:
    catalog = load_catalog(deployment().models)
    able = [name for name, model in catalog.items() if model.end_image]
    return f"the generator 'preview' or a model that can, such as {', '.join(able[:_SUGGESTED])}"
