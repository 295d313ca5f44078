"""Which films are finished, judging by S3 listings: one request per film, no object is read.

A film is finished if it is stored and newer than everything it is made from. If the listing cannot
decide that, as after the same manifest was written again, `film.status` compares the contents.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from chunk_assets.film.objects import (
    FILM_NAME,
    OUTPUT_NAME,
    FilmObjects,
    list_manifests,
    list_outputs,
)
from chunk_assets.storage.bucket import ListedObject
from chunk_assets.storage.store import ObjectStore

FEW = 100
"""Up to this many films are listed one by one; for more, the whole bucket is listed."""

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class FilmListing:
    """What S3 lists of films, by name.

    Attributes:
        manifests: The manifests.
        films: When each stored film was finished, which is when its output, the last object, was
            written.
        sizes: The stored films' sizes in bytes.
    """

    manifests: dict[str, ListedObject] = field(default_factory=dict)
    films: dict[str, datetime] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def may_be_current(self, video_id: str) -> bool:
        """Whether the film is stored and newer than its manifest; S3's times are whole seconds."""
        manifest, stored = self.manifests.get(video_id), self.films.get(video_id)
        return stored is not None and (manifest is None or manifest.last_modified < stored)


def list_films(store: ObjectStore, names: Sequence[str]) -> FilmListing:
    """List these films; a long listing also includes others.

    Raises:
        StorageError: S3 cannot be read.
    """
    found = FilmListing(manifests=dict(_manifests(store, names)))
    outputs = list(_outputs(store, names))
    stored = {video_id for video_id, listed in outputs if listed.name == FILM_NAME}
    for video_id, listed in outputs:
        if listed.name == FILM_NAME:
            found.sizes[video_id] = listed.size
        elif listed.name == OUTPUT_NAME and video_id in stored:
            found.films[video_id] = listed.last_modified
    return found


def newest_clip(store: ObjectStore, video_id: str) -> datetime:
    """Return when the newest of a film's clips was written; the earliest time if there is none.

    Raises:
        StorageError: S3 cannot be read.
    """
    clips = FilmObjects(store, video_id).list_clips()
    return max((clip.last_modified for clip in clips), default=_NEVER)


def _manifests(store: ObjectStore, names: Sequence[str]) -> Iterator[tuple[str, ListedObject]]:
    if len(names) > FEW:
        yield from ((listed.name, listed) for listed in list_manifests(store))
        return
    for name in names:
        for listed in store.listing(FilmObjects(store, name).manifest().key):
            if not listed.name:  # the manifest itself, not a longer key
                yield name, replace(listed, name=name)


def _outputs(store: ObjectStore, names: Sequence[str]) -> Iterator[tuple[str, ListedObject]]:
    if len(names) > FEW:
        yield from list_outputs(store)
        return
    for name in names:
        yield from ((name, listed) for listed in FilmObjects(store, name).list_output())
