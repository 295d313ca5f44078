"""The pool of a generator that several films share."""

import threading

import dagster as dg
import pytest

from chunk_assets.dagster_internals.tag_names import RETRY_FAILURES
from chunk_assets.defs.runs import handoff
from chunk_assets.render.hooks import Shutdown
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, failure
from chunk_assets_tests.generators import HoldingGenerator

pytestmark = pytest.mark.slow


class Shared(HoldingGenerator):
    """A generator with a pool."""

    pool = "shared"


def test_a_film_waits_for_a_slot_of_its_generator_s_pool(
    store: ObjectStore, instance: dg.DagsterInstance
):
    """While another run has the only slot, nothing is rendered; afterwards the slot is freed."""
    storage = instance.event_log_storage
    storage.set_concurrency_slots("shared", 1)
    assert storage.claim_concurrency_slot(
        "shared", "another run", "film_chunks[00|other]"
    ).is_claimed
    studio = Studio(store, instance, generator := Shared())
    studio.submit()
    before_it_was_free: list[int] = []

    def free() -> None:
        before_it_was_free.append(len(generator.requests))
        storage.free_concurrency_slots_for_run("another run")

    threading.Timer(3, free).start()
    assert studio.render(range(3)).success
    assert before_it_was_free == [0]
    assert generator.chunks == [0, 1, 2]
    assert storage.get_concurrency_info("shared").active_slot_count == 0


def test_a_film_that_waits_too_long_goes_back_to_the_queue(
    store: ObjectStore, instance: dg.DagsterInstance
):
    """Its run fails and is to be retried by Dagster, so that the worker's slot is free."""
    storage = instance.event_log_storage
    storage.set_concurrency_slots("shared", 1)
    assert storage.claim_concurrency_slot(
        "shared", "another run", "film_chunks[00|other]"
    ).is_claimed
    studio = Studio(store, instance, generator := Shared())
    studio.submit()
    shutdown = Shutdown()
    shutdown.wait_seconds = 1.0
    handoff.set_shutdown(shutdown)
    try:
        ended = studio.render(range(3))
    finally:
        handoff.set_shutdown(Shutdown())
    assert "has only waited for 1 s" in failure(ended)
    run = instance.get_run_by_id(ended.run_id)
    assert run is not None
    assert run.tags[RETRY_FAILURES] == "true"
    assert generator.chunks == []


def test_without_a_limit_or_a_pool_no_film_waits(store: ObjectStore, instance: dg.DagsterInstance):
    """With a pool without a limit, or without a pool, a film renders at once."""
    instance.event_log_storage.set_concurrency_slots("another", 0)
    for generator in (Shared(), HoldingGenerator()):
        studio = Studio(store, instance, generator)
        studio.submit()
        assert studio.render(range(2)).success
        assert generator.chunks == [0, 1]
