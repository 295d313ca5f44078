"""What bringing a film up to date would do to each chunk, without doing it or decoding anything.

Each chunk is made from the last frame of the one before it. The records of takes say what each was
made from and which frame it ends on, so the forecast can follow the chain as long as takes exist.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from chunk_assets.film.chunk_states import ChunkState
from chunk_assets.film.fingerprints import Weights, clip_fingerprint, composite_fingerprint
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import ClipRecord
from chunk_assets.film.takes import Takes
from chunk_assets.generation.base import Generator
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore


@dataclass(frozen=True)
class Step:
    """What would happen to one chunk.

    Attributes:
        chunk_num: The chunk.
        what: "kept": its clip stays; "chosen": another take is chosen at no cost; "rendered": a new
            take is rendered.
        take: The take that is kept or chosen; None if one is rendered.
    """

    chunk_num: int
    what: Literal["kept", "chosen", "rendered"]
    take: int | None = None


def forecast(
    states: Sequence[ChunkState],
    store: ObjectStore,
    generator: Generator,
    chosen: Mapping[int, int] | None = None,
    weights: Weights | None = None,
) -> Iterator[Step]:
    """Yield what `render` would do to each chunk, in order.

    Args:
        states: The states of the film's chunks, in order.
        store: The bucket.
        generator: The generator that would render.
        chosen: Takes to choose first, by chunk.
        weights: The weights of the composites.

    Raises:
        StorageError: S3 does not answer.
    """
    chosen, weights = chosen or {}, weights or Weights()
    is_as_before, ends_on = True, ""  # of the chunk before
    for state in states:
        spec, clip = state.spec, state.clip
        if spec.starts_chain:
            is_as_before, ends_on = True, ""
        takes = Takes(FilmObjects(store, spec.video_id), spec.chunk_num)
        if (number := chosen.get(spec.chunk_num)) is not None:
            take = takes.stored(number)
            step = Step(spec.chunk_num, "chosen", number)
            new_end = take.record.last_frame if take is not None else ""
        elif is_as_before and clip is not None and _is_kept(state, clip, generator):
            yield Step(spec.chunk_num, "kept", clip.take)
            ends_on = clip.last_frame
            continue
        else:
            previous = None if spec.starts_chain else ends_on
            made_from = None if previous == "" else composite_fingerprint(spec, previous, weights)
            take = takes.latest(
                lambda one, spec=spec, made_from=made_from: (
                    made_from is not None and _matches(spec, one.record, made_from, generator)
                )
            )
            if take is None:
                step, new_end = Step(spec.chunk_num, "rendered"), ""
            else:
                is_current = state.stored is not None and state.stored.sha256 == take.clip.sha256
                what = "kept" if is_current else "chosen"
                step, new_end = Step(spec.chunk_num, what, take.number), take.record.last_frame
        is_as_before = clip is not None and new_end != "" and new_end == clip.last_frame
        ends_on = new_end
        yield step


def _is_kept(state: ChunkState, clip: ClipRecord, generator: Generator) -> bool:
    """Return whether the chunk's clip stays if the frame before it stays."""
    is_usable = state.state == "fresh" or state.keeps_clip
    return is_usable and clip.generator == generator.name and generator.has_made(clip.model)


def _matches(spec: ChunkSpec, record: ClipRecord, made_from: str, generator: Generator) -> bool:
    """Return whether a take is what the generator would be asked for now."""
    wanted = clip_fingerprint(spec, record.composite, record.generator, record.model)
    return (
        record.composite_from == made_from
        and record.fingerprint == wanted
        and record.generator == generator.name
        and generator.has_made(record.model)
    )
