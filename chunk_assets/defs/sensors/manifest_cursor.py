"""The cursor of the sensor of animatics: a kilobyte for any number of films.

Dagster stores a cursor with every tick, so it cannot name every film. It holds one digest for each
of 128 buckets of manifests: if the digest is the same, nothing in the bucket has changed. Dagster's
own events then tell which manifest in a changed bucket is new (`latest_observations`).

The time of the newest manifest, with a look-back, would not be enough: a manifest can appear with
an old time. A deleted version that is restored in a versioned bucket, a replicated object and a
server restored from a backup all keep the time of the first writing, however long ago that was.
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
"""With 10,000 films each holds 78; when one changes, Dagster is asked about all 78."""

_DIGEST_BYTES = 6
"""One change in 2**48 is overlooked."""

_UNSEEN = 2 ** (8 * _DIGEST_BYTES) - 1
"""The digest of a bucket that was never read; an empty bucket has another one."""

MAX_WAITING = 50
"""Limit on the films with a missing picture; each costs one S3 request per tick."""

MAX_TRIED = 50
"""Limit on the films whose tries are counted; a forgotten one starts again at zero."""


@dataclass(frozen=True)
class ListedManifest:
    """A manifest on S3, as a listing shows it."""

    listed: ListedObject

    @property
    def name(self) -> str:
        """The film's name, which may be unusable."""
        return self.listed.name

    @cached_property
    def stamp(self) -> str:
        """A digest that changes whenever the manifest is written, even with the same content.

        The ETag alone would miss new pictures, for which `submit` writes the same manifest again.
        """
        written = self.listed.last_modified.timestamp()
        text = f"{self.name}\n{self.listed.etag}\n{written}"
        return blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def bucket(self) -> int:
        """The bucket of its digest."""
        return bucket_of(self.name)


@dataclass
class ManifestCursor:
    """The cursor.

    Attributes:
        buckets: For each bucket, the digest of the manifests that are settled.
        asked: The films for which this tick requests a run: stamp and version by name. The next
            tick records them as settled. Dagster stores the cursor and the requests in one step
            after the tick; had this tick recorded them, a daemon killed before that step would have
            lost the film.
        waiting: The key of the missing picture, by film.
        limits: The deployment's limits at the last poll; "" before the first.
        tries: The number of ticks in which a film could not be planned, by name.
    """

    buckets: list[int] = field(default_factory=lambda: [_UNSEEN] * BUCKETS)
    asked: dict[str, tuple[str, str]] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    limits: str = ""
    tries: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> "ManifestCursor":
        """Read a cursor; an unreadable one (people can edit it in Dagit) counts as empty.

        Then each manifest is compared with Dagster's events, and settled ones stay settled.
        """
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
        """Return the cursor as Dagster stores it."""
        digests = b"".join(digest.to_bytes(_DIGEST_BYTES, "big") for digest in self.buckets)
        document = {
            "seen": base64.b64encode(digests).decode(),
            "asked": [[name, *what] for name, what in self.asked.items()],
            "waiting": list(self.waiting.items()),
            "limits": self.limits,
        } | ({"tries": list(self.tries.items())} if self.tries else {})
        return json.dumps(document, separators=(",", ":"))

    def look_under(self, limits: str) -> None:
        """Check every film again if the deployment's limits have changed."""
        if self.limits not in ("", limits):
            self.buckets = [0] * BUCKETS
        self.limits = limits

    def wait(self, name: str, key: str) -> None:
        """Look for a film's missing picture from now on; forget the oldest film of too many."""
        self.waiting.pop(name, None)
        self.waiting[name] = key
        if len(self.waiting) > MAX_WAITING:
            del self.waiting[next(iter(self.waiting))]

    def note_try(self, name: str, count: int) -> None:
        """Count the ticks in which a film could not be planned; forget the oldest of too many."""
        self.tries.pop(name, None)
        self.tries[name] = count
        if len(self.tries) > MAX_TRIED:
            del self.tries[next(iter(self.tries))]


def bucket_of(name: str) -> int:
    """Return the bucket of a film's manifest, by the film's name."""
    return zlib.crc32(name.encode()) % BUCKETS


def bucket_digest(manifests: Iterable[ListedManifest]) -> int:
    """Return one number for a set of manifests in any order."""
    digest = 0
    for manifest in manifests:
        digest ^= int(manifest.stamp[: 2 * _DIGEST_BYTES], 16)
    return digest
