"""What a clip and a film must keep to, so that nobody has to look; each limit with its reason.

Levels are of 255, on pictures reduced to about 160 pixels of width (`video.judging.reduced`), where
grain and codec noise have gone and what a viewer sees remains. "The example" is `examples/aurora`
as the preview generator renders it.
"""

from pydantic import BaseModel, ConfigDict, Field


class Quality(BaseModel):
    """The limits of the asset checks."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    black_luma: float = Field(
        default=20.0,
        ge=0,
        le=255,
        description="Levels below which a pixel is black: FFmpeg's blackframe has 32 of the video "
        "range, which are 19 of 255. The example's darkest frames have a mean of 77.",
    )
    black_frames: int = Field(
        default=0,
        ge=0,
        description="How many frames may be black, of a clip that does not begin in black: a "
        "single one is seen as a flash, and hosted models answer a refusal with all of them black.",
    )
    still_luma: float = Field(
        default=0.5,
        ge=0,
        le=255,
        description="Levels by which the picture has to change to count as moving: a still that "
        "was encoded changes by up to 0.37, a slow move by more within a quarter of a second.",
    )
    still_share: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="The part of a clip that may stand still at a stretch: the preview's moves "
        "stand for 0.23 at their ends, a whip pan for 0.48.",
    )
    begin_distance: float = Field(
        default=2.0,
        ge=0,
        description="Levels by which the first frame's drawing may differ from the picture it was "
        "conditioned on. The example has 0.13; a picture made as soft as a model's decoder makes "
        "it (2 pixels of blur, JPEG at 20) has up to 1.6; one zoomed by 1 % has 2.2 and more; the "
        "nearest wrong clip, the next chunk's, 3.3.",
    )
    colour_shift: float = Field(
        default=1.5,
        ge=0,
        description="ΔE by which the mean, or the spread, of a clip's last frame may differ from "
        "the picture it was conditioned on. The example has up to 0.5; a cast of 6 levels in one "
        "channel has 2.3 and more, which is the least a viewer sees side by side; 10 % of "
        "contrast 1.6 and more.",
    )
    colour_drift: float = Field(
        default=2.3,
        ge=0,
        description="ΔE that a beat's chunks may have added up to, less what each blend with the "
        "animatic takes back: the least difference a viewer sees side by side (Mahy 1994). The "
        "example has up to 0.9.",
    )
