"""The errors a person can meet, each one sentence: what happened, the value, what is allowed.

::

    ChunkAssetsError
    ├── SpecError          what a person wrote cannot be used: manifest, name, number, choice
    │   └── NotAllowed     it could be used, but not within this deployment's limits
    ├── MediaError         a picture or a clip cannot be read, or is not what it should be
    │   ├── FFmpegError    an FFmpeg process failed
    │   ├── Unsupported    it is whole, but of a kind or size that is not accepted
    │   └── TooSlow        decoding it takes longer than this machine allows
    ├── GenerationError    a generator gave no clip
    │   ├── Rejected       it refused the request; asking again would not help
    │   │   ├── Declined   this model declined it; another might not
    │   │   └── OverBudget the film's limit of cost would be passed
    │   ├── TimedOut       it took too long
    │   └── Unavailable    it cannot be reached, or is busy
    ├── StorageError       an object cannot be written, read, or is not there
    │   ├── NotAnswering   S3 does not answer; it may later
    │   │   └── CutOff     its answer ended before it was whole
    │   ├── Damaged        what is stored is not what was written
    │   ├── NotStored      nothing is stored under that key
    │   └── Changed        somebody else has written it meanwhile
    ├── OutOfTime          looking at storage took longer than there was time for
    └── HandedOff           nothing is wrong: this process ends, and another goes on with the film

Only `TimedOut`, `Unavailable` and `NotAnswering` are worth asking again.
"""

from chunk_assets.sentences import shown


class ChunkAssetsError(Exception):
    """The root of the tree.

    Attributes:
        data: What the sentence speaks of, by name (a path, a key, the measured and the allowed
            value); becomes the metadata of the `dg.Failure` a person sees in Dagit.
    """

    def __init__(self, message: str, **data: object):
        super().__init__(shown(message))  # safe to show in a terminal or a browser
        self.data = data


class SpecError(ChunkAssetsError):
    """What a person wrote cannot be used."""


class NotAllowed(SpecError):
    """The deployment's limits do not allow it; other limits might."""


class MediaError(ChunkAssetsError):
    """A picture or a clip cannot be read, or is not what it should be."""


class FFmpegError(MediaError):
    """An FFmpeg process failed; `data` holds its arguments and the end of its log."""


class Unsupported(MediaError):
    """A video is whole, but of a kind or size that is not accepted: it stays so."""


class TooSlow(MediaError):
    """Decoding a video takes longer than this machine allows; it may be whole."""


class GenerationError(ChunkAssetsError):
    """A generator gave no clip."""


class Rejected(GenerationError):
    """The generator refused the request; asking again would not help."""


class Declined(Rejected):
    """The model declined this request, for its content or since it is gone; another might not."""


class OverBudget(Rejected):
    """The film's limit of cost would be passed."""


class TimedOut(GenerationError):
    """The generator took longer than it may."""


class Unavailable(GenerationError):
    """The generator cannot be reached, or is busy."""


class StorageError(ChunkAssetsError):
    """An object cannot be written, read, or is not what was stored."""


class NotAnswering(StorageError):
    """S3 does not answer, or answers that it cannot at the moment."""


class CutOff(NotAnswering):
    """S3's answer ended before it was whole, or changed on its way."""


class Damaged(StorageError):
    """What is stored is not what was written; `data` has its `key`."""


class NotStored(StorageError):
    """Nothing is stored under that key."""


class Changed(StorageError):
    """Somebody else has written the object since it was read."""


class OutOfTime(ChunkAssetsError):
    """Looking at storage took longer than there was time for; nothing is wrong with it."""


class Stopped(Exception):
    """The work was stopped by its caller, who needs no explanation: this is no error."""


class HandedOff(ChunkAssetsError):
    """This process ends, and another goes on with the film where it stands."""
