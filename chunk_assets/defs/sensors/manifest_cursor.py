"""What the sensor of animatics remembers between two ticks, in a kilobyte for any number of films.

Dagster keeps a cursor with every tick, so that it must not name every film. It holds one digest for
each of 128 buckets of manifests: the same digest means that nothing in the bucket is new. Which
film of a changed bucket is new, Dagster's own events tell (`sightings`).
"""

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

from chunk_assets.storage.bucket import ListedObject

BUCKETS = 128
"""At 10,000 films 78 are in each, which Dagster is asked about when one of them changes."""

_DIGEST_BYTES = 6
"""A change that is overlooked is one in 2**48."""

_UNSEEN = 2 ** (8 * _DIGEST_BYTES) - 1
"""The digest of a bucket that was not looked into: also one that is empty is, once."""

MAX_WAITING = 50
"""Each costs one request to S3 a tick."""

MAX_TRIED = 50
"""Films that are tried again; one that is forgotten is tried as if it were new."""


@dataclass(frozen=True)
class ListedManifest:
    """A manifest on S3, as the listing shows it."""

    listed: ListedObject

    @property
    def name(self) -> str:
        """The film's name, if it can be one."""
        return self.listed.name

    @cached_property
    def stamp(self) -> str:
        """Another one whenever the manifest is written, be it with the same content.

        The ETag alone would miss new pictures: `submit` then writes the same manifest again.
        """
        written = self.listed.last_modified.timestamp()
        text = f"{self.name}\n{self.listed.etag}\n{written}"
        return blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def bucket(self) -> int:
        """The bucket that its digest goes into."""
        return bucket_of(self.name)


@dataclass
class ManifestCursor:
    """The cursor.

    Attributes:
        buckets: The digest of what has been dealt with in each bucket.
        asked: Films for which a run was requested in this tick: stamp and version by name. That
            they are dealt with is recorded in the next one, since Dagster stores the cursor and the
            requests in one step, but events before that: a daemon that is killed between the two
            would have forgotten the film.
        waiting: Films of which a picture was missing: that picture's key by name.
        limits: Which limits of the deployment the last look was made under; "" before any.
        tries: Films that could not be planned in time: in how many ticks, by name.
    """

    buckets: list[int] = field(default_factory=lambda: [_UNSEEN] * BUCKETS)
    asked: dict[str, tuple[str, str]] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    limits: str = ""
    tries: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> "ManifestCursor":
        """Read it back; what nobody wrote (a person may change it in Dagit) is as none at all."""
        try:
            document = json.loads(text or "")
            digests = base64.b64decode(document["seen"], validate=True)
            if len(digests) != BUCKETS * _DIGEST_BYTES:
                return cls()
            steps = range(0, len(digests), _DIGEST_BYTES)
            return cls(
                [int.from_bytes(digests[step : step + _DIGEST_BYTES], "big") for step in steps],
                {str(name): (str(at), str(version)) for name, at, version in document["asked"]},
                {str(name): str(key) for name, key in document["waiting"]},
                str(document.get("limits", "")),
                {str(name): int(count) for name, count in document.get("tries", [])},
            )
        except (ValueError, KeyError, TypeError):
            return cls()

    def written(self) -> str:
        """The cursor as Dagster keeps it."""
        digests = b"".join(digest.to_bytes(_DIGEST_BYTES, "big") for digest in self.buckets)
        document = {
            "seen": base64.b64encode(digests).decode(),
            "asked": [[name, *what] for name, what in self.asked.items()],
            "waiting": list(self.waiting.items()),
            "limits": self.limits,
        } | ({"tries": list(self.tries.items())} if self.tries else {})
        return json.dumps(document, separators=(",", ":"))

    def look_under(self, limits: str) -> None:
        """Look at every film again where the deployment's limits are others than before."""
        if self.limits not in ("", limits):
            self.buckets = [0] * BUCKETS
        self.limits = limits

    def wait(self, name: str, key: str) -> None:
        """Look for a film's missing picture from now on, instead of the one that waits longest."""
        self.waiting.pop(name, None)
        self.waiting[name] = key
        if len(self.waiting) > MAX_WAITING:
            del self.waiting[next(iter(self.waiting))]

    def note_try(self, name: str, count: int) -> None:
        """Remember that a film could not be planned in so many ticks, and forget the oldest."""
        self.tries.pop(name, None)
        self.tries[name] = count
        if len(self.tries) > MAX_TRIED:
            del self.tries[next(iter(self.tries))]


def bucket_of(name: str) -> int:
    """Return the bucket of a film's manifest, by the film's name."""
    return zlib.crc32(name.encode()) % BUCKETS


def bucket_digest(manifests: Iterable[ListedManifest]) -> int:
    """One number for a set of manifests, whatever their order."""
    digest = 0
    for manifest in manifests:
        digest ^= int(manifest.stamp[: 2 * _DIGEST_BYTES], 16)
    return digest
