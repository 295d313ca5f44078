"""The check `film_is_complete`: whether every planned chunk is up to date and stitched."""

from chunk_assets.checks import results
from chunk_assets.checks.results import Verdict
from chunk_assets.film.status import FilmStatus, ranges


def completeness_result(found: FilmStatus) -> Verdict:
    """Return the outcome of the check `film_is_complete`."""
    values: dict[str, results.Value] = {"chunks": found.chunks, "film": found.film}
    if found.missing:
        values["missing"] = ranges(found.missing)
    if found.stale:
        values["out_of_date"] = found.reasons
    values["complete_chunks"] = found.planned - len(found.missing) - len(found.stale)
    values["complete_chunks_allowed"] = found.planned
    passed = found.is_rendered and found.film == "up to date"
    return Verdict(results.COMPLETE, passed, found.sentence, values)
