"""Lineage: what Dagster's own resolver says of a film's partitions after each change."""

from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator
from chunk_assets_tests.manifests import small_manifest

pytestmark = pytest.mark.slow

CHUNK_ASSETS = ("chunk_specs", "composites", "chunk_videos", "last_frames")


@pytest.fixture
def studio(store: ObjectStore, instance: dg.DagsterInstance) -> Studio:
    """A film of three chunks, rendered and stitched."""
    studio = Studio(store, instance, HoldingGenerator())
    studio.submit()
    studio.render(range(3))
    studio.stitch()
    return studio


def stale(studio: Studio) -> dict[str, list[str]]:
    """What Dagster calls stale or missing, and the partitions of which input it names as why."""
    graph = studio.definitions.resolve_asset_graph()
    context = LoadingContextForTest(studio.instance)
    resolver = CachingStaleStatusResolver(studio.instance, graph, context)
    partitions = [(asset, f"{n:02d}|film") for asset in CHUNK_ASSETS for n in range(3)]
    found = {}
    for asset, partition in [*partitions, ("stitched_videos", "film")]:
        key = dg.AssetKey(asset)
        if resolver.get_status(key, partition).value != "FRESH":
            causes = resolver.get_stale_causes(key, partition)
            found[f"{asset} {partition}"] = [named(cause) for cause in causes]
    return found


def named(cause: Any) -> str:
    """A cause as text."""
    return f"{cause.dependency_asset_key.to_user_string()} {cause.dependency_partition_key}"


def test_a_rendered_film_is_fresh(studio: Studio):
    """Everything that was just made is fresh, film included."""
    assert stale(studio) == {}


def test_keeping_what_matches_leaves_it_fresh(studio: Studio):
    """A run that finds everything up to date changes nothing in Dagster's eyes."""
    studio.render(range(3), reuse="matching")
    assert stale(studio) == {}


def test_a_new_take_makes_the_next_composite_stale_and_the_film(studio: Studio):
    """After chunk 0 is rendered with other pixels, chunk 1's composite is stale, with the cause."""
    studio.render([0])
    assert stale(studio) == {
        "composites 01|film": ["previous_last_frames 01|film"],
        "stitched_videos film": ["chunk_videos 00|film"],
    }


def test_rendering_what_is_stale_makes_it_fresh_again(studio: Studio):
    """A matching run and a new film end the staleness."""
    studio.render([0])
    studio.render(range(3), reuse="matching")
    studio.stitch()
    assert stale(studio) == {}


def test_the_same_pixels_again_make_nothing_stale(studio: Studio):
    """A new take that gives the same clip leaves chunk 1 fresh, since its frame is the same."""
    studio.render(range(3), seed=7)
    studio.stitch()
    studio.render([0], seed=7)
    assert stale(studio) == {}


def test_a_changed_beat_makes_its_own_chunks_stale(studio: Studio):
    """After beat two's prompt changes and specs are planned, chunk 2 alone has a new spec."""
    document = small_manifest()
    document["beats"][1]["prompt_template"] = "{product_name} leaps"
    studio.submit(document=document)
    assert set(stale(studio)) == {
        *(f"chunk_specs 0{n}|film" for n in range(3)),
        "stitched_videos film",
    }
    studio.render(range(3), stages=["chunk_specs"])
    assert stale(studio) == {
        "composites 02|film": ["chunk_specs 02|film"],
        "chunk_videos 02|film": ["chunk_specs 02|film"],
        "stitched_videos film": ["animatics film"],
    }


def test_an_event_log_that_was_lost_is_filled_again(studio: Studio):
    """A new instance that finds the film stored records it without rendering anything."""
    with dg.DagsterInstance.ephemeral() as empty:
        again = Studio(studio.store, empty, HoldingGenerator())
        again.submit()
        assert again.render(range(3), reuse="matching").success
        assert again.generator.requests == []
        again.stitch()
        assert stale(again) == {}
