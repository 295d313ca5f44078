"""Which chunks each Dagster run of `render` covers, and which stored clips it keeps."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

from chunk_assets.cli.repairs import Repairs

CHUNKS_A_RUN = 60
"""Dagster keeps all events of a run in this process in memory, 0.2 MB a chunk. With a limit on the
chunks of a run, memory does not grow with the film's length."""


@dataclass(frozen=True)
class RunRange:
    """The chunks of one run.

    Attributes:
        numbers: The chunks.
        reuse: The run config's `reuse`: "matching" keeps clips that are up to date, "this_run"
            renders new takes.
    """

    numbers: range
    reuse: str


def requested_ranges(
    count: int, again: range | None, only: bool, repairs: Repairs
) -> list[RunRange]:
    """Return the runs of a `render`; damaged chunks among them are reported.

    Args:
        count: How many chunks the film has.
        again: The chunks of which to render a new take; None for none.
        only: Whether to keep later chunks as they are.
        repairs: Reports damaged chunks.

    Raises:
        StorageError: A clip that would be overwritten was not made by chunk_assets.
    """
    if again is None:
        return _matching(range(count), repairs.announce(range(count)))
    ranges = _in_runs(again, "this_run")
    later = range(again[-1] + 1, count)
    if later and not only:
        ranges += _matching(later, repairs.announce(later))
    return ranges


def ranges_to_repair(chunk_num: int, count: int, *, only: bool) -> list[RunRange]:
    """Return the runs that repair a damaged chunk, or with -1 an object of the whole film."""
    if only:
        return [RunRange(range(chunk_num, chunk_num + 1), "matching")] if chunk_num >= 0 else []
    return _in_runs(range(count), "matching")


def _in_runs(numbers: range, reuse: str) -> list[RunRange]:
    starts = range(0, len(numbers), CHUNKS_A_RUN)
    return [RunRange(numbers[start : start + CHUNKS_A_RUN], reuse) for start in starts]


def _matching(numbers: range, replaced: Collection[int]) -> list[RunRange]:
    """Return runs that keep clips that are up to date, except new takes of replaced chunks."""
    ranges = []
    for is_replaced, group in groupby(numbers, lambda number: number in replaced):
        members = list(group)
        reuse = "this_run" if is_replaced else "matching"
        ranges += _in_runs(range(members[0], members[-1] + 1), reuse)
    return ranges
