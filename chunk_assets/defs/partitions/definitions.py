"""The partitions: films by name, and the chunks of films.

People can add any key in Dagit. A key that cannot name a film or a chunk, such as `seven`, is
foreign (`is_usable`); it is never rendered.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Sequence

import dagster as dg

from chunk_assets.dagster_internals.tag_names import RANGE_END, RANGE_START
from chunk_assets.errors import SpecError
from chunk_assets.schemas import VIDEO_ID as FILM_NAME

OWNERS = ["team:film"]
"""The owner of every asset in Dagit; deployments with several teams change it here."""

VIDEO_ID = "video_id"
CHUNK_NUM = "chunk_num"

SEPARATOR = "|"
"""The separator that Dagster writes between a chunk's number and its film."""

videos = dg.DynamicPartitionsDefinition(name=VIDEO_ID)
chunk_nums = dg.DynamicPartitionsDefinition(name=CHUNK_NUM)
chunks = dg.MultiPartitionsDefinition({VIDEO_ID: videos, CHUNK_NUM: chunk_nums})
"""A key is `03|film`: Dagster joins the dimensions in the order of their names."""

with warnings.catch_warnings():
    # Beta in Dagster 1.13, without an alternative; the warning helps no user.
    warnings.simplefilter("ignore", dg.BetaWarning)
    of_film = dg.MultiToSingleDimensionPartitionMapping(VIDEO_ID)
    """Maps a film's chunks to the film, and the film to all of its chunks."""


def chunk_key(video_id: str, chunk_num: int) -> str:
    """Return the partition key of a chunk, such as `03|film`."""
    return f"{chunk_num:02d}|{video_id}"


_CHUNK_NUM = re.compile(r"[0-9]{2}|[1-9][0-9]{2,4}")

_FORMS = {
    VIDEO_ID: "a film's name has 1 to 64 letters, digits, '-', '_' or single dots",
    CHUNK_NUM: "a chunk number has at least two digits, such as '07' or '112'",
}

REMOVE = "remove it with chunk-assets retire --foreign"


def is_usable(dimension: str, key: str) -> bool:
    """Return whether a key of `VIDEO_ID` or `CHUNK_NUM` can name a film or a chunk."""
    form = _CHUNK_NUM if dimension == CHUNK_NUM else FILM_NAME
    return form.fullmatch(key) is not None


def read_chunk_key(key: str) -> tuple[str, int] | None:
    """Return the film and the chunk number of a partition key such as `03|film`.

    Returns:
        None if the key is foreign.
    """
    number, _, video_id = key.partition(SEPARATOR)
    if not (is_usable(CHUNK_NUM, number) and is_usable(VIDEO_ID, video_id)):
        return None
    return video_id, int(number)


def film_part(key: str) -> str:
    """Return the film of a partition key such as `03|film` or `film`, also of a foreign one."""
    number, separator, video_id = key.partition(SEPARATOR)
    return video_id if separator else number


def by_film(partition_keys: Iterable[str]) -> dict[str, list[int]]:
    """Return chunk numbers in order by film; films are in the order of the keys.

    Foreign keys are left out.
    """
    films: dict[str, list[int]] = {}
    for key in partition_keys:
        if read := read_chunk_key(key):
            films.setdefault(read[0], []).append(read[1])
    return {film: sorted(numbers) for film, numbers in films.items()}


def refuse_foreign(
    partition_keys: Sequence[str], log: Callable[[str], None], *, are_films: bool = False
) -> None:
    """Log which selected keys are foreign and are left out.

    Args:
        partition_keys: The keys that a run or a check selected.
        log: Called with one sentence if any key is foreign.
        are_films: Whether the keys name films, not chunks.

    Raises:
        SpecError: All selected keys are foreign.
    """
    foreign = [
        key
        for key in partition_keys
        if not (is_usable(VIDEO_ID, key) if are_films else read_chunk_key(key))
    ]
    if not foreign:
        return
    sentence = _refusal(foreign, are_films)
    if len(foreign) == len(partition_keys):
        raise SpecError(sentence, partition=shown(foreign[0]))
    log(f"left out: {sentence}")


def _refusal(foreign: Sequence[str], are_films: bool) -> str:
    first = foreign[0]
    is_number = not are_films and not is_usable(CHUNK_NUM, first.partition(SEPARATOR)[0])
    others = f" (and {len(foreign) - 1} more)" if len(foreign) > 1 else ""
    names = "film" if are_films else "chunk"
    form = _FORMS[CHUNK_NUM if is_number else VIDEO_ID]
    return f"the partition {shown(first)}{others} names no {names}: {form}; {REMOVE}"


def shown(key: str) -> str:
    """Return a key for a message: quoted, escaped and not too long."""
    return repr(key) if len(key) <= 60 else f"{key[:40]!r}… ({len(key)} characters)"


def range_tags(video_id: str, numbers: Sequence[int]) -> dict[str, str]:
    """Return the tags of a run over a range of one film's chunks."""
    return {
        RANGE_START: chunk_key(video_id, min(numbers)),
        RANGE_END: chunk_key(video_id, max(numbers)),
    }
