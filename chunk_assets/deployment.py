"""Process-wide settings for reading films: limits, FFmpeg and the operator's models.

An entry point (a command, or the code location that Dagster loads) reads the settings and calls
`configure` once. The rest of the package asks `deployment` and never reads the environment. These
values are not passed as arguments: some forty functions open a picture or a clip, and one that
failed to pass them on would lift the operator's limits without anyone noticing.
"""

from dataclasses import dataclass, field
from pathlib import Path

from chunk_assets.limits import Limits


@dataclass(frozen=True)
class Deployment:
    """The settings that hold for every film.

    Attributes:
        limits: Limits on clips and pictures.
        ffmpeg: The FFmpeg binary; None is imageio-ffmpeg's.
        models: The operator's TOML file of hosted models; None if there is none.
    """

    limits: Limits = field(default_factory=Limits)
    ffmpeg: str | None = None
    models: Path | None = None


_current = Deployment()


def configure(deployment: Deployment) -> None:
    """Use these values in this process, and in those it forks, from now on."""
    global _current
    _current = deployment


def deployment() -> Deployment:
    """Return what was configured; the defaults in a process without an entry point."""
    return _current
