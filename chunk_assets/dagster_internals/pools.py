"""Slots of Dagster's concurrency pools, held for a part of a step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

# Breaks when moved: the limit of a generator's pool is not enforced. An op's own pool, which is
# public, holds for the whole op and for every generator.
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext


@contextmanager
def pool_slot(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    pool: str,
    holder: str,
    wait: Callable[[], None],
) -> Iterator[None]:
    """Hold one of a pool's slots while the block runs; at once if the pool has no limit.

    Args:
        instance: Where the pool's limit is set.
        run: The run that holds the slot; Dagster frees it if the run dies.
        pool: The pool's name.
        holder: What Dagit shows as the holder.
        wait: Called while no slot is free, before each new try; may raise to give up.
    """
    with InstanceConcurrencyContext(instance, run) as slots:
        while not slots.claim(pool, holder):
            wait()
        try:
            yield
        finally:
            slots.free_step(holder)
