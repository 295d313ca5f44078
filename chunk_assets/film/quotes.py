"""Price chunks by their generators' own prices."""

from contextlib import closing

from chunk_assets.film.abilities import check_abilities
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.base import Generator
from chunk_assets.generation.budget import clip_price
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.registry import GENERATORS, Generators, build_generator
from chunk_assets.schemas import ChunkSpec
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore


def chunk_price(generator: Generator, spec: ChunkSpec) -> float:
    """Return a generator's price of a chunk's clip, in US dollars.

    Raises:
        SpecError: It or its fallback makes no such clip, or its price is not an amount.
    """
    check_abilities(generator, spec)
    if generator.fallback is not None:
        clip_price(generator.fallback, spec.num_frames, spec.fps, spec.size)
    return clip_price(generator, spec.num_frames, spec.fps, spec.size)


class Quotes:
    """Prices of clips from the generators that made the stored clips."""

    def __init__(
        self,
        video_id: str,
        settings: Settings,
        store: ObjectStore,
        generators: Generators = GENERATORS,
    ):
        self._video_id, self._settings = video_id, settings
        self._ledger = FilmObjects(store, video_id).ledger()
        self._generators = generators

    def again(self, clip: ClipRecord, spec: ChunkSpec) -> float:
        """Return the price of a clip for `spec` from the generator and the model of `clip`.

        Raises:
            SpecError: The generator or its model is no longer known, or makes no such clip.
        """
        generator_context = GenerationContext(
            self._video_id, self._settings, self._ledger, model=clip.model
        )
        generator = build_generator(clip.generator, generator_context, self._generators)
        with closing(generator):
            return chunk_price(generator, spec)
