"""Get one clip and render it once.

The ledger records our own id of a prompt before the server is told it. After any interruption, of
ours or of the server, the next run looks for that id and for the file of that name.
"""

import time
from collections.abc import Callable
from pathlib import Path

from chunk_assets.errors import (
    ChunkAssetsError,
    GenerationError,
    Rejected,
    TimedOut,
    Unavailable,
)
from chunk_assets.generation.comfyui.fetching import FetchedClip, Fetching
from chunk_assets.generation.comfyui.outcome import Outcome
from chunk_assets.generation.comfyui.policy import ClipOrder, ComfyPolicy
from chunk_assets.generation.comfyui.pool import ServerPool
from chunk_assets.generation.comfyui.queueing import NotQueued, Prompt, Queueing
from chunk_assets.generation.comfyui.server import Server
from chunk_assets.generation.comfyui.waiting import TookTooLong, Waiting
from chunk_assets.generation.comfyui.workflow import Workflow
from chunk_assets.generation.ledger import Ledger
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.generation.processes import may_be_running, process_name
from chunk_assets.generation.replicate.failures import kind_of_failure
from chunk_assets.generation.stopping import pause


class Attempts:
    """Queues prompts for one film's clips, or continues with those that exist."""

    def __init__(
        self,
        pool: ServerPool,
        workflow: Workflow,
        ledger: Ledger,
        *,
        policy: ComfyPolicy,
        log: Callable[[str], None] = lambda _sentence: None,
    ):
        self._pool, self._workflow, self._ledger = pool, workflow, ledger
        self._policy, self._log = policy, log
        self._process = process_name()
        self._waiting = Waiting(workflow.clip, policy, log)
        self._fetching = Fetching(workflow, ledger, policy, log)
        self._queueing = Queueing(
            pool,
            workflow,
            ledger,
            process=self._process,
            waiting=self._waiting,
            fetching=self._fetching,
            policy=policy,
            log=log,
        )

    def clip(self, order: ClipOrder, workdir: Path, path: Path) -> FetchedClip:
        """Save the clip as `path`.

        Raises:
            SpecError: The workflow cannot make such a clip.
            Rejected: The servers refuse the workflow, or it fails for good.
            TimedOut: The prompt took too long; it is cancelled.
            Unavailable: No server can be reached, or the prompts keep failing.
        """
        with self._ledger.working_on(order.fingerprint):
            return self._clip(order, workdir, path)

    def _clip(self, order: ClipOrder, workdir: Path, path: Path) -> FetchedClip:
        failed: list[str] = []
        while True:
            try:
                prompt = self._find(order) or self._queueing.begin(order, workdir)
                if prompt is None:
                    continue  # another process was faster, or another server is to be tried
                try:
                    done = self._finish(order, prompt, path, failed)
                finally:
                    prompt.follower.close()
            except NotQueued as error:
                done = None
                failed.append(str(error))
            if done is not None:
                return done
            if len(failed) >= self._policy.prompts:
                raise Unavailable(
                    f"ComfyUI failed {len(failed)} times on {order.where}, the last time with: "
                    f"{failed[-1]}; the chunks before it are kept, try again later"
                )
            if failed:
                order.on_progress(0.0)
                self._log(
                    f"{order.where}: {failed[-1]}; prompt {len(failed) + 1} of "
                    f"{self._policy.prompts}"
                )

    def _find(self, order: ClipOrder) -> Prompt | None:
        """Return a prompt that runs, or whose clip can be fetched."""
        for attempt in self._ledger.chunk(order.chunk_num).of_request(order.fingerprint):
            has_clip = attempt.status == "unfetched" or (
                attempt.status == "succeeded" and attempt.error is None
            )
            if not (attempt.is_open or attempt.is_unknown or has_clip):
                continue
            server = self._pool.find(attempt.server)
            if server is None:
                self._forget(order, attempt)
                continue
            if attempt.is_unknown and not self._answers(order, server):
                continue
            if attempt.status == "intended":
                self._wait_for_process(order, attempt, server)
            self._log(f"{order.where}: looking for prompt {attempt.prediction_id}, asked before")
            return Prompt(
                attempt, server, self._queueing.follower(order, attempt, server), is_found=True
            )
        return None

    def _finish(
        self, order: ClipOrder, prompt: Prompt, path: Path, failed: list[str]
    ) -> FetchedClip | None:
        """Wait for a prompt and fetch its clip; without one, say why in `failed`."""
        attempt, server = prompt.attempt, prompt.server
        try:
            outcome = self._waiting.outcome(order, attempt, server, prompt.follower)
            if outcome is None:
                return self._lost(order, prompt, path, failed)
        except TookTooLong:
            self._queueing.cancel(order, attempt, server)
            raise
        except (Unavailable, TimedOut) as error:
            if len(self._pool) == 1:
                raise  # it stays open in the ledger, and the next run continues with it
            self._pool.rest(server)
            self._ledger.update(order.chunk_num, attempt.as_unknown(str(error)))
            failed.append(str(error))
            return None
        except ChunkAssetsError:
            raise
        except BaseException:  # the run was stopped, and the clip is not wanted
            self._queueing.cancel(order, attempt, server)
            raise
        if outcome.status != "success":
            return self._failed(order, prompt, outcome, failed)
        if outcome.clip is None:
            self._fetching.end(order, attempt, "failed", "it saved no video")
            raise Rejected(
                f"the workflow {self._workflow.name!r} saved no video for {order.where}: the node "
                f"with the title 'clip' ({self._workflow.clip}) must save one, as SaveVideo does"
            )
        attempt = self._fetching.made(order, attempt)
        done = self._fetching.clip(order, attempt, server, outcome.clip, path)
        if done is None and not prompt.is_found:
            failed.append("its output was deleted before it could be fetched")
        return done

    def _lost(
        self, order: ClipOrder, prompt: Prompt, path: Path, failed: list[str]
    ) -> FetchedClip | None:
        """Fetch the clip of a prompt that its server no longer knows, if it saved one."""
        attempt, label = prompt.attempt, prompt.server.label
        done = self._fetching.survivor(order, attempt, prompt.server, path)
        if done is not None:
            return done
        why = f"ComfyUI at {label} no longer knows the prompt: it was restarted, or it was deleted"
        if attempt.is_open or attempt.is_unknown:
            self._fetching.end(order, attempt, "aborted", why)
        else:
            self._fetching.end(order, attempt, "succeeded", f"its output is gone: {why}")
        if not prompt.is_found:
            failed.append(why)
        return None

    def _failed(
        self, order: ClipOrder, prompt: Prompt, outcome: Outcome, failed: list[str]
    ) -> None:
        """Record a failure; raise if another prompt would not help."""
        attempt, server = prompt.attempt, prompt.server
        is_interrupted = outcome.status == "interrupted"
        status = "canceled" if is_interrupted else "failed"
        self._fetching.end(order, attempt, status, outcome.error)
        if not is_interrupted and kind_of_failure(outcome.error) != "transient":
            raise Rejected(
                f"the workflow {self._workflow.name!r} failed on {order.where} at {server.label}: "
                f"{outcome.error}; it is not tried again, since it would fail again; the chunks "
                "before it are kept"
            )
        self._pool.rest(server)  # another server may have more memory
        if not prompt.is_found:
            failed.append(f"prompt {attempt.prediction_id} on {server.label}: {outcome.error}")

    def _wait_for_process(self, order: ClipOrder, attempt: Attempt, server: Server) -> None:
        """Wait while another process may be about to send the prompt of its intent."""
        end = time.monotonic() + self._policy.foreign_seconds
        while attempt.asked_by != self._process and may_be_running(attempt.asked_by):
            stored = self._ledger.chunk(order.chunk_num).attempts
            is_intent = any(one.key == attempt.key and one.status == "intended" for one in stored)
            if not is_intent or time.monotonic() > end or self._is_known(order, attempt, server):
                return
            pause(min(1.0, self._policy.foreign_seconds / 4), order.stop)

    def _is_known(self, order: ClipOrder, attempt: Attempt, server: Server) -> bool:
        try:
            state = server.stopped_by(order.stop).state(attempt.key, self._workflow.clip)
        except GenerationError:
            return False
        return not state.is_absent

    def _answers(self, order: ClipOrder, server: Server) -> bool:
        try:
            server.stopped_by(order.stop).queue_length()
        except GenerationError:
            return False
        return True

    def _forget(self, order: ClipOrder, attempt: Attempt) -> None:
        """Leave an attempt whose server the deployment no longer has."""
        if attempt.is_open and attempt.server:
            why = f"its server {attempt.server} is not in CHUNK_ASSETS_COMFYUI_URLS"
            self._log(f"{order.where}: prompt {attempt.prediction_id} is left: {why}")
            self._ledger.update(order.chunk_num, attempt.as_unknown(why))
