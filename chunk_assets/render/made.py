"""The data of a clip that is being made: its inputs, and what its generator delivered."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.base import GeneratedClip
from chunk_assets.media.preview_frames import PreviewFrames
from chunk_assets.render.files import Picture
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.stored import StoredObject


@dataclass(frozen=True)
class ChosenClip:
    """The clip of a chunk's chosen take, and its record."""

    stored: StoredObject
    record: ClipRecord


@dataclass(frozen=True)
class ClipInputs:
    """What a clip is made from.

    Attributes:
        spec: The chunk.
        spec_version: The version of its stored spec.
        composite: The picture that it is conditioned on.
        previous: The last frame that the composite was made from, if it is new.
        composite_from: The recorded fingerprint of a stored composite; empty for a new one.
    """

    spec: ChunkSpec
    spec_version: str
    composite: Picture
    previous: Picture | None = None
    composite_from: str = ""

    @property
    def versions(self) -> Mapping[str, str | None]:
        """The versions of the inputs, by asset."""
        return {"chunk_specs": self.spec_version, "composites": self.composite.version}


@dataclass(frozen=True)
class EndPicture:
    """The picture that a clip should end on, and how the clip as delivered comes to it.

    Attributes:
        image: The picture.
        held_seconds: How long the clip holds it at its end.
        used_seconds: How much of the clip is stretched to the chunk; None if it is used as it is.
    """

    image: Image.Image
    held_seconds: Fraction = Fraction(0)
    used_seconds: Fraction | None = None


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A clip as its generator delivered it.

    Attributes:
        inputs: What it was made from.
        clip: The clip.
        model: The generator's model and its version.
        seed: The take's seed.
        take: The take's number.
        chosen: The clip that the chunk has so far, if it is intact and has a record.
        seconds: How long the generator took.
        directory: Where its files are.
    """

    inputs: ClipInputs
    clip: GeneratedClip
    model: str
    seed: int
    take: int
    chosen: ChosenClip | None
    seconds: float
    directory: Path


@dataclass(frozen=True, kw_only=True)
class Made(Rendered):
    """A new clip whose frames were decoded.

    Attributes:
        frame: Its last frame.
        preview_frames: Some of the frames before the last one.
        end: The picture that it should end on, if there is one, and how it does.
    """

    frame: Picture
    preview_frames: PreviewFrames
    end: EndPicture | None = None
