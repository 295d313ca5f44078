"""Keeps delivered files as takes' originals, each with the record of its take."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from chunk_assets.errors import MediaError
from chunk_assets.film.fingerprints import clip_fingerprint
from chunk_assets.film.take_records import ORIGINAL, TAKE, OriginalRecord, TakeRecord
from chunk_assets.media.originals import UNKNOWN_TYPE, Original, measure_original
from chunk_assets.render.context import RenderContext
from chunk_assets.render.finishing_queue import Objects
from chunk_assets.render.made import Rendered
from chunk_assets.storage.stored import StoredObject


def keep_original(context: RenderContext, rendered: Rendered) -> Objects:
    """Store a clip as it was delivered, and have the generator record that it is fetched.

    Raises:
        StorageError: S3 does not accept it, so it counts as not fetched.
    """
    path, number = rendered.clip.path, rendered.inputs.spec.chunk_num
    measured = measured_if_video(path)
    suffix, kind = measured.file_type if measured else UNKNOWN_TYPE
    ref = context.objects.take(number, rendered.take, ORIGINAL + suffix)
    record = take_record(context, rendered)
    stored = context.store.put_file(ref.key, path, kind, record.as_metadata())
    write_record(context, number, record, stored, measured)
    context.generator.original_stored(number, rendered.clip, stored.sha256)
    return []


def measured_if_video(path: Path) -> Original | None:
    """Measure a delivered clip; return None if it cannot be read: it was paid for, too."""
    with suppress(MediaError):
        return measure_original(path)
    return None


def take_record(context: RenderContext, made: Rendered) -> TakeRecord:
    """Return the record of a take, without its original."""
    generator, clip = context.generator.name, made.clip
    return TakeRecord(
        take=made.take,
        fingerprint=clip_fingerprint(
            made.inputs.spec, made.inputs.composite.version, generator, made.model
        ),
        generator=generator,
        model=made.model,
        made_by=clip.made_by,
        request=clip.request,
        prediction_id=clip.prediction_id,
        seed=made.seed,
        prompt=made.inputs.spec.prompt,
        cost_usd=clip.cost_usd,
        seconds=round(made.seconds, 3),
        root_run=context.request.root_run,
        made_at=datetime.now(UTC),
    )


def write_record(
    context: RenderContext,
    chunk_num: int,
    record: TakeRecord,
    stored: StoredObject,
    measured: Original | None,
) -> None:
    """Store the record of a take, with its stored original."""
    original = OriginalRecord(
        name=PurePosixPath(stored.key).name,
        sha256=stored.sha256,
        size=stored.size,
        measured=measured,
    )
    context.objects.take(chunk_num, record.take, TAKE).write_json(
        record.model_copy(update={"original": original})
    )
