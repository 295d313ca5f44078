"""Timeouts and intervals of the generator `comfyui`, and what one clip needs."""

from dataclasses import dataclass

from chunk_assets.generation.base import GenerationRequest, ProgressCallback
from chunk_assets.generation.stopping import StopSignal


@dataclass(frozen=True)
class ComfyPolicy:
    """Timeouts, polling intervals and the number of prompts for a clip.

    Attributes:
        max_seconds: Timeout of a prompt from when it begins to run.
        queue_seconds: How long a prompt may wait in the queue.
        prompts: Prompts for one clip before giving up.
        first_poll_seconds: Seconds before the second poll; each following wait is 1.5 times longer.
        longest_poll_seconds: Longest wait between two polls.
        settle_seconds: How long to look for a prompt whose answer was lost.
        foreign_seconds: The same for the intent of another process that may still be running;
            longer than a POST may take.
        silent_seconds: How long a server may not respond about its prompt, and how long to wait
            for any server: a restart with large models takes minutes.
        rest_seconds: How long a server that did not respond gets no new prompt.
        fetch_seconds: How long to retry the download of a finished clip.
        notice_seconds: Interval of the messages that a wait continues.
        connect_seconds: How long a prompt waits for its websocket, whose first messages would be
            missed otherwise.
    """

    max_seconds: float = 3600.0
    queue_seconds: float = 86400.0
    prompts: int = 3
    first_poll_seconds: float = 0.5
    longest_poll_seconds: float = 3.0
    settle_seconds: float = 5.0
    foreign_seconds: float = 150.0
    silent_seconds: float = 300.0
    rest_seconds: float = 30.0
    fetch_seconds: float = 60.0
    notice_seconds: float = 60.0
    connect_seconds: float = 2.0


@dataclass(frozen=True)
class ClipOrder:
    """One clip that is asked of ComfyUI.

    Attributes:
        request: The generator's request.
        fingerprint: SHA-256 of it, including workflow, seed and pictures.
        on_progress: Called with the fraction done.
        stop: Set when the clip is no longer wanted.
    """

    request: GenerationRequest
    fingerprint: str
    on_progress: ProgressCallback
    stop: StopSignal

    @property
    def chunk_num(self) -> int:
        """The chunk."""
        return self.request.chunk_num

    @property
    def where(self) -> str:
        """The chunk and its film, for messages."""
        return self.request.where
