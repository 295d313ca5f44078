"""Dagster's pools, for generators that many films share."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg

from chunk_assets.dagster_internals.pools import pool_slot
from chunk_assets.defs.runs.handoff import current_shutdown
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.stopping import NEVER, StopSignal, pause
from chunk_assets.generation.wrapper import Wrapping

_LOOK_SECONDS = 0.2


class Pooled(Wrapping):
    """A generator that holds one of its pool's slots while it makes a clip.

    As many as `dagster instance concurrency set POOL NUMBER` or Dagit's Deployment page allow; any
    number where there is no limit. A slot a clip, not one a film: a film that waits for another run
    must not keep that one from its slot.
    """

    def __init__(
        self,
        generator: Generator,
        pool: str,
        context: dg.AssetExecutionContext,
        log: Callable[[str], None],
    ):
        super().__init__(generator)
        self._pool, self._context, self._log = pool, context, log

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Wait for a slot, and have the clip made."""
        film, is_logged = f"film {request.video_id!r}", False

        def wait() -> None:
            nonlocal is_logged
            if not is_logged:
                self._log(
                    f"chunk {request.chunk_num} of {film}: waiting for a free slot of the pool "
                    f"{self._pool!r}"
                )
                is_logged = True
            current_shutdown().check_begin(film)
            pause(_LOOK_SECONDS, stop)

        holder = f"film_chunks[{request.chunk_num:02d}|{request.video_id}]"
        with pool_slot(self._context.instance, self._context.run, self._pool, holder, wait):
            return self.inside.generate(request, workdir, on_progress, stop)


def pooled(
    generator: Generator, context: dg.AssetExecutionContext, log: Callable[[str], None]
) -> Generator:
    """The generator, in its pool if it has one; `log` is told when a slot is waited for."""
    return Pooled(generator, generator.pool, context, log) if generator.pool else generator
