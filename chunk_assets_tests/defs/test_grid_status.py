"""What Dagster keeps of the grid is carried over, and says what Dagster itself would find."""

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.storage.partition_status_cache import (
    AssetStatusCacheValue,
    get_and_update_asset_status_cache_value,
)

from chunk_assets.defs.grid import register, unregister
from chunk_assets.defs.grid_status import BY_CHUNK, BY_FILM, carried_over
from chunk_assets.defs.partitions import CHUNK_NUM, VIDEO_ID, chunk_key, chunks, videos
from chunk_assets.errors import GenerationError
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import HoldingGenerator

CLIPS, FILMS = dg.AssetKey("chunk_videos"), dg.AssetKey("stitched_videos")


def made(instance: dg.DagsterInstance, film: str, numbers: range = range(2)) -> None:
    """A film in the grid with clips, stitched."""
    register(instance, film, 2)
    for number in numbers:
        key = dg.MultiPartitionKey({VIDEO_ID: film, CHUNK_NUM: f"{number:02d}"})
        instance.report_runless_asset_event(dg.AssetMaterialization(CLIPS, partition=key))
    instance.report_runless_asset_event(dg.AssetMaterialization(FILMS, partition=film))


def look(instance: dg.DagsterInstance) -> dict[str, set[str]]:
    """What Dagit shows as materialized, which has Dagster keep it."""
    return {
        asset.path[-1]: materialized(
            get_and_update_asset_status_cache_value(instance, asset, definition), definition
        )
        for asset, definition in ((CLIPS, chunks), (FILMS, videos))
    }


def look_afresh(instance: dg.DagsterInstance) -> dict[str, set[str]]:
    """The same, with nothing kept from before."""
    for asset in (CLIPS, FILMS):
        instance.wipe_asset_cached_status([asset])
    return look(instance)


def materialized(
    kept: AssetStatusCacheValue | None, definition: dg.PartitionsDefinition
) -> set[str]:
    """The partitions in it."""
    assert kept is not None
    return set(kept.deserialize_materialized_partition_subsets(definition).get_partition_keys())


def is_current(instance: dg.DagsterInstance, asset: dg.AssetKey) -> bool:
    """Whether Dagster will use what it keeps, and not read the events again."""
    [record] = instance.get_asset_records([asset])
    kept = record.asset_entry.cached_status
    with partition_loading_context(dynamic_partitions_store=instance):
        definition = chunks if asset == CLIPS else videos
        return (
            kept is not None
            and kept.partitions_def_id == definition.get_serializable_unique_identifier()
        )


def test_a_film_that_comes_leaves_what_is_kept_in_use(instance: dg.DagsterInstance):
    """The next look reads nothing again, and is right."""
    made(instance, "one")
    before = look(instance)
    register(instance, "two", 3)
    assert is_current(instance, CLIPS)
    assert is_current(instance, FILMS)
    assert look(instance) == before == look_afresh(instance)


def test_films_that_come_together_are_carried_once(instance: dg.DagsterInstance):
    """One block around them carries for all, and reads the grid twice."""
    made(instance, "one")
    before = look(instance)
    with carried_over(instance):
        register(instance, "two", 3)
        assert not is_current(instance, CLIPS), "it waits for the block around it"
        register(instance, "three", 2)
    assert is_current(instance, CLIPS)
    assert look(instance) == before == look_afresh(instance)
    register(instance, "four", 2)
    assert is_current(instance, CLIPS), "the next one carries for itself"


def test_what_a_new_film_makes_is_seen(instance: dg.DagsterInstance):
    """What is recorded after the film came is added to what was carried over."""
    made(instance, "one")
    look(instance)
    made(instance, "two", range(1))
    assert is_current(instance, CLIPS)
    found = look(instance)
    assert found["chunk_videos"] == {chunk_key(*at) for at in (("one", 0), ("one", 1), ("two", 0))}
    assert found == look_afresh(instance)


def test_a_film_that_goes_takes_its_partitions_along(instance: dg.DagsterInstance):
    """And nobody else's."""
    made(instance, "one")
    made(instance, "two")
    look(instance)
    with carried_over(instance):
        unregister(instance, ["one"])
    assert is_current(instance, CLIPS)
    assert is_current(instance, FILMS)
    found = look(instance)
    assert found["stitched_videos"] == {"two"}
    assert found["chunk_videos"] == {chunk_key("two", 0), chunk_key("two", 1)}
    assert found == look_afresh(instance)


def test_a_film_that_comes_back_has_its_history(instance: dg.DagsterInstance):
    """What is kept does not have it: Dagster reads its events again."""
    made(instance, "one")
    made(instance, "two")
    with carried_over(instance):
        unregister(instance, ["one"])
    look(instance)
    register(instance, "one", 2)
    assert not is_current(instance, CLIPS)
    assert not is_current(instance, FILMS)
    assert look(instance)["stitched_videos"] == {"one", "two"}
    assert len(look(instance)["chunk_videos"]) == 4


def test_what_another_process_changed_is_not_overlooked(instance: dg.DagsterInstance):
    """A film that came without this, with a history, has Dagster read the events again."""
    made(instance, "one")
    made(instance, "two")
    with carried_over(instance):
        unregister(instance, ["one"])
    look(instance)
    instance.add_dynamic_partitions(VIDEO_ID, ["one"])
    register(instance, "three", 2)
    assert not is_current(instance, CLIPS)
    assert look(instance)["stitched_videos"] == {"one", "two"}


@pytest.mark.parametrize("is_leaving", [False, True])
def test_failed_partitions_stay_what_they_are(
    store: ObjectStore, instance: dg.DagsterInstance, is_leaving: bool
):
    """A chunk that failed is shown so, also when other films come and go."""
    studio = Studio(store, instance, HoldingGenerator())
    studio.submit("one")
    made(instance, "two")
    studio.generator.fails_at[1] = GenerationError("the model is out")
    assert not studio.render(range(3), "one").success
    look(instance)
    with carried_over(instance):
        if is_leaving:
            unregister(instance, ["two"])
        else:
            register(instance, "three", 3)
    assert is_current(instance, CLIPS)
    [record] = instance.get_asset_records([CLIPS])
    kept = record.asset_entry.cached_status
    assert kept is not None
    failed = set(kept.deserialize_failed_partition_subsets(chunks).get_partition_keys())
    assert failed == {chunk_key("one", 1), chunk_key("one", 2)}
    again = look(instance)
    assert again == look_afresh(instance)


def test_every_partitioned_asset_is_carried(store: ObjectStore, instance: dg.DagsterInstance):
    """The list is that of the code location."""
    graph = Studio(store, instance, HoldingGenerator()).definitions.resolve_asset_graph()
    by = {
        definition: {
            key.path[-1]
            for key in graph.get_all_asset_keys()
            if graph.get(key).partitions_def == definition
        }
        for definition in (videos, chunks)
    }
    assert by[videos] == set(BY_FILM)
    assert by[chunks] == set(BY_CHUNK)
