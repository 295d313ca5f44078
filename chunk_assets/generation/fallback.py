"""A generator with a second one that takes over what the first declines or cannot make for now."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from chunk_assets.errors import Declined, Unavailable
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    Generator,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.generation.wrapped import Wrapped


class WithFallback(Wrapped):
    """Answers as the first generator does, and has the second one render what that cannot.

    A clip that may be paid for already is never paid for a second time: while one generator has an
    unfinished paid request for it, the other is not asked.

    Args:
        generator: The film's generator.
        fallback: The one that takes over; free if the first one is.
        ledger: The film's.
        log: Takes a sentence for the run's log.
    """

    name = "with fallback"

    def __init__(
        self,
        generator: Generator,
        fallback: Generator,
        ledger: Ledger,
        log: Callable[[str], None] = lambda _sentence: None,
    ):
        super().__init__(generator)
        self._fallback, self._ledger, self._log = fallback, ledger, log
        # A clip can be left to another process only if both can find it again.
        self.keeps_ledger = generator.keeps_ledger and fallback.keeps_ledger  # type: ignore[misc]

    @property
    def fallback(self) -> Generator:
        """The generator that takes over."""
        return self._fallback

    def check_ready(self) -> None:
        """Check that both are configured."""
        super().check_ready()
        self._fallback.check_ready()

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Render one clip.

        Raises:
            Declined: Both decline the request.
            OverBudget: The clip would exceed the film's cost limit.
            GenerationError: There is no clip.
        """
        label = " ".join(filter(None, (self._fallback.name, self._fallback.offer.model)))
        if self._is_with_fallback(request):
            self._log(f"{_where(request)} is unfinished by {label}, which continues with it")
        else:
            try:
                return self._generator.generate(request, workdir, on_progress, stop)
            except (Declined, Unavailable) as error:
                if not self._takes_over(request, error):
                    raise
                self._log(f"{error}; using {label} instead")
        # A reference picture less does not stop the film.
        taken = request.references[: self._fallback.abilities.references]
        request = replace(request, references=taken)
        clip = self._fallback.generate(request, workdir, on_progress, stop)
        return replace(clip, made_by=label)

    def original_stored(self, chunk_num: int, clip: GeneratedClip, sha256: str) -> None:
        """Tell the generator that made the clip."""
        maker = self._fallback if clip.made_by else self._generator
        maker.original_stored(chunk_num, clip, sha256)

    def close(self) -> None:
        """Close both."""
        try:
            super().close()
        finally:
            self._fallback.close()

    def _takes_over(self, request: GenerationRequest, error: Declined | Unavailable) -> bool:
        """Return whether the fallback may be asked after this error."""
        if self._fallback.name == self.name and not error.data.get("model"):
            return False  # the provider fails, not its model
        # A free clip may be rendered where a lost prediction may exist, but not where one does.
        return not any(
            self._generator.has_made(one.model)
            for one in self._unfinished(request)
            if self._fallback.is_paid or not one.is_unknown
        )

    def _is_with_fallback(self, request: GenerationRequest) -> bool:
        """Return whether the fallback has an unfinished request for the clip that it can resume."""
        return self._fallback.keeps_ledger and any(
            self._fallback.has_made(one.model) and not self._generator.has_made(one.model)
            for one in self._unfinished(request)
            if not one.is_unknown
        )

    def _unfinished(self, request: GenerationRequest) -> list[Attempt]:
        """Return the attempts for the clip that may have been paid for and gave no clip yet."""
        return [
            one
            for one in self._ledger.chunk(request.chunk_num).attempts
            if one.seed == request.seed and one.price_usd and one.may_give_a_clip
        ]


def _where(request: GenerationRequest) -> str:
    return f"chunk {request.chunk_num} of film {request.video_id!r}"
