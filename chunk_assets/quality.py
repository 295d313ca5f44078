"""Limits of the automatic checks of clips and films, each with its reason.

Levels range from 0 to 255. They are measured on pictures scaled down to a width of about 160 pixels
(`media.metrics.reduced`), which removes grain and codec noise. "The example" is `examples/aurora`,
rendered by the preview generator.
"""

from pydantic import BaseModel, ConfigDict, Field


class Quality(BaseModel):
    """The limits of the asset checks."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    black_luma: float = Field(
        default=20.0,
        ge=0,
        le=255,
        description="Level below which a pixel counts as black. FFmpeg's blackframe uses 32 of the "
        "video range, which is 19 of 255. The example's darkest frames have a mean of 77.",
    )
    black_frames: int = Field(
        default=0,
        ge=0,
        description="Black frames allowed in a clip that does not start on black. A single one is "
        "visible as a flash; hosted models that refuse a prompt return only black frames.",
    )
    still_luma: float = Field(
        default=0.5,
        ge=0,
        le=255,
        description="Change in levels from which a picture counts as moving. An encoded still "
        "changes by up to 0.37; a slow move by more within a quarter of a second.",
    )
    still_share: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Longest part of a clip that may stand still. The preview's moves stand still "
        "for 0.23 of it at their ends, a whip pan for 0.48.",
    )
    begin_distance: float = Field(
        default=2.0,
        ge=0,
        description="Largest difference in levels between a clip's first frame and its "
        "conditioning image. The example has 0.13; an image as soft as a model's decoder makes it "
        "(2 pixels of blur, JPEG quality 20) up to 1.6; an image zoomed by 1 % at least 2.2; the "
        "most similar wrong clip, the next chunk's, 3.3.",
    )
    colour_shift: float = Field(
        default=1.5,
        ge=0,
        description="Largest ΔE between a clip's last frame and its conditioning image, of the "
        "mean colour or its spread. The example has up to 0.5. A cast of 6 levels in one channel "
        "has at least 2.3, the smallest difference a viewer sees side by side; 10 % of contrast "
        "at least 1.6.",
    )
    colour_drift: float = Field(
        default=2.3,
        ge=0,
        description="Largest ΔE accumulated over a beat's chunks, less what each blend with the "
        "animatic takes back: the smallest difference a viewer sees side by side (Mahy 1994). The "
        "example has up to 0.9.",
    )
