"""What a person sees beside a materialization in Dagit."""

import base64
from collections.abc import Sequence

import dagster as dg
from PIL import Image

from chunk_assets.chain.objects import ChunkObject
from chunk_assets.chain.records import ClipRecord
from chunk_assets.chain.tint import distance
from chunk_assets.images import animation_webp, thumbnail_jpeg
from chunk_assets.storage.store import ObjectStore, StoredObject

MAX_PREVIEW = 12_000
"""Characters of a preview's data URI: it lies in Dagster's event log, once an event."""

MAX_MOVING_PREVIEW = 24_000
"""The same of one that moves: a dozen noisy drawings 190 pixels wide, enough to judge by."""

Metadata = dict[str, dg.MetadataValue]


def preview(pictures: Sequence[Image.Image], seconds: float = 0.0) -> dg.MetadataValue:
    """A small picture, inside the metadata itself; it moves when there are several.

    Args:
        pictures: One or more.
        seconds: How long several of them play.
    """
    if len(pictures) > 1:
        kind, content = "webp", animation_webp(pictures, _room(MAX_MOVING_PREVIEW), seconds)
    else:
        kind, content = "jpeg", thumbnail_jpeg(pictures[0], _room(MAX_PREVIEW))
    encoded = base64.b64encode(content).decode()
    return dg.MetadataValue.md(f"![preview](data:image/{kind};base64,{encoded})")


def _room(characters: int) -> int:
    """The bytes whose base64 fits, with what stands around it."""
    return (characters - len("![preview](data:image/jpeg;base64,)")) * 3 // 4 - 3


def stored_metadata(store: ObjectStore, stored: StoredObject) -> Metadata:
    """Where an object is, how to open it in a browser, and what it is."""
    return {
        "uri": dg.MetadataValue.text(stored.uri),
        "link": dg.MetadataValue.url(store.link(stored.key)),
        "sha256": dg.MetadataValue.text(stored.sha256),
        "size_bytes": dg.MetadataValue.int(stored.size),
    }


def chunk_metadata(store: ObjectStore, made: ChunkObject) -> Metadata:
    """Everything about one object of one chunk."""
    spec = made.spec
    metadata: Metadata = {
        "preview": preview(made.pictures(), spec.num_frames / spec.fps),
        "beat": dg.MetadataValue.text(str(spec.beat.get("name", ""))),
        "start_seconds": dg.MetadataValue.float(spec.start_time),
        "frames": dg.MetadataValue.int(spec.num_frames),
        "lead_in_frames": dg.MetadataValue.int(spec.overlap_frames),
        "fps": dg.MetadataValue.int(spec.fps),
        "size": dg.MetadataValue.text(f"{spec.size[0]}x{spec.size[1]}"),
        "cost_usd": dg.MetadataValue.float(0.0),
    }
    if made.stage in ("chunk_specs", "chunk_videos"):
        metadata["prompt"] = dg.MetadataValue.text(spec.prompt)
    if made.stage == "chunk_videos":
        metadata |= _clip_metadata(ClipRecord.of(made.stored))
    for name, value in made.details.items():
        metadata.setdefault(name, dg.MetadataValue.text(str(value)))
    # Last: a link is long, and what a person reads first should stand first.
    return {**metadata, **stored_metadata(store, made.stored)}


def _clip_metadata(record: ClipRecord) -> Metadata:
    metadata: Metadata = {
        "cost_usd": dg.MetadataValue.float(record.cost_usd),
        "spent_usd": dg.MetadataValue.float(record.spent_usd),
        "seconds": dg.MetadataValue.float(record.seconds),
        "generator": dg.MetadataValue.text(record.generator),
        "model": dg.MetadataValue.text(record.model),
        "seed": dg.MetadataValue.int(record.seed),
        "take": dg.MetadataValue.int(record.take),
        "held_frames": dg.MetadataValue.int(record.held_frames),
    }
    if record.tone_mapped:
        metadata["tone_mapped"] = dg.MetadataValue.text(record.tone_mapped)
    # Distances in CIE L*a*b*: one of 2.3 can just be seen.
    for name, text in (
        ("colour_shift", record.colour_shift),
        ("colour_drift", record.colour_drift),
    ):
        if text:
            metadata[name] = dg.MetadataValue.float(round(distance(text), 3))
    return metadata
