"""Dagster's pools, for generators that many films share."""

import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg

# Not public, though what it does is: an op's own pool is the same for every generator, and a film's
# preview must not wait for, or take, what is meant to keep a hosted model's account in its limits.
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext

from chunk_assets.defs.runs.handoff import current_shutdown
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
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
    ) -> GeneratedClip:
        """Wait for a slot, and have the clip made."""
        holder = f"film_chunks[{request.chunk_num:02d}|{request.video_id}]"
        context, is_told = self._context, False
        with InstanceConcurrencyContext(context.instance, context.run) as claims:
            while not claims.claim(self._pool, holder):
                if not is_told:
                    self._log(
                        f"chunk {request.chunk_num} of film {request.video_id!r}: waiting for a "
                        f"free slot of the pool {self._pool!r}"
                    )
                    is_told = True
                on_progress(0.0)  # raises when the run is stopped
                current_shutdown().begin(f"film {request.video_id!r}")
                time.sleep(_LOOK_SECONDS)
            try:
                return self.inside.generate(request, workdir, on_progress)
            finally:
                claims.free_step(holder)


def pooled(
    generator: Generator, context: dg.AssetExecutionContext, log: Callable[[str], None]
) -> Generator:
    """The generator, in its pool if it has one; `log` is told when a slot is waited for."""
    return Pooled(generator, generator.pool, context, log) if generator.pool else generator
