"""The interface of generators: a request in, a clip on disk out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from PIL import Image

from chunk_assets.errors import MediaError
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.abilities import Abilities
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.images import open_picture

ProgressCallback = Callable[[float], None]
"""Called with the fraction done, 0.0 to 1.0, from whatever thread the generator works in: 0.0 while
the clip waits for its turn, and at least `STARTED` once it is being rendered."""

STARTED = 0.001


def ignore_progress(_fraction: float) -> None:
    """Do nothing: the callback of a caller that shows no progress."""


@dataclass(frozen=True)
class GenerationRequest:
    """A request for one chunk's clip.

    Attributes:
        video_id: The film's name.
        chunk_num: The chunk's number in the film, from 0.
        prompt: What to show, at most 100 words.
        conditioning_image: The composite, an RGB PNG of exactly `size`.
        num_frames: Length of the clip, including its lead-in.
        fps: Frames per second.
        size: Width and height in pixels, both even.
        seed: The seed, by which two clips of the same request differ.
        camera_movement: In the words of the beat, or None.
        negative_prompt: What not to show, or None.
        keyframes: Frames at which the film may be cut (`media.clips.ClipFormat.keyframes`).
        end_image: The picture to end with, an RGB PNG of exactly `size`; None for any end. Only for
            generators with `Abilities.end_image`.
        references: Pictures of what the clip shows, such as the product, most important first: at
            most as many as `Abilities.references`. They may have any size.
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
    end_image: Path | None = None
    references: tuple[Path, ...] = ()

    @property
    def where(self) -> str:
        """The chunk and its film, for messages."""
        return f"chunk {self.chunk_num} of film {self.video_id!r}"


def conditioning_image(request: GenerationRequest) -> Image.Image:
    """Open a request's conditioning image.

    Raises:
        MediaError: It cannot be read, or is not of the clip's size.
    """
    return _picture(request, request.conditioning_image, "conditioning image")


def end_image(request: GenerationRequest) -> Image.Image | None:
    """Open the picture that a request's clip ends on; None if it may end on any.

    Raises:
        MediaError: It cannot be read, or is not of the clip's size.
    """
    if request.end_image is None:
        return None
    return _picture(request, request.end_image, "end picture")


def _picture(request: GenerationRequest, file: Path, what: str) -> Image.Image:
    picture = open_picture(str(file))
    if picture.size != tuple(request.size):
        raise MediaError(
            f"the {what} {str(file)!r} has the size {picture.size!r}: "
            f"expected the clip's size {tuple(request.size)!r}",
            path=str(file),
        )
    return picture


@dataclass(frozen=True)
class GeneratedClip:
    """A rendered clip.

    Attributes:
        path: The original clip, in the caller's work directory.
        cost_usd: What it cost, in US dollars.
        spent_usd: The chunk's total cost so far, according to its ledger; None if the generator
            is free and keeps no ledger.
        request: The fingerprint of its request in the ledger; empty if there is no ledger.
        prediction_id: The provider's id of its prediction; empty if it has none.
        made_by: The generator and model that took over from the one that was asked; empty if none.
        is_normalised: Whether `media.clips.ClipWriter` wrote it in the requested format, so that
            nothing is left to normalise.
        details: Its origin, for the record (such as the prediction's id); never a secret.
    """

    path: Path
    cost_usd: float = 0.0
    spent_usd: float | None = None
    request: str = ""
    prediction_id: str = ""
    made_by: str = ""
    is_normalised: bool = False
    details: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """The model and prices of a generator, known without a network request.

    Attributes:
        model: The chosen model's short name; None if the generator has only one.
        label: The model's name for display.
        is_estimate: Whether the generator's prices are estimates.
    """

    model: str | None = None
    label: str = ""
    is_estimate: bool = False


class Generator(ABC):
    """Turns a conditioning image and a prompt into a clip."""

    name: ClassVar[str]
    """The name that users choose it by."""

    runs_here: ClassVar[bool] = False
    """Whether it renders on this machine's processor: many clips at once are then no faster."""

    pool: ClassVar[str | None] = None
    """The Dagster pool that limits how many of its clips are rendered at once; None for none."""

    keeps_ledger: ClassVar[bool] = False
    """Whether it records its requests in the ledger and enforces `max_cost_usd` itself; otherwise
    `metering.Metered` does, if it is paid."""

    @property
    @abstractmethod
    def model(self) -> str:
        """The model and its version; part of every clip's fingerprint."""

    @property
    def is_paid(self) -> bool:
        """Whether a clip may cost money: by default, whether it overrides `price_usd`."""
        return type(self).price_usd is not Generator.price_usd

    @property
    def offer(self) -> Offer:
        """The model and the kind of its prices."""
        return Offer()

    @property
    def abilities(self) -> Abilities:
        """What it can do with a request beyond the conditioning image and the prompt."""
        return Abilities()

    @property
    def fallback(self) -> "Generator | None":
        """The generator that takes over what this one declines or cannot make for now."""
        return None

    def price_usd(self, num_frames: int, fps: FrameRate, size: tuple[int, int]) -> float:
        """Return the expected price of a clip, in US dollars, without a network request.

        Raises:
            SpecError: The generator cannot make such a clip.
        """
        return 0.0

    def has_made(self, model: str) -> bool:
        """Return whether this generator would keep a stored clip that `model` made."""
        return model == self.model

    def request_of(self, request: GenerationRequest) -> str:
        """Return the fingerprint by which the ledger knows a request.

        Empty for a generator that cannot find the clip of an earlier request again.

        Raises:
            GenerationError: It is not known at present.
            SpecError: The generator cannot make such a clip.
        """
        return ""

    def check_ready(self) -> None:  # noqa: B027 - most need nothing
        """Check that what rendering needs is configured, such as a token.

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
            on_progress: Called with the fraction done.
            stop: Set when the clip is no longer wanted: check it several times a second
                (`StopSignal.raise_if_set`), also while waiting.

        Raises:
            Stopped: `stop` was set; if it has a reason, that is raised instead.
            GenerationError: There is no clip; `TimedOut` and `Unavailable` may be retried. A paid
                generator reports what was billed as `data["cost_usd"]`; otherwise the full price
                is counted.
        """

    def original_stored(self, chunk_num: int, clip: GeneratedClip, sha256: str) -> None:  # noqa: B027
        """Note that the clip as it was delivered is on S3, so it need not be fetched again.

        Called once for each clip that is not in the film's format; again after a crash.

        Args:
            chunk_num: The chunk.
            clip: The clip; its file may be gone.
            sha256: The SHA-256 (hex) of the delivered file.

        Raises:
            StorageError: It cannot be recorded.
        """

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Release what the generator holds, such as connections."""
