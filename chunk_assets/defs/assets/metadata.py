"""The metadata of materializations that people see in Dagit."""

import base64
from collections.abc import Sequence
from io import BytesIO

import dagster as dg
from PIL import Image

from chunk_assets.film.colour_record import distance
from chunk_assets.film.records import ClipRecord
from chunk_assets.media.images import animation_webp, thumbnail_jpeg
from chunk_assets.render.previews import load_pictures
from chunk_assets.render.request import ChunkObject
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject

MAX_PREVIEW = 32_000
"""Limit on the characters of a preview's data URI, which each event keeps in Dagster's log."""

MAX_MOVING_PREVIEW = 64_000
"""The same limit for a moving preview."""

FEWEST_PICTURES = 2
"""Minimum number of pictures in a moving preview."""

PREVIEW_WIDTH = 640
"""Width of a preview in pixels, enough to see faults in a picture."""

Metadata = dict[str, dg.MetadataValue]


def preview(pictures: Sequence[Image.Image], seconds: float = 0.0) -> dg.MetadataValue:
    """Return a small picture inside the metadata itself, moving if there are several pictures.

    Args:
        pictures: One or more.
        seconds: How long several pictures play.
    """
    if len(pictures) > 1:
        kind, content = "webp", _moving(pictures, seconds)
    else:
        kind, content = "jpeg", thumbnail_jpeg(pictures[0], _room(MAX_PREVIEW), _side(pictures[0]))
    encoded = base64.b64encode(content).decode()
    return dg.MetadataValue.md(f"![preview](data:image/{kind};base64,{encoded})")


def _moving(pictures: Sequence[Image.Image], seconds: float) -> bytes:
    """Return an animation, with fewer pictures if all of them would have to be smaller."""
    room = _room(MAX_MOVING_PREVIEW)
    while True:
        content = animation_webp(pictures, room, seconds, _side(pictures[0]))
        with Image.open(BytesIO(content)) as first:
            is_wide = first.width >= min(PREVIEW_WIDTH, pictures[0].width)
        if is_wide or len(pictures) <= FEWEST_PICTURES:
            return content
        pictures = pictures[::2]


def _side(picture: Image.Image) -> int:
    """Return the longer side of a picture as wide as a preview."""
    return max(PREVIEW_WIDTH, -(-PREVIEW_WIDTH * picture.height // picture.width))


def _room(characters: int) -> int:
    """Return how many bytes fit into a base64 preview of this many characters."""
    return (characters - len("![preview](data:image/jpeg;base64,)")) * 3 // 4 - 3


def link(store: ObjectStore, key: str, word: str) -> dg.MetadataValue:
    """Return a link that reads as one word; Dagit would show the URL in full, on five lines.

    Dagit shows a link of over 1,000 characters, as with a session token, only after a click.
    """
    return dg.MetadataValue.md(f"[{word}]({store.link(key)})")


def stored_metadata(store: ObjectStore, stored: StoredObject) -> Metadata:
    """Return the metadata of an object: its link first; its size, URI and digest last."""
    word = "watch" if stored.key.endswith(".mp4") else "open"
    return {word: link(store, stored.key, word), **_stored(stored)}


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
    moving_seconds = float(spec.fps.seconds(spec.num_frames))
    metadata = {"preview": preview(load_pictures(made), moving_seconds)}
    metadata |= stored_metadata(store, made.stored)
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


def _clip_metadata(record: ClipRecord) -> Metadata:
    metadata: Metadata = {
        "spent_usd": dg.MetadataValue.float(record.spent_usd),
        "seconds": seconds(record.seconds),
        "generator": dg.MetadataValue.text(record.generator),
        "model": dg.MetadataValue.text(record.model),
        "seed": dg.MetadataValue.int(record.seed),
        "held_frames": dg.MetadataValue.int(record.held_frames),
    }
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
