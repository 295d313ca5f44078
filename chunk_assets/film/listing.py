"""Whether films are finished, told from what S3 lists: a request a film, and nothing read.

A film is finished when it is stored and nothing that it is made from was written after it. What a
listing cannot decide (a manifest written again, be it with the same content) is looked at whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from chunk_assets.film.objects import FilmObjects, list_manifests, list_outputs
from chunk_assets.storage.bucket import ListedObject
from chunk_assets.storage.store import ObjectStore

FEW = 100
"""Films that are asked for one by one; for more, everything that is stored is listed."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_STITCHED, _OUTPUT = "stitched.mp4", "output.json"


@dataclass(frozen=True)
class Listed:
    """What S3 lists of films.

    Attributes:
        manifests: The manifest of each film that has one.
        films: When each stored film was complete: its output is written last.
        sizes: Bytes of each stored film.
    """

    manifests: dict[str, ListedObject] = field(default_factory=dict)
    films: dict[str, datetime] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def may_be_current(self, video_id: str) -> bool:
        """Whether the film is stored and its manifest older: S3's times are whole seconds."""
        manifest, stored = self.manifests.get(video_id), self.films.get(video_id)
        return stored is not None and (manifest is None or manifest.last_modified < stored)


def listed(store: ObjectStore, names: Sequence[str]) -> Listed:
    """What is listed of these films, and with many of them also of others.

    Raises:
        StorageError: S3 cannot be read.
    """
    found = Listed()
    complete: dict[str, set[str]] = {}
    for name, manifest in _manifests(store, names):
        found.manifests[name] = manifest
    for name, each in _films(store, names):
        complete.setdefault(name, set()).add(each.name)
        if each.name == _OUTPUT:
            found.films[name] = each.last_modified
        elif each.name == _STITCHED:
            found.sizes[name] = each.size
    for name, parts in complete.items():
        if not parts >= {_STITCHED, _OUTPUT}:
            found.films.pop(name, None)
    return found


def newest_clip(store: ObjectStore, video_id: str) -> datetime:
    """When the last of a film's clips was written; long ago where there is none.

    Raises:
        StorageError: S3 cannot be read.
    """
    clips = FilmObjects(store, video_id).list_clips()
    return max((clip.last_modified for clip in clips), default=_NEVER)


def _manifests(store: ObjectStore, names: Sequence[str]) -> Iterator[tuple[str, ListedObject]]:
    if len(names) > FEW:
        for each in list_manifests(store):
            yield each.name, each
        return
    for name in names:
        for each in store.listing(FilmObjects(store, name).manifest().key):
            if not each.name:  # the key itself, and not one that goes on behind it
                yield name, replace(each, name=name)


def _films(store: ObjectStore, names: Sequence[str]) -> Iterator[tuple[str, ListedObject]]:
    if len(names) > FEW:
        yield from list_outputs(store)
        return
    for name in names:
        yield from ((name, each) for each in FilmObjects(store, name).list_output())
