"""A generator with a second one that takes over what the first declines or cannot make for now."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from chunk_assets.errors import Declined, GenerationError, Rejected, TimedOut, Unavailable
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
            Declined: The generator declines the request, and the fallback refuses it.
            TimedOut, Unavailable: The generator fails for now, and the fallback takes over nothing.
            GenerationError: There is no clip.
        """
        if self._unfinished(self._fallback, self._for_fallback(request)):
            self._log(f"{request.where} is unfinished by {self._label}, which continues with it")
            return self._by_fallback(request, workdir, on_progress, stop)
        try:
            return self._generator.generate(request, workdir, on_progress, stop)
        except (Declined, TimedOut, Unavailable) as error:
            if not self._takes_over(request, error):
                raise
            self._log(f"{error}; using {self._label} instead")
            try:
                return self._by_fallback(request, workdir, on_progress, stop)
            except Rejected as refusal:
                if isinstance(error, Declined):
                    raise
                # The first generator may work in a moment, whatever the second one says.
                why = f"{error}; {self._label} does not take over: {refusal}"
                raise type(error)(why, **error.data) from refusal

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

    @property
    def _label(self) -> str:
        return " ".join(filter(None, (self._fallback.name, self._fallback.offer.model)))

    def _by_fallback(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback,
        stop: StopSignal,
    ) -> GeneratedClip:
        clip = self._fallback.generate(self._for_fallback(request), workdir, on_progress, stop)
        return replace(clip, made_by=self._label)

    def _for_fallback(self, request: GenerationRequest) -> GenerationRequest:
        """Return the request with as many references as the fallback takes."""
        taken = request.references[: self._fallback.abilities.references]
        return replace(request, references=taken)

    def _takes_over(
        self, request: GenerationRequest, error: Declined | TimedOut | Unavailable
    ) -> bool:
        """Return whether the fallback may be asked after this error."""
        if self._fallback.name == self.name and not error.data.get("model"):
            return False  # the provider fails, not its model
        unfinished = self._unfinished(self._generator, request)
        # A free clip may be rendered where a lost prediction may exist, but not where one does.
        return not any(self._fallback.is_paid or not one.is_unknown for one in unfinished)

    def _unfinished(self, generator: Generator, request: GenerationRequest) -> list[Attempt]:
        """Return a generator's paid attempts for a request that may yet give a clip.

        Those of other requests too, if it is not known at present which are of this one.
        """
        attempts = [
            one
            for one in self._ledger.chunk(request.chunk_num).attempts
            if one.seed == request.seed and one.price_usd and one.may_give_a_clip
        ]
        if not attempts:
            return []
        try:
            wanted = generator.request_of(request)
        except GenerationError:
            return [one for one in attempts if generator.has_made(one.model)]
        return [one for one in attempts if one.request == wanted]
