"""Find clips that are intact objects, but cannot be decoded or have the wrong format."""

from pathlib import Path

from chunk_assets.errors import Damaged, MediaError, TooSlow, Unsupported
from chunk_assets.media.containers import open_video
from chunk_assets.media.frames import probe
from chunk_assets.media.stream_signature import StreamSignature
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject


def check_clip(store: ObjectStore, stored: StoredObject, path: Path, spec: ChunkSpec) -> None:
    """Check that a stored clip can be decoded, and has the format of its record.

    This decodes every frame, so it is called only after something made from the clip has failed.
    The store remembers the damage, and the chunk is rendered again.

    Args:
        store: The bucket.
        stored: The clip.
        path: A file with its content.
        spec: Its chunk.

    Raises:
        Damaged: The clip cannot be used.
    """
    reason = _fault(path, StreamSignature.read(stored.record.get("form", "")))
    if not reason:
        return
    store.remember_damage(stored, reason)
    raise Damaged(
        f"{stored.uri}, the clip of chunk {spec.chunk_num} of film {spec.video_id!r}, is damaged: "
        f"{reason}; run 'chunk-assets render' again, or materialize that chunk",
        uri=stored.uri,
        key=stored.key,
        reason=reason,
    )


def _fault(path: Path, recorded: StreamSignature | None) -> str:
    """Describe what is wrong with a clip; empty if nothing is, or this machine cannot tell."""
    try:
        info = probe(path)
        with open_video(path) as video:
            decoded = sum(not frame.is_corrupt for frame in video.frames())
    except (Unsupported, TooSlow):  # a limit of this machine does not justify another paid clip
        return ""
    except MediaError as error:
        shown = repr(str(path))
        said = str(error).replace(f"the video {shown}", "it").replace(shown, "it")
        return f"it cannot be decoded ({said})"
    if decoded < info.frames:
        return f"only {decoded} of its {info.frames} frames can be decoded"
    measured = StreamSignature.of(info)
    if recorded is not None and _shape(measured) != _shape(recorded):
        return f"it has {_shape(measured)} instead of {_shape(recorded)}"
    return ""


def _shape(form: StreamSignature) -> str:
    width, height = form.size
    return f"{form.frames} frames at {form.fps} fps of {width}x{height}"
