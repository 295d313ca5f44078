"""What every generator promises: a request in, a clip on disk out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.stopping import NEVER, StopSignal

ProgressCallback = Callable[[float], None]
"""Called with the fraction done, 0.0 to 1.0, from whatever thread the generator works in."""


def ignore_progress(_fraction: float) -> None:
    """The callback of a caller that does not watch."""


@dataclass(frozen=True)
class GenerationRequest:
    """One chunk's clip, asked of a generator.

    Attributes:
        video_id: The film's name.
        chunk_num: The chunk's number in the film, from 0.
        prompt: What to show, at most 100 words.
        conditioning_image: The composite, an RGB PNG of exactly `size`.
        num_frames: How many frames the clip shall have, its lead-in among them.
        fps: Frames per second.
        size: Width and height in pixels, both even.
        seed: What makes two clips of the same request differ.
        camera_movement: As the beat says it, or None.
        negative_prompt: What not to show, or None.
        keyframes: Frames at which the film may be cut (`video.clips.ClipFormat.keyframes`).
    """

    video_id: str
    chunk_num: int
    prompt: str
    conditioning_image: Path
    num_frames: int
    fps: FrameRate
    size: tuple[int, int]
    seed: int
    camera_movement: str | None = None
    negative_prompt: str | None = None
    keyframes: tuple[int, ...] = ()


@dataclass(frozen=True)
class GeneratedClip:
    """What a generator made.

    Attributes:
        path: The clip as it came, in the caller's work directory.
        cost_usd: What it cost, in US dollars.
        spent_usd: What the chunk has cost so far in all, as its ledger says; None if the generator
            is free and keeps no ledger.
        is_normalised: Whether it was written by `video.clips.ClipWriter` in the asked format, so
            that there is nothing left to normalise.
        details: Where it came from, for the record (prediction id and the like); never a secret.
    """

    path: Path
    cost_usd: float = 0.0
    spent_usd: float | None = None
    is_normalised: bool = False
    details: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """What a generator renders with, known without asking anything of a server.

    Attributes:
        model: The chosen model's short name; None where there is no choice of models.
        label: The model in words for people.
        is_estimate: Whether the generator's prices are estimates.
    """

    model: str | None = None
    label: str = ""
    is_estimate: bool = False


class Generator(ABC):
    """Turns a conditioning image and a prompt into a clip."""

    name: ClassVar[str]
    """What a person types to choose it."""

    pool: ClassVar[str | None] = None
    """The Dagster pool of which each film takes a slot while it renders; None for none."""

    keeps_ledger: ClassVar[bool] = False
    """Whether it writes its requests to the ledger and holds `max_cost_usd` itself; for the other
    paid generators `metering.Metered` does."""

    @property
    @abstractmethod
    def model(self) -> str:
        """Which model renders, with its version: part of every clip's fingerprint."""

    @property
    def is_paid(self) -> bool:
        """Whether a clip may cost money; a generator with prices of its own is paid by default."""
        return type(self).price_usd is not Generator.price_usd

    @property
    def offer(self) -> Offer:
        """What it renders with."""
        return Offer()

    def price_usd(self, num_frames: int, fps: FrameRate, size: tuple[int, int]) -> float:
        """What a clip is expected to cost, in US dollars; asks nothing of a server.

        Raises:
            SpecError: It makes no such clip.
        """
        return 0.0

    def has_made(self, model: str) -> bool:
        """Whether a stored clip of that `model` is one this generator would keep."""
        return model == self.model

    def check_ready(self) -> None:  # noqa: B027 - most need nothing
        """Check that everything needed to render is configured, such as a token.

        Raises:
            SpecError: Something is missing.
        """

    @abstractmethod
    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        """Render one clip into `workdir`, an existing directory of the caller's.

        Args:
            request: What to render.
            workdir: Where the clip goes.
            on_progress: Told how much is done.
            stop: Set when the clip is no longer wanted: look at it several times a second
                (`StopSignal.raise_if_set`), also while waiting.

        Raises:
            Stopped: `stop` was set; if it has a reason, that is raised instead.
            GenerationError: No clip came; `TimedOut` and `Unavailable` are worth another try. For a
                paid generator `data["cost_usd"]` says what was billed; without it, the full price
                is counted.
        """

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of what it holds."""
