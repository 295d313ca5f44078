"""What bringing a film up to date would do to each chunk, without doing it or decoding anything.

Each chunk is made from the last frame of the one before it. The records of takes say what each was
made from and which frame it ends on, so the forecast can follow the chain as long as takes exist.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.film.fingerprints import (
    Weights,
    chunk_seed,
    clip_fingerprint,
    composite_fingerprint,
)
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.takes import Takes
from chunk_assets.generation.base import Generator
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore


@dataclass(frozen=True)
class MakerOf:
    """The generator that made a take, even if it no longer exists.

    Attributes:
        name: The generator's name.
        model: The model and its version.
    """

    name: str
    model: str

    def has_made(self, model: str) -> bool:
        """Return whether the models are the same, in any version."""
        return model.partition(":")[0] == self.model.partition(":")[0]


@dataclass(frozen=True)
class Step:
    """What would happen to one chunk.

    Attributes:
        chunk_num: The chunk.
        what: "kept": its clip stays; "chosen": another take is chosen at no cost; "rendered": a new
            take is rendered.
        take: The take that is kept or chosen; None if one is rendered.
        is_current: Whether that take was made from today's inputs. If a person chooses another one,
            `render` replaces it, unless it is accepted.
    """

    chunk_num: int
    what: Literal["kept", "chosen", "rendered"]
    take: int | None = None
    is_current: bool = True


def forecast(
    states: Sequence[ChunkState],
    store: ObjectStore,
    maker: Generator | MakerOf,
    chosen: Mapping[int, int] | None = None,
    *,
    again: Container[int] = (),
    weights: Weights | None = None,
) -> Iterator[Step]:
    """Yield what `render` would do to each chunk, in order.

    Args:
        states: The states of the film's chunks, in order.
        store: The bucket.
        maker: The generator that would render.
        chosen: Takes to choose first, by chunk.
        again: Chunks of which a new take is rendered.
        weights: The weights of the composites.

    Raises:
        StorageError: S3 does not answer.
    """
    chosen, weights = chosen or {}, weights or Weights()
    is_as_before, ends_on = True, ""  # of the chunk before
    for state in states:
        spec, clip, number = state.spec, state.clip, state.spec.chunk_num
        if spec.starts_chain:
            is_as_before, ends_on = True, ""
        made_from = ""  # unknown after a chunk that is rendered
        if spec.starts_chain or ends_on:
            version = None if spec.starts_chain else ends_on
            made_from = composite_fingerprint(spec, version, weights)
        is_untouched = number not in chosen and number not in again
        if is_untouched and is_as_before and clip is not None and _is_kept(state, clip, maker):
            yield Step(number, "kept", clip.take)
            ends_on = clip.last_frame
            continue
        takes = Takes(FilmObjects(store, spec.video_id), number)
        if number in chosen:
            take = takes.stored(chosen[number])
        elif number in again:
            take = None
        else:
            take = takes.latest(
                lambda one, spec=spec, made_from=made_from: _matches(
                    spec, one.record, made_from, maker
                )
            )
        if take is None:
            yield Step(number, "rendered")
            is_as_before, ends_on = False, ""
            continue
        is_stored = state.stored is not None and state.stored.sha256 == take.clip.sha256
        is_kept = is_untouched and is_stored
        is_current = _matches(spec, take.record, made_from, maker)
        yield Step(number, "kept" if is_kept else "chosen", take.number, is_current)
        ends_on = take.record.last_frame
        is_as_before = clip is not None and ends_on == clip.last_frame


def _is_kept(state: ChunkState, clip: ClipRecord, maker: Generator | MakerOf) -> bool:
    """Return whether the chunk's clip stays if the frame before it stays."""
    is_usable = state.state == "fresh" or state.keeps_clip
    return is_usable and _made(state.spec, clip, maker)


def _matches(
    spec: ChunkSpec, record: ClipRecord, made_from: str, maker: Generator | MakerOf
) -> bool:
    """Return whether a take is what the generator would be asked for now."""
    wanted = clip_fingerprint(spec, record.composite, record.generator, record.model)
    is_same = record.composite_from == made_from and record.fingerprint == wanted
    return bool(made_from) and is_same and _made(spec, record, maker)


def _made(spec: ChunkSpec, record: ClipRecord, maker: Generator | MakerOf) -> bool:
    """Return whether a clip is by this generator, and has the film's seed if one was chosen."""
    has_seed = spec.seed is None or record.seed == chunk_seed(spec, record.take)
    return has_seed and record.generator == maker.name and maker.has_made(record.model)
