"""The film page: one HTML file that a director reads and passes on."""

import dagster as dg

from chunk_assets.defs.assets.metadata import stored_metadata
from chunk_assets.defs.partitions.definitions import OWNERS, videos
from chunk_assets.defs.resources import FilmStore
from chunk_assets.defs.runs.failures import as_failures
from chunk_assets.film.plan import plan_film
from chunk_assets.report.page import write_page


@dg.asset(
    partitions_def=videos,
    deps=["stitched_videos"],
    group_name="films",
    owners=OWNERS,
    kinds={"s3", "html"},
    code_version="1",
    description=(
        "The film page: the film and each of its chunks with pictures, clip, prompt, seed, cost "
        "and check results, in one HTML file that needs no network. It is written again whenever "
        "the film is stitched or its chunks are checked."
    ),
)
def film_pages(context: dg.AssetExecutionContext, films: FilmStore) -> dg.MaterializeResult:
    """Write the page of one film."""
    with as_failures():
        store = films.store()
        stored = write_page(films.home(), store, plan_film(store, context.partition_key))
        return dg.MaterializeResult(metadata=stored_metadata(store, stored))
