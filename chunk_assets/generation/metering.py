"""Keep the ledger and enforce the cost limit for paid generators that do neither."""

import hashlib
import uuid
from dataclasses import replace
from pathlib import Path

from chunk_assets.errors import ChunkAssetsError, GenerationError, SpecError
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.budget import check_budget, clip_price
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets.generation.processes import process_name
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.generation.wrapped import Wrapped
from chunk_assets.usd import checked_usd


class Metered(Wrapped):
    """A paid generator whose requests are all in the ledger and within the film's cost limit.

    The intent is written before the request. The generator reports what a clip cost; a failure
    without a reported cost, and a process that died, count at the full price.
    """

    name = "metered"

    def __init__(self, generator: Generator, context: GenerationContext):
        super().__init__(generator)
        self._ledger = context.ledger
        self._max_cost_usd = context.max_cost_usd
        self._process = process_name()
        self._log = context.log

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Write the intent, render the clip, and write what it cost.

        Raises:
            OverBudget: The clip would exceed the film's cost limit.
            StorageError: The intent cannot be written; nothing was requested.
            GenerationError: The generator failed.
        """
        where = request.where
        attempt = self._begin(request, where)
        try:
            clip = self._generator.generate(request, workdir, on_progress, stop)
        except BaseException as error:
            cost, why = _billed(error, attempt), str(error) or type(error).__name__
            status = "failed" if isinstance(error, GenerationError) else "canceled"
            self._log(f"{where}: {self.name} {status} ({why}); ${cost:.2f} is counted for it")
            self._end(request, attempt, status=status, cost_usd=cost, error=why)
            raise
        try:
            cost = checked_usd(clip.cost_usd, f"the cost that the generator {self.name!r} names")
        except SpecError as error:
            cost = attempt.price_usd
            self._log(f"{where}: {error}; its price of ${cost:.2f} is counted")
        spent = self._end(request, attempt, status="succeeded", cost_usd=cost)
        return replace(clip, cost_usd=cost, spent_usd=spent)

    def _begin(self, request: GenerationRequest, where: str) -> Attempt:
        key = uuid.uuid4().hex
        attempt = Attempt(
            key=key,
            # Unique: the generator cannot resume an earlier request.
            request=hashlib.sha256(key.encode()).hexdigest(),
            model=self.model,
            seed=request.seed,
            asked_at=now(),
            asked_by=self._process,
            media_url_sha256="",
            price_usd=clip_price(self._generator, request.num_frames, request.fps, request.size),
            is_estimate=self._generator.offer.is_estimate,
        )
        with self._ledger.budget_lock:
            check_budget(
                self._ledger, attempt.price_usd, self._max_cost_usd, where=where, model=self.name
            )
            self._ledger.begin(request.chunk_num, attempt)
        return attempt

    def _end(self, request: GenerationRequest, attempt: Attempt, **changes: object) -> float:
        ended = attempt.model_copy(update={**changes, "ended_at": now()})
        return self._ledger.update(request.chunk_num, ended).cost_usd


def _billed(error: BaseException, attempt: Attempt) -> float:
    """Return what a failure cost, as the generator reports it, or else the full price."""
    data = error.data if isinstance(error, ChunkAssetsError) else {}
    try:
        return checked_usd(data.get("cost_usd"), "the cost")
    except SpecError:
        return attempt.price_usd
