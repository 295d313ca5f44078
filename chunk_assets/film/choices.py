"""Read and change what people chose among a chunk's takes."""

from collections.abc import Callable

from chunk_assets.errors import Changed, Damaged, NotStored, StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.take_records import Choices
from chunk_assets.storage.objects import JSON, ObjectRef, json_bytes
from chunk_assets.storage.stored import StoredObject

_WRITES = 20
"""Limit on conditional writes of one change; each fails only if another writer succeeded."""


def read_choices(objects: FilmObjects, chunk_num: int) -> Choices:
    """Return a chunk's choices; none if nothing was chosen, or the object is damaged.

    Raises:
        StorageError: S3 does not answer.
    """
    return _read(objects.choices(chunk_num))[0]


def change_choices(
    objects: FilmObjects, chunk_num: int, change: Callable[[Choices], Choices]
) -> None:
    """Change a chunk's choices, without losing a change that another process makes.

    Raises:
        StorageError: It cannot be written.
    """
    ref = objects.choices(chunk_num)
    for _ in range(_WRITES):
        before, stored = _read(ref)
        after = change(before)
        if after == before:
            return
        try:
            objects.store.replace_bytes(ref.key, json_bytes(after), JSON, before=stored)
        except Changed:
            continue
        return
    raise StorageError(f"{ref.uri} was changed by other processes {_WRITES} times in a row")


def _read(ref: ObjectRef) -> tuple[Choices, StoredObject | None]:
    try:
        return ref.read_json(Choices)
    except NotStored:
        return Choices(), None
    except Damaged:
        return Choices(), ref.head()
