"""Where a film's objects are on S3. No other module asks `storage.keys`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chunk_assets.errors import StorageError
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.ledger import Ledger
from chunk_assets.storage import keys
from chunk_assets.storage.bucket import ListedObject
from chunk_assets.storage.objects import ObjectRef
from chunk_assets.storage.store import ObjectStore

FILM_NAME, OUTPUT_NAME = keys.STITCHED, keys.OUTPUT
"""Names in the listing of a film's output."""

_CHUNK = re.compile(r"/(?:chunk|seam)_([0-9]+)")


@dataclass(frozen=True)
class FilmObjects:
    """The objects of one film: the animatic, the chunks, and what is made of them."""

    store: ObjectStore
    video_id: str

    def manifest(self) -> ObjectRef:
        """The animatic's manifest, which is written last."""
        return self._ref(keys.manifest(self.video_id))

    def animatic_file(self, name: str) -> ObjectRef:
        """A picture that the manifest names."""
        return self._ref(keys.animatic_file(self.video_id, name))

    def spec(self, chunk_num: int) -> ObjectRef:
        """A chunk's `ChunkSpec`."""
        return self._ref(keys.chunk_spec(self.video_id, chunk_num))

    def composite(self, chunk_num: int) -> ObjectRef:
        """The picture that a chunk's clip is conditioned on."""
        return self._ref(keys.composite(self.video_id, chunk_num))

    def clip(self, chunk_num: int) -> ObjectRef:
        """A chunk's clip."""
        return self._ref(keys.chunk_video(self.video_id, chunk_num))

    def last_frame(self, chunk_num: int) -> ObjectRef:
        """A chunk's last frame."""
        return self._ref(keys.last_frame(self.video_id, chunk_num))

    def seam(self, chunk_num: int) -> ObjectRef:
        """The blend of a chunk's clip with the one before it."""
        return self._ref(keys.seam(self.video_id, chunk_num))

    def check_results(self, chunk_num: int) -> ObjectRef:
        """The results of the checks of a chunk's clip."""
        return self._ref(keys.check_results(self.video_id, chunk_num))

    def take(self, chunk_num: int, number: int, name: str) -> ObjectRef:
        """An object of one take of a chunk, by its name in the take's folder."""
        return self._ref(keys.take(self.video_id, chunk_num, number) + name)

    def choices(self, chunk_num: int) -> ObjectRef:
        """What people chose among a chunk's takes."""
        return self._ref(keys.choices(self.video_id, chunk_num))

    def list_takes(self, chunk_num: int) -> dict[int, dict[str, ListedObject]]:
        """List the objects of a chunk's takes, by take number and name; takes one request."""
        takes: dict[int, dict[str, ListedObject]] = {}
        for listed in self.store.listing(keys.takes(self.video_id, chunk_num), deep=True):
            folder, _, name = listed.name.partition("/")
            number = re.fullmatch(r"take_(\d{2,6})", folder)
            if number and name:
                takes.setdefault(int(number[1]), {})[name] = replace(listed, name=name)
        return dict(sorted(takes.items()))

    def ledger(self) -> Ledger:
        """The ledgers of the chunks: what was requested of paid generators, and what it cost."""
        return Ledger(self.store, self.video_id, keys.ledgers(self.video_id), self._recorded_usd)

    def _recorded_usd(self, chunk_num: int) -> float:
        """Return what the record of a chunk's clip says that the chunk cost."""
        stored = self.clip(chunk_num).head()
        try:
            return ClipRecord.of(stored).spent_usd if stored else 0.0
        except StorageError:  # another program's clip has no record
            return 0.0

    def film(self) -> ObjectRef:
        """The stitched film."""
        return self._ref(keys.stitched_video(self.video_id))

    def output(self) -> ObjectRef:
        """The film's `ChunkGenerationOutput`, written after the film."""
        return self._ref(keys.output(self.video_id))

    def page(self) -> ObjectRef:
        """The film page."""
        return self._ref(keys.page(self.video_id))

    def stage(self, asset: str, chunk_num: int) -> ObjectRef:
        """A chunk's object by the name of its asset."""
        return {
            "chunk_specs": self.spec,
            "composites": self.composite,
            "chunk_videos": self.clip,
            "last_frames": self.last_frame,
        }[asset](chunk_num)

    def list_clips(self) -> Iterator[ListedObject]:
        """List the stored clips, including those that are not in the plan."""
        return self.store.listing(keys.clips(self.video_id), ".mp4")

    def stored_clips(self) -> set[int]:
        """Return the numbers of the chunks that have a clip; takes one request."""
        numbers = {_number(clip.name) for clip in self.list_clips()}
        return {number for number in numbers if number is not None}

    def list_output(self) -> Iterator[ListedObject]:
        """List the film, its output and its page."""
        return self.store.listing(keys.film(self.video_id))

    def can_be_made_again(self, key: str) -> bool:
        """Whether the key is one of this film's, and not that of a ledger."""
        folders = (
            keys.clips(self.video_id),
            keys.film(self.video_id),
            keys.animatic_files(self.video_id),
        )
        is_ours = key == keys.manifest(self.video_id) or key.startswith(folders)
        return is_ours and not key.startswith(keys.ledgers(self.video_id))

    def chunk_of(self, key: str) -> int | None:
        """Return the chunk that an object belongs to, None if it is of the whole film."""
        found = _CHUNK.search(key)
        return int(found[1]) if found and key.startswith(keys.clips(self.video_id)) else None

    def _ref(self, key: str) -> ObjectRef:
        return ObjectRef(self.store, key)


def list_manifests(store: ObjectStore) -> Iterator[ListedObject]:
    """List the manifests; their names are those of the films."""
    return store.listing(keys.ANIMATICS, ".json")


def list_outputs(store: ObjectStore) -> Iterator[tuple[str, ListedObject]]:
    """List what is stored of stitched films, by film."""
    for listed in store.listing(keys.FILMS, deep=True):
        video_id, _, name = listed.name.partition("/")
        yield video_id, replace(listed, name=name)


def animatic_file_at(store: ObjectStore, uri: str) -> ObjectRef:
    """Return the picture of an animatic by its S3 URI.

    Raises:
        StorageError: The URI is not that of an animatic's file in this bucket.
    """
    prefix = store.uri(keys.ANIMATICS)
    if not uri.startswith(prefix):
        raise StorageError(f"{uri!r} is not a picture of an animatic under {prefix}")
    return ObjectRef(store, uri.removeprefix(store.uri("")))


def day_spending_object(store: ObjectStore, day: str) -> ObjectRef:
    """Return the account of what films started by the sensor cost on a day like "2026-11-28"."""
    return ObjectRef(store, keys.day_spending(day))


def remedy(key: str) -> str:
    """Return the end of a sentence: how to replace a damaged object."""
    if key.startswith(keys.ANIMATICS):
        return "; submit the animatic again"
    if "/predictions/" in key or "/takes/" in key or not key.startswith((keys.CHUNKS, keys.FILMS)):
        return ""
    return "; render the film again"


def _number(name: str) -> int | None:
    found = re.fullmatch(r"chunk_(\d{2,})", name)
    return int(found[1]) if found and name == f"chunk_{int(found[1]):02d}" else None
