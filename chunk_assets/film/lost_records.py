"""Find the take that a clip without a record is a copy of."""

from chunk_assets.film.records import clip_record
from chunk_assets.film.take_records import CLIP
from chunk_assets.film.takes import StoredTake, Takes
from chunk_assets.storage.stored import StoredObject


def take_of_lost_record(takes: Takes, clip: StoredObject | None) -> StoredTake | None:
    """Return the take with the size and ETag of a clip that has lost its record.

    Some programs that copy objects leave the record out. Copying the take over such a clip loses
    nothing, since its content is the same.

    Returns:
        The take; None if the clip has a record, or is that of no take: it may be a person's own.

    Raises:
        StorageError: S3 does not answer.
    """
    if clip is None or not clip.etag or clip_record(clip) is not None:
        return None
    for number, listed in takes.listed.items():
        own = listed.objects.get(CLIP)
        if own is not None and (own.size, own.etag) == (clip.size, clip.etag):
            take = takes.stored(number)
            if take is not None:
                return take
    return None
