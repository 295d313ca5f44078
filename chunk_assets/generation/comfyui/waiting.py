"""Wait for a prompt by polling its server."""

import time
from collections.abc import Callable

from chunk_assets.errors import GenerationError, Rejected, TimedOut
from chunk_assets.generation.comfyui.outcome import Outcome
from chunk_assets.generation.comfyui.policy import ClipOrder, ComfyPolicy
from chunk_assets.generation.comfyui.progress import Follower
from chunk_assets.generation.comfyui.server import Server
from chunk_assets.generation.ledger_entries import Attempt
from chunk_assets.generation.stopping import answered

_ABSENT = 3
"""Polls in a row that do not find a prompt before it is lost: it moves from queue to history."""

_CANCEL_SECONDS = 2.0
"""How long a stopped run waits for the server to confirm a cancellation."""


class TookTooLong(TimedOut):
    """A prompt waited or ran longer than allowed."""


class Waiting:
    """Waits for the prompts of one film's clips."""

    def __init__(self, clip_node: str, policy: ComfyPolicy, log: Callable[[str], None]):
        self._clip_node, self._policy, self._log = clip_node, policy, log

    def outcome(
        self, order: ClipOrder, attempt: Attempt, server: Server, follower: Follower
    ) -> Outcome | None:
        """Return how a prompt ended; None if its server does not know it any more.

        Raises:
            TookTooLong: It waits or runs for too long.
            Unavailable: The server does not respond; the prompt may still run.
            Stopped: The run was stopped.
        """
        policy, here = self._policy, server.stopped_by(order.stop)
        prompt, label = attempt.prediction_id or "", server.label
        answered_at = logged = time.monotonic()
        # Since it was asked for, so that the queue's limit holds over several processes.
        began = answered_at - attempt.age_seconds
        runs_since: float | None = None
        absent, seconds = 0, policy.first_poll_seconds
        while True:
            now = time.monotonic()
            try:
                state = here.state(prompt, self._clip_node, attempt.key)
            except Rejected:
                raise
            except GenerationError as error:
                if now - answered_at > policy.silent_seconds:
                    raise
                if now - logged > policy.notice_seconds or answered_at >= logged:
                    self._log(
                        f"{order.where}: {error}; looking again for up to "
                        f"{policy.silent_seconds:g} s"
                    )
                    logged = now
            else:
                answered_at = now
                if state.outcome is not None:
                    return state.outcome
                absent = absent + 1 if state.is_absent else 0
                if absent >= _ABSENT:
                    return None
                if state.place == 0 and runs_since is None:
                    runs_since = now
                    follower.started()
                if now - logged > policy.notice_seconds:
                    logged = now
                    what = "runs" if state.place == 0 else f"waits with {state.place} before it"
                    self._log(
                        f"{order.where}: prompt {prompt} on {label} {what}; waited "
                        f"{now - began:.0f} s"
                    )
            self._check_time(order, attempt, server, began, runs_since)
            follower.wait(0.1 if absent else seconds, order.stop)
            seconds = min(seconds * 1.5, policy.longest_poll_seconds)

    def cancel_at_once(self, order: ClipOrder, attempt: Attempt, server: Server) -> bool:
        """Cancel a prompt without waiting long, and return whether the server confirms it.

        A prompt that runs ends at its next step.
        """
        try:
            answered(lambda: server.cancel(attempt.prediction_id or ""), seconds=_CANCEL_SECONDS)
        except (TimeoutError, GenerationError) as error:
            why = str(error) or f"no answer within {_CANCEL_SECONDS:g} s"
            self._log(
                f"{order.where}: prompt {attempt.prediction_id} on {server.label} could not be "
                f"cancelled ({why}): rendering again continues with it"
            )
            return False
        return True

    def _check_time(
        self,
        order: ClipOrder,
        attempt: Attempt,
        server: Server,
        began: float,
        runs_since: float | None,
    ) -> None:
        """Check that the prompt has not taken too long.

        Raises:
            TookTooLong: It has.
        """
        since = began if runs_since is None else runs_since
        limit = self._policy.queue_seconds if runs_since is None else self._policy.max_seconds
        if time.monotonic() - since <= limit:
            return
        did = "waited" if runs_since is None else "ran"
        raise TookTooLong(
            f"prompt {attempt.prediction_id} for {order.where} {did} longer than {limit:g} s on "
            f"ComfyUI at {server.label}, and is cancelled",
            allowed=limit,
        )
