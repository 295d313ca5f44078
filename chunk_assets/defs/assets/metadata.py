"""The metadata of materializations that people see in Dagit."""

import base64

import dagster as dg
from PIL import Image

from chunk_assets.film.colour_record import distance
from chunk_assets.film.records import ClipRecord
from chunk_assets.media.images import thumbnail_jpeg
from chunk_assets.render.previews import load_moving, load_pictures, preview_side
from chunk_assets.render.request import ChunkObject
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

_MAX_BYTES = 23_950
"""Limit on a still preview: 32,000 characters as a data URI, which each event keeps in Dagster's
log."""

Metadata = dict[str, dg.MetadataValue]


def preview(picture: Image.Image) -> dg.MetadataValue:
    """Return a small picture inside the metadata itself."""
    return embedded("jpeg", thumbnail_jpeg(picture, _MAX_BYTES, preview_side(picture)))


def embedded(kind: str, content: bytes) -> dg.MetadataValue:
    """Return a picture of a kind such as "jpeg", inside the metadata itself."""
    encoded = base64.b64encode(content).decode()
    return dg.MetadataValue.md(f"![preview](data:image/{kind};base64,{encoded})")


def link(store: ObjectStore, key: str, word: str) -> dg.MetadataValue:
    """Return a link that reads as one word; Dagit would show the URL in full, on five lines.

    Dagit shows a link of over 1,000 characters, as with a session token, only after a click.
    """
    return dg.MetadataValue.md(f"[{word}]({store.link(key)})")


def stored_metadata(store: ObjectStore, stored: StoredObject, link_key: str = "") -> Metadata:
    """Return the metadata of an object: its link first; its size, URI and digest last.

    Args:
        store: Where it is.
        stored: The object.
        link_key: The key that the link leads to, if it is another one.
    """
    word = "watch" if stored.key.endswith(".mp4") else "open"
    return {word: link(store, link_key or stored.key, word), **_stored(stored)}


def _stored(stored: StoredObject) -> Metadata:
    return {
        "size_bytes": dg.MetadataValue.int(stored.size),
        "uri": dg.MetadataValue.text(stored.uri),
        "sha256": dg.MetadataValue.text(breakable(stored.sha256)),
    }


def breakable(digest: str) -> str:
    """Return a digest in groups of 16 characters, so that Dagit's table can break the line."""
    return " ".join(digest[start : start + 16] for start in range(0, len(digest), 16))


def seconds(value: float) -> dg.MetadataValue:
    """Return a duration, rounded for people."""
    return dg.MetadataValue.float(round(value, 2) or round(value, 4))


def chunk_metadata(store: ObjectStore, made: ChunkObject) -> Metadata:
    """Return the metadata of one object of a chunk, most important first."""
    spec = made.spec
    clip = ClipRecord.of(made.stored) if made.stage == "chunk_videos" else None
    metadata = {
        "preview": embedded("webp", load_moving(made)) if clip else preview(load_pictures(made)[0])
    }
    # An event's link plays the take that the event names, also when another one is chosen.
    metadata |= stored_metadata(store, made.stored, made.take_key)
    if made.stage in ("chunk_specs", "chunk_videos"):
        metadata["prompt"] = dg.MetadataValue.text(spec.prompt)
    if clip is not None:
        metadata["take"] = dg.MetadataValue.int(clip.take)
    metadata |= {
        "cost_usd": dg.MetadataValue.float(clip.cost_usd if clip else 0.0),
        "beat": dg.MetadataValue.text(str(spec.beat.get("name", ""))),
        "start_seconds": seconds(spec.start_time),
    }
    if clip is not None:
        metadata |= _clip_metadata(clip)
    metadata |= {
        "frames": dg.MetadataValue.int(spec.num_frames),
        "lead_in_frames": dg.MetadataValue.int(spec.overlap_frames),
        "fps": dg.MetadataValue.int(int(spec.fps)),
        "size": dg.MetadataValue.text(f"{spec.size[0]}x{spec.size[1]}"),
    }
    for name, value in made.details.items():
        metadata.setdefault(name, dg.MetadataValue.text(str(value)))
    last = _stored(made.stored)
    return {name: value for name, value in metadata.items() if name not in last} | last


def _ending_metadata(record: ClipRecord) -> Metadata:
    """Return how a clip comes to its end picture, if it was stretched to end on one."""
    measured = {"speed": record.speed, "end_held_seconds": record.end_held}
    return {name: dg.MetadataValue.float(float(text)) for name, text in measured.items() if text}


def _clip_metadata(record: ClipRecord) -> Metadata:
    metadata: Metadata = {
        "spent_usd": dg.MetadataValue.float(record.spent_usd),
        "seconds": seconds(record.seconds),
        "generator": dg.MetadataValue.text(record.generator),
        "model": dg.MetadataValue.text(record.model),
        "seed": dg.MetadataValue.int(record.seed),
        "held_frames": dg.MetadataValue.int(record.held_frames),
        **_ending_metadata(record),
    }
    if record.made_by:
        metadata["made_by"] = dg.MetadataValue.text(record.made_by)
    if record.tone_mapped:
        metadata["tone_mapped"] = dg.MetadataValue.text(record.tone_mapped)
    # Distances in CIE L*a*b*: 2.3 is just visible.
    for name, text in (
        ("colour_shift", record.colour_shift),
        ("colour_drift", record.colour_drift),
    ):
        if text:
            metadata[name] = dg.MetadataValue.float(round(distance(text), 3))
    return metadata
