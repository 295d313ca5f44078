"""The errors that users see. Each is one sentence: what happened, the value, what is allowed.

::

    ChunkAssetsError
    ├── SpecError          a manifest, name, number or choice is invalid
    │   └── NotAllowed     it is valid, but exceeds this deployment's limits
    ├── MediaError         a picture or a clip cannot be read, or has the wrong format
    │   ├── FFmpegError    an FFmpeg process failed
    │   ├── Unsupported    it is intact, but its format or size is not supported
    │   └── TooSlow        decoding it exceeds the time limit
    ├── GenerationError    a generator delivered no clip
    │   ├── Rejected       it refused the request; a retry would not help
    │   │   ├── Declined   this model declined the content; another might accept it
    │   │   └── OverBudget the film's cost limit would be exceeded
    │   ├── TimedOut       it exceeded its timeout
    │   └── Unavailable    it is unreachable or busy
    ├── StorageError       an object cannot be read or written, or does not exist
    │   ├── NotAnswering   S3 does not respond; a retry may help
    │   │   └── CutOff     its response ended early
    │   ├── Damaged        the stored object differs from what was written
    │   ├── NotStored      no object has that key
    │   └── Changed        another process has written the object meanwhile
    ├── OutOfTime          reading storage exceeded the time limit
    └── HandedOff           not a failure: this process ends, and another one continues the film

Only `TimedOut`, `Unavailable` and `NotAnswering` are retried.
"""

from chunk_assets.sentences import shown


class ChunkAssetsError(Exception):
    """The root of the tree.

    Attributes:
        data: The values in the sentence, by name: a path, a key, the measured and the allowed
            value. They become the metadata of the `dg.Failure` that Dagit shows.
    """

    def __init__(self, message: str, **data: object):
        super().__init__(shown(message))  # without control characters and passwords
        self.data = data


class SpecError(ChunkAssetsError):
    """A manifest, name, number or choice is invalid."""


class NotAllowed(SpecError):
    """The request is valid, but exceeds the deployment's limits."""


class MediaError(ChunkAssetsError):
    """A picture or a clip cannot be read, or has the wrong format."""


class FFmpegError(MediaError):
    """An FFmpeg process failed; `data` holds its arguments and the end of its log."""


class Unsupported(MediaError):
    """A video is intact, but its format or size is not supported; a retry would not help."""


class TooSlow(MediaError):
    """Decoding a video exceeds the time limit; the video may be intact."""


class GenerationError(ChunkAssetsError):
    """A generator delivered no clip."""


class Rejected(GenerationError):
    """The generator refused the request; a retry would not help."""


class Declined(Rejected):
    """The model declined the content or no longer exists; another model might accept it."""


class OverBudget(Rejected):
    """The film's cost limit would be exceeded."""


class TimedOut(GenerationError):
    """The generator exceeded its timeout."""


class Unavailable(GenerationError):
    """The generator is unreachable or busy."""


class StorageError(ChunkAssetsError):
    """An object cannot be read or written, or does not exist."""


class NotAnswering(StorageError):
    """S3 does not respond, or reports a temporary failure."""


class CutOff(NotAnswering):
    """S3's response ended early or was corrupted in transit."""


class Damaged(StorageError):
    """The stored object differs from what was written; `data` has its `key`."""


class NotStored(StorageError):
    """No object has that key."""


class Changed(StorageError):
    """Another process has written the object since it was read."""


class OutOfTime(ChunkAssetsError):
    """Reading storage exceeded the time limit; the storage itself works."""


class Stopped(Exception):
    """The caller stopped the work. This is not an error, so it has no message."""


class HandedOff(ChunkAssetsError):
    """This process ends, and another one continues the film from its stored chunks."""
