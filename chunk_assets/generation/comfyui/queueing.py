"""Queue prompts: the intent in the ledger, then the POST, then what its answer says."""

import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chunk_assets.errors import (
    ChunkAssetsError,
    GenerationError,
    Rejected,
    SpecError,
    TimedOut,
    Unavailable,
)
from chunk_assets.generation.comfyui.fetching import Fetching
from chunk_assets.generation.comfyui.filling import (
    Pictures,
    clip_frames,
    clip_size,
    filled,
    picture_files,
)
from chunk_assets.generation.comfyui.policy import ClipOrder, ComfyPolicy
from chunk_assets.generation.comfyui.pool import ServerPool
from chunk_assets.generation.comfyui.progress import Follower
from chunk_assets.generation.comfyui.server import LostAnswer, Refused, Server
from chunk_assets.generation.comfyui.waiting import Waiting
from chunk_assets.generation.comfyui.workflow import Workflow
from chunk_assets.generation.ledger import AlreadyRequested, Ledger
from chunk_assets.generation.ledger_entries import Attempt, now
from chunk_assets.generation.processes import may_be_running
from chunk_assets.generation.stopping import pause


class NotQueued(Exception):
    """A prompt could not be queued; another try may work."""


@dataclass(frozen=True)
class Prompt:
    """An attempt, its server, and what follows it there; `is_found` if another call began it."""

    attempt: Attempt
    server: Server
    follower: Follower
    is_found: bool = False


class Queueing:
    """Queues and cancels prompts for one film's clips."""

    def __init__(
        self,
        pool: ServerPool,
        workflow: Workflow,
        ledger: Ledger,
        *,
        process: str,
        waiting: Waiting,
        fetching: Fetching,
        policy: ComfyPolicy,
        log: Callable[[str], None],
    ):
        self._pool, self._workflow, self._ledger = pool, workflow, ledger
        self._process, self._waiting, self._fetching = process, waiting, fetching
        self._policy, self._log = policy, log

    def begin(self, order: ClipOrder, workdir: Path) -> Prompt | None:
        """Queue a prompt; return None if the ledger, or another server, is to be looked at.

        Raises:
            NotQueued: It could not be queued; another try may work.
            SpecError: The workflow cannot make such a clip.
            Rejected: The servers refuse the workflow.
            Unavailable: No server responds.
        """
        self._cancel_others(order)
        with self._pool.chosen(self._policy.silent_seconds, order.stop) as server:
            prompt_id = str(uuid.uuid4())
            try:
                graph = self._graph(order, workdir, server.stopped_by(order.stop), prompt_id)
            except (Unavailable, TimedOut) as error:
                self._pool.rest(server)
                raise NotQueued(str(error)) from error
            order.stop.raise_if_set()  # the last point at which stopping leaves no trace
            attempt = Attempt(
                key=prompt_id,
                request=order.fingerprint,
                model=self._workflow.model,
                seed=order.request.seed,
                asked_at=now(),
                asked_by=self._process,
                media_url_sha256="",
                price_usd=0.0,
                prediction_id=prompt_id,
                server=server.label,
            )
            try:
                self._ledger.begin(order.chunk_num, attempt)
            except AlreadyRequested:
                return None
            with ExitStack() as stack:
                follower = self.follower(order, attempt, server)
                stack.callback(follower.close)
                posted = self._post(order, attempt, server, graph)
                if posted is None:
                    return None
                stack.pop_all()  # the follower is the caller's from here on
                return Prompt(posted, server, follower)

    def _graph(
        self, order: ClipOrder, workdir: Path, server: Server, prompt_id: str
    ) -> dict[str, Any]:
        """Upload the pictures, and return the workflow with all that the clip needs."""
        info, request = server.node_info, order.request
        size = clip_size(self._workflow, request, info)
        frames = clip_frames(self._workflow, request, info)
        files = picture_files(request, size, workdir)
        last = server.upload(Path(files.last)) if files.last else None
        pictures = Pictures(server.upload(Path(files.first)), last)
        return filled(
            self._workflow,
            request,
            pictures,
            size=size,
            frames=frames,
            name=prompt_id,
            info=info,
        )

    def _post(
        self, order: ClipOrder, attempt: Attempt, server: Server, graph: dict[str, Any]
    ) -> Attempt | None:
        """Queue the prompt and record it; return None if another server is to be tried."""
        here = server.stopped_by(order.stop)
        try:
            given, left_out = here.post(graph, attempt.key, self._workflow.clip)
        except LostAnswer as error:
            if not self._is_there(order, attempt, here):
                self._void(order, attempt, f"{error}; the server does not know it")
                raise NotQueued(str(error)) from error
            given, left_out = attempt.key, []
        except Refused as error:
            self._void(order, attempt, str(error))
            self._pool.refuse(server, error)
            return None
        except (GenerationError, SpecError) as error:
            self._void(order, attempt, str(error))  # it was not sent, or was refused
            if isinstance(error, Rejected | SpecError):
                raise
            self._pool.rest(server)
            raise NotQueued(str(error)) from error
        except ChunkAssetsError:
            raise  # the run is handed off: the next one looks for the prompt
        except BaseException:
            self.cancel(order, attempt, server)
            raise
        for one in left_out:
            self._log(f"{order.where}: ComfyUI at {server.label} leaves out an output: {one}")
        asked = attempt.with_prediction(given)
        self._ledger.update(order.chunk_num, asked)
        return asked

    def cancel(self, order: ClipOrder, attempt: Attempt, server: Server) -> None:
        """Cancel a prompt that may run and record it, without waiting long."""
        if not attempt.is_open and not attempt.is_unknown:
            return  # its clip is kept
        if self._waiting.cancel_at_once(order, attempt, server):
            self._fetching.end(order, attempt, "canceled", "the clip is no longer wanted")

    def _cancel_others(self, order: ClipOrder) -> None:
        """Cancel the chunk's prompts of other requests, unless their process may wait for them."""
        for attempt in self._ledger.chunk(order.chunk_num).attempts:
            server = self._pool.find(attempt.server)
            is_other = attempt.request != order.fingerprint and attempt.is_open
            if server is None or not is_other:
                continue
            if self._ledger.is_worked_on(attempt.request):
                continue  # another take is rendered at the same time
            if attempt.asked_by == self._process or not may_be_running(attempt.asked_by):
                self.cancel(order, attempt, server)

    def _is_there(self, order: ClipOrder, attempt: Attempt, server: Server) -> bool:
        """Return whether a server has the prompt whose answer was lost.

        Raises:
            GenerationError: The server does not respond, so it is not known.
        """
        end = time.monotonic() + self._policy.settle_seconds
        while True:
            try:
                if not server.state(attempt.key, self._workflow.clip).is_absent:
                    return True
            except (Unavailable, TimedOut):
                if time.monotonic() > end:
                    raise
            else:
                if time.monotonic() > end:
                    return False
            pause(min(0.5, self._policy.settle_seconds / 4), order.stop)

    def _void(self, order: ClipOrder, attempt: Attempt, why: str) -> None:
        self._ledger.update(order.chunk_num, attempt.as_void(why))

    def follower(self, order: ClipOrder, attempt: Attempt, server: Server) -> Follower:
        """Return what follows a prompt, connected if the server's websocket answers."""
        follower = Follower(server.connection, attempt.key, self._workflow.nodes, order.on_progress)
        follower.start(self._policy.connect_seconds)
        return follower
