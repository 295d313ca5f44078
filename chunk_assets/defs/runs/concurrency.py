"""Dagster's pools, for generators that several films share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from chunk_assets.dagster_internals.pools import pool_slot
from chunk_assets.defs.runs.handoff import current_shutdown
from chunk_assets.generation.base import GenerationRequest
from chunk_assets.generation.stopping import StopSignal, pause

_LOOK_SECONDS = 0.2


@contextmanager
def clip_slot(
    pool: str | None,
    context: dg.AssetExecutionContext,
    log: Callable[[str], None],
    request: GenerationRequest,
    stop: StopSignal,
) -> Iterator[None]:
    """Hold one of a pool's slots while a clip is rendered.

    There are as many slots as `dagster instance concurrency set POOL NUMBER` or Dagit's Deployment
    page allow; any number where there is no limit. A slot is held for a clip, not for a film: a
    film that waits for another run must not keep that run from its slot.

    Args:
        pool: The pool's name; None for a generator without one.
        context: The run's context.
        log: Told once if the clip has to wait.
        request: The clip.
        stop: Ends the wait.
    """
    if pool is None:
        yield
        return
    film, is_logged = f"film {request.video_id!r}", False

    def wait() -> None:
        nonlocal is_logged
        if not is_logged:
            log(f"chunk {request.chunk_num} of {film}: waiting for a free slot of pool {pool!r}")
            is_logged = True
        current_shutdown().check_begin(film)
        pause(_LOOK_SECONDS, stop)

    # With its seed: several takes of a chunk hold a slot each.
    holder = f"film_chunks[{request.chunk_num:02d}|{request.video_id}] seed {request.seed}"
    with pool_slot(context.instance, context.run, pool, holder, wait):
        yield
