"""The generator `comfyui`: a workflow on ComfyUI servers of your own; no clip is rendered twice."""

import time
from pathlib import Path

from chunk_assets.errors import SpecError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import (
    Abilities,
    GeneratedClip,
    GenerationRequest,
    Generator,
    Offer,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.comfyui.attempts import Attempts
from chunk_assets.generation.comfyui.filling import check_end
from chunk_assets.generation.comfyui.policy import ClipOrder, ComfyPolicy
from chunk_assets.generation.comfyui.pool import ServerPool
from chunk_assets.generation.comfyui.server import Server
from chunk_assets.generation.comfyui.workflow import Workflow, load_workflow
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.request_digest import request_digest
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.retry import RetryPolicy


def build_comfyui_generator(
    context: GenerationContext,
    *,
    policy: ComfyPolicy | None = None,
    retries: RetryPolicy | None = None,
    timeout: float = 30,
) -> "ComfyUIGenerator":
    """Build the generator for one film.

    Args:
        context: The film and the deployment.
        policy: Timeouts of prompts; the deployment's by default.
        retries: When to give up requests that may be repeated.
        timeout: Longest wait in seconds between two bytes of an answer.

    Raises:
        SpecError: The workflow's file cannot be used.
    """
    settings = context.settings
    path = settings.comfyui_workflow
    return ComfyUIGenerator(
        context,
        load_workflow(path) if path else None,
        [
            Server(url.get_secret_value(), timeout=timeout, retries=retries, on_retry=context.log)
            for url in settings.comfyui_urls
        ],
        policy or ComfyPolicy(max_seconds=settings.comfyui_max_seconds),
    )


class ComfyUIGenerator(Generator):
    """Renders a workflow on the server of a pool that has the shortest queue.

    It is free of charge. Its prompts are in the ledger, since they cost time.
    """

    name = "comfyui"
    pool = "comfyui"
    keeps_ledger = True

    def __init__(
        self,
        context: GenerationContext,
        workflow: Workflow | None,
        servers: list[Server],
        policy: ComfyPolicy,
    ):
        self._workflow, self._has_servers = workflow, bool(servers)
        self._ledger = context.ledger
        self._servers = ServerPool(servers, policy.rest_seconds, context.log)
        self._attempts = workflow and Attempts(
            self._servers, workflow, context.ledger, policy=policy, log=context.log
        )

    @property
    def model(self) -> str:
        """The workflow's name and digest.

        Raises:
            SpecError: The deployment has no workflow.
        """
        return self._chosen.model

    @property
    def offer(self) -> Offer:
        """The workflow's name."""
        return Offer(label=f"ComfyUI ({self._workflow.name})" if self._workflow else "ComfyUI")

    @property
    def abilities(self) -> Abilities:
        """What the workflow has nodes for."""
        if self._workflow is None:
            return Abilities()
        slots, fps = self._workflow.slots, self._workflow.fps
        return Abilities(
            end_image="end image" in slots,
            seeds="seed" in slots,
            native_fps=FrameRate(fps) if fps is not None and fps.denominator == 1 else None,
        )

    def check_ready(self) -> None:
        """Check that the deployment names servers and a workflow.

        Raises:
            SpecError: Something is missing.
        """
        if not self._has_servers:
            raise SpecError(
                "the generator 'comfyui' needs a server: set CHUNK_ASSETS_COMFYUI_URLS, such as "
                "http://127.0.0.1:8188"
            )
        _ = self._chosen

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Render one clip, or fetch the one that is rendered already.

        Raises:
            SpecError: The workflow cannot make such a clip.
            GenerationError: There is no clip; the ledger has the prompts.
        """
        self.check_ready()
        workflow, attempts = self._chosen, self._attempts
        assert attempts is not None  # noqa: S101 - there is a workflow
        check_end(workflow, request)
        order = ClipOrder(request, self.request_of(request), on_progress, stop)
        path, began = workdir / "comfyui.mp4", time.monotonic()
        done = attempts.clip(order, workdir, path)
        return GeneratedClip(
            path,
            spent_usd=done.spent_usd,
            request=order.fingerprint,
            prediction_id=done.attempt.prediction_id or "",
            details={
                "prompt_id": done.attempt.prediction_id or "",
                "comfyui_server": done.attempt.server or "",
                "comfyui_workflow": workflow.model,
                "comfyui_seconds": round(time.monotonic() - began, 3),
                "attempts": done.attempts,
            },
        )

    def request_of(self, request: GenerationRequest) -> str:
        """Return the digest of the request and its workflow."""
        return request_digest(self.model, request)

    def original_stored(self, chunk_num: int, clip: GeneratedClip, sha256: str) -> None:
        """Record in the ledger that the clip is fetched."""
        self._ledger.record_kept(chunk_num, clip.prediction_id, sha256)

    def close(self) -> None:
        """Close the connections to the servers."""
        self._servers.close()

    @property
    def _chosen(self) -> Workflow:
        if self._workflow is None:
            raise SpecError(
                "the generator 'comfyui' needs a workflow: export one in ComfyUI (Workflow, Export "
                "(API)) and set CHUNK_ASSETS_COMFYUI_WORKFLOW to its path; docs/comfyui.md has one"
            )
        return self._workflow
