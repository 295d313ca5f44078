"""Fetch the clips of prompts that have ended, and record how they ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from chunk_assets.errors import GenerationError, Rejected, Unavailable
from chunk_assets.generation.comfyui.download import Broken, Gone, download
from chunk_assets.generation.comfyui.outcome import OutputFile
from chunk_assets.generation.comfyui.policy import ClipOrder, ComfyPolicy
from chunk_assets.generation.comfyui.server import Server
from chunk_assets.generation.comfyui.workflow import Workflow
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt, Status, now
from chunk_assets.generation.stopping import pause

_BETWEEN = 1.0


@dataclass(frozen=True)
class FetchedClip:
    """A downloaded clip.

    Attributes:
        attempt: The attempt that made it.
        spent_usd: What the chunk has cost so far, on other generators.
        attempts: How many prompts were needed.
    """

    attempt: Attempt
    spent_usd: float
    attempts: int


class Fetching:
    """Downloads the clips of one film's prompts."""

    def __init__(
        self,
        workflow: Workflow,
        ledger: Ledger,
        policy: ComfyPolicy,
        log: Callable[[str], None],
    ):
        self._workflow, self._ledger, self._policy, self._log = workflow, ledger, policy, log

    def clip(
        self, order: ClipOrder, attempt: Attempt, server: Server, file: OutputFile, path: Path
    ) -> FetchedClip | None:
        """Save a clip as `path`; return None, and record it, if the server's file is of no use.

        Raises:
            Rejected: It cannot be used.
            Unavailable, TimedOut: It cannot be downloaded now; the ledger keeps it as unfetched.
            MediaError: The file cannot be written.
        """
        here, end = server.stopped_by(order.stop), time.monotonic() + self._policy.fetch_seconds
        is_logged = False
        while True:
            try:
                download(here, file, path)
                return self._done(order, attempt)
            except Gone as error:
                self._without(order, attempt, str(error))
                return None
            except Rejected as error:
                raise self._unfetched(order, attempt, error) from error
            except GenerationError as error:
                if time.monotonic() > end:
                    if isinstance(error, Broken):
                        self._without(order, attempt, str(error))
                        return None
                    raise self._unfetched(order, attempt, error) from error
                if not is_logged:
                    limit = f"trying again for up to {self._policy.fetch_seconds:g} s"
                    self._log(f"{order.where}: {error}; {limit}")
                    is_logged = True
            pause(min(_BETWEEN, self._policy.fetch_seconds / 4), order.stop)

    def survivor(
        self, order: ClipOrder, attempt: Attempt, server: Server, path: Path
    ) -> FetchedClip | None:
        """Save the clip of a prompt that its server no longer knows; None if there is none.

        A server that was killed may have left the beginning of a clip under the clip's name.

        Raises:
            GenerationError: The server does not respond.
        """
        here = server.stopped_by(order.stop)
        file = here.survivor(attempt.key)
        if file is None:
            return None
        try:
            info = download(here, file, path)
        except (Gone, Broken, Rejected):
            return None
        request = order.request
        wanted = Fraction(request.num_frames) / request.fps
        if "length" in self._workflow.slots and info.duration < wanted * Fraction(9, 10):
            return None
        self._log(f"{order.where}: the clip of prompt {attempt.prediction_id} outlived its server")
        return self._done(order, self.made(order, attempt))

    def made(self, order: ClipOrder, attempt: Attempt) -> Attempt:
        """Record that the server has an attempt's clip, which is not kept on S3 yet."""
        if attempt.status in ("unfetched", "succeeded"):
            return attempt
        changes = {"status": "unfetched", "error": None, "ended_at": now()}
        made = attempt.model_copy(update=changes)
        self._ledger.update(order.chunk_num, made)
        return made

    def end(self, order: ClipOrder, attempt: Attempt, status: Status, error: str) -> Attempt:
        """Record that an attempt has no clip, and why."""
        ended = attempt.model_copy(update={"status": status, "error": error, "ended_at": now()})
        self._ledger.update(order.chunk_num, ended)
        return ended

    def _done(self, order: ClipOrder, attempt: Attempt) -> FetchedClip:
        ledger = self._ledger.chunk(order.chunk_num)
        tries = len(ledger.of_request(order.fingerprint))
        return FetchedClip(attempt, ledger.cost_usd, tries)

    def _without(self, order: ClipOrder, attempt: Attempt, why: str) -> None:
        self.end(order, attempt, "succeeded", f"its output is gone: {why}")

    def _unfetched(
        self, order: ClipOrder, attempt: Attempt, error: GenerationError
    ) -> GenerationError:
        """Record that the clip is not fetched yet, and return the error that says so."""
        update = {"status": "unfetched", "error": str(error), "ended_at": now()}
        self._ledger.update(order.chunk_num, attempt.model_copy(update=update))
        kind = Rejected if isinstance(error, Rejected) else Unavailable
        return kind(
            f"the clip for {order.where} is rendered, but not fetched: {error}; rendering again "
            f"fetches prompt {attempt.prediction_id}",
            prediction_id=attempt.prediction_id,
        )
