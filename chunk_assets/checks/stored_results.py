"""What was last judged of a chunk's clip, kept on S3 for the page and the checks."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from chunk_assets.checks.results import Verdict
from chunk_assets.errors import Damaged, NotStored
from chunk_assets.film.objects import FilmObjects
from chunk_assets.storage.store import ObjectStore
from chunk_assets.storage.stored import StoredObject


class JudgedClip(BaseModel):
    """Verdicts, and what they are about.

    Attributes:
        clip: The clip's `StoredObject.version`: `sha256:` and its digest, or its ETag where a
            person put it there.
        verdicts: In the order of `verdicts.OF_A_CHUNK`.
    """

    # A measure that is not a number is no JSON number either.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    clip: str
    verdicts: list[Verdict]


def store_verdicts(
    store: ObjectStore,
    video_id: str,
    chunk_num: int,
    clip: StoredObject | None,
    verdicts: Sequence[Verdict],
) -> None:
    """Keep what was judged of a clip in the place of what was judged before.

    Of a clip that is not there, nothing is kept.

    Raises:
        StorageError: S3 does not take it.
    """
    if clip is not None:
        judged = JudgedClip(clip=clip.version, verdicts=list(verdicts))
        FilmObjects(store, video_id).check_results(chunk_num).write_json(judged)


def stored_verdicts(
    store: ObjectStore, video_id: str, chunk_num: int, clip: StoredObject | None
) -> list[Verdict] | None:
    """What was judged of this clip; None where nobody has looked at it yet.

    Raises:
        StorageError: S3 cannot be reached.
    """
    if clip is None:
        return None
    try:
        results = FilmObjects(store, video_id).check_results(chunk_num)
        judged, _ = results.read_json(JudgedClip)
    except (NotStored, Damaged):  # as good as none: it is judged again
        return None
    return judged.verdicts if judged.clip == clip.version else None
