"""The plan of a film: the chunks made from its animatic on S3."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

from chunk_assets.deployment import deployment
from chunk_assets.errors import NotStored, SpecError
from chunk_assets.file_names import same_names
from chunk_assets.film.fingerprints import digest
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.references import reference_names
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.context import GenerationContext
from chunk_assets.planning.timeline import OVERLAP_SECONDS, SLOT_SECONDS, build_chunk_specs
from chunk_assets.schemas import (
    MAX_MANIFEST_BYTES,
    Animatic,
    ChunkSpec,
    Continuity,
    check_video_id,
    read_animatic,
)
from chunk_assets.settings import Settings
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject
from chunk_assets.usd import checked_usd

_AT_ONCE = 8
"""Concurrent requests to S3."""


@dataclass(frozen=True)
class FilmPlan:
    """An animatic and the chunks made from it.

    Attributes:
        animatic: The manifest.
        specs: One per chunk, in order.
        version: Changes whenever the manifest or one of its pictures does.
    """

    video_id: str
    animatic: Animatic
    specs: list[ChunkSpec]
    version: str

    def spec(self, chunk_num: int) -> ChunkSpec:
        """Return the spec of one chunk.

        Raises:
            SpecError: The film has no such chunk.
        """
        if not 0 <= chunk_num < len(self.specs):
            raise SpecError(
                f"film {self.video_id!r} has no chunk {chunk_num}: it has {len(self.specs)} "
                f"chunks, 0 to {len(self.specs) - 1}",
                chunk_num=chunk_num,
                chunks=len(self.specs),
            )
        return self.specs[chunk_num]


def plan_film(
    store: ObjectStore,
    video_id: str,
    *,
    seed: int | None = None,
    continuity: Continuity | None = None,
) -> FilmPlan:
    """Plan a film from its manifest and pictures on S3.

    Args:
        store: Where the animatic is.
        video_id: The film's name.
        seed: The seed of every chunk; None derives one for each chunk and take.
        continuity: Replaces the manifest's continuity.

    Raises:
        SpecError: The name or the manifest is invalid.
        NotStored: The manifest, or a picture it names, is not stored.
    """
    ref = FilmObjects(store, check_video_id(video_id)).manifest()
    try:
        content, manifest = store.get_bytes(ref.key, max_bytes=MAX_MANIFEST_BYTES)
    except NotStored:
        raise NotStored(
            f"there is no animatic {video_id!r}: nothing is stored at {ref.uri}; submit it first",
            video_id=video_id,
        ) from None
    animatic = read_animatic(content, where=manifest.uri)
    if continuity is not None:
        animatic = animatic.model_copy(update={"continuity": continuity})
    named = named_specs(video_id, animatic)  # checks the manifest before any request for a picture
    pictures = _stored_pictures(store, video_id, animatic)
    versions = {name: picture.version for name, picture in pictures.items()}
    version = digest({"manifest": manifest.version, "pictures": versions})
    uris = {name: picture.uri for name, picture in pictures.items()}
    specs = [_placed(store, spec, uris, versions, seed) for spec in named]
    return FilmPlan(video_id, animatic, specs, version)


def named_specs(video_id: str, animatic: Animatic) -> list[ChunkSpec]:
    """Return the film's chunks, with the names of pictures instead of URIs.

    Raises:
        SpecError: The manifest cannot be used.
    """
    references = {
        "style_guide_url": animatic.style_guide or None,
        "product_reference_url": animatic.product_reference or None,
    }
    specs = build_chunk_specs(
        video_id, animatic, animatic.frames, references, slot_seconds=slot_seconds(animatic)
    )
    names = reference_names(animatic)
    return [spec.model_copy(update={"reference_urls": names}) for spec in specs]


def placed_specs(
    store: ObjectStore,
    video_id: str,
    animatic: Animatic,
    versions: Mapping[str, str],
    *,
    seed: int | None = None,
) -> list[ChunkSpec]:
    """Return the film's chunks, with the S3 URIs of pictures, whether or not they are stored yet.

    `versions` maps each picture's name in the manifest to its version.

    Raises:
        SpecError: The manifest cannot be used.
    """
    objects = FilmObjects(store, video_id)
    uris = {name: objects.animatic_file(name).uri for name in animatic.files}
    specs = named_specs(video_id, animatic)
    return [_placed(store, spec, uris, versions, seed) for spec in specs]


def generation_context(
    video_id: str,
    animatic: Animatic,
    store: ObjectStore,
    settings: Settings,
    *,
    model: str | None = None,
    max_cost_usd: float | None = None,
    log: Callable[[str], None] = lambda _sentence: None,
) -> GenerationContext:
    """Return what a generator is told about the film; arguments override the manifest.

    Raises:
        SpecError: The cost limit is not an amount of money.
    """
    if max_cost_usd is not None:
        max_cost_usd = checked_usd(max_cost_usd, "max_cost_usd")
    return GenerationContext(
        video_id=video_id,
        settings=settings,
        ledger=FilmObjects(store, video_id).ledger(),
        model=model or animatic.model,
        fallback_model=animatic.fallback_model,
        max_cost_usd=animatic.max_cost_usd if max_cost_usd is None else max_cost_usd,
        log=log,
    )


def slot_seconds(animatic: Animatic) -> float:
    """Return how many seconds of the film one chunk fills, given the clip lengths of its model.

    The longest transition must fit as well: it lengthens the chunk that follows it.

    Raises:
        SpecError: The manifest names an unknown model.
    """
    if animatic.model is None:
        return SLOT_SECONDS
    model = load_catalog(deployment().models).find(animatic.model)
    transitions = [join.duration for join in animatic.transitions or [] if join.type != "cut"]
    overlap = 0.0 if _has_no_overlap(animatic) else OVERLAP_SECONDS
    return model.slot_seconds(animatic.fps, max([overlap, *transitions]), wanted=SLOT_SECONDS)


def _has_no_overlap(animatic: Animatic) -> bool:
    """Return whether every chunk starts from a picture of its own, without a cross-fade."""
    is_one_per_chunk = len(animatic.frames) > len(animatic.beats)
    starts = {beat.starts_from for beat in animatic.beats}
    return (
        animatic.continuity == "keyframes"
        and is_one_per_chunk
        and "last_frame" not in starts
        and all(one != other for one, other in pairwise(animatic.frames))
    )


def _placed(
    store: ObjectStore,
    spec: ChunkSpec,
    uris: Mapping[str, str],
    versions: Mapping[str, str],
    seed: int | None,
) -> ChunkSpec:
    """Return a spec with the S3 URIs and versions of its pictures and of the last frame before.

    Only a chunk that is blended with the style guide has its version: no other is made from it.
    """
    first = spec.starts_chain
    is_blended = first and not spec.is_unblended
    frame, style, product, end = (
        spec.animatic_frame_url,
        spec.style_guide_url,
        spec.product_reference_url,
        spec.end_frame_url,
    )
    previous = FilmObjects(store, spec.video_id).last_frame(spec.chunk_num - 1)
    return spec.model_copy(
        update={
            "animatic_frame_url": uris[frame],
            "style_guide_url": uris[style] if style else None,
            "product_reference_url": uris[product] if product else None,
            "animatic_frame_version": versions[frame],
            "style_guide_version": versions[style] if style and is_blended else None,
            "end_frame_url": uris[end] if end else None,
            "end_frame_version": versions[end] if end else None,
            "reference_urls": tuple(uris[name] for name in spec.reference_urls),
            "reference_versions": tuple(versions[name] for name in spec.reference_urls),
            "previous_chunk_last_frame": None if first else previous.uri,
            "seed": seed,
        }
    )


def _stored_pictures(
    store: ObjectStore, video_id: str, animatic: Animatic
) -> dict[str, StoredObject]:
    """Return the stored pictures, by their names in the manifest.

    Raises:
        NotStored: A picture is not stored.
        SpecError: A picture is larger than the limit.
    """

    def find(name: str) -> StoredObject:
        ref = objects.animatic_file(name)
        stored = find_picture(store, ref.key)
        if stored is None:
            raise NotStored(
                f"the animatic {video_id!r} names the picture {name!r}, "
                f"but nothing is stored at {ref.uri}",
                uri=ref.uri,
            )
        if stored.size > limit:
            raise SpecError(
                f"{stored.uri} has {stored.size} bytes: at most {limit} are allowed",
                uri=stored.uri,
            )
        return stored

    objects = FilmObjects(store, video_id)
    names, limit = list(animatic.files), deployment().limits.picture_file_bytes
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pictures") as pool:
        return dict(zip(names, pool.map(find, names), strict=True))


def find_picture(store: ObjectStore, key: str) -> StoredObject | None:
    """Return the object under a picture's key, or under its name in another Unicode normal form.

    `aws s3 sync` on a Mac uploads names in the disk's form, whatever form the manifest uses.
    """
    return next(filter(None, map(store.head, same_names(key))), None)
