"""Limits on what strangers hand in, checked before anything of it is decoded."""

from pydantic import BaseModel, ConfigDict, Field

MEGA = 1_000_000


class Limits(BaseModel):
    """How large a clip may be; each is a variable, such as CHUNK_ASSETS_LIMITS__CLIP_SIDE."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clip_side: int = Field(
        default=8192, ge=16, le=16384, description="Pixels of a clip's longer side."
    )
    clip_pixels: int = Field(
        default=17 * MEGA,
        ge=256,
        le=268 * MEGA,
        description="Width times height of a clip. The largest film has 4096 × 4096.",
    )
    clip_frames: int = Field(
        default=500_000,
        ge=1,
        description="Frames of a clip, and entries its index declares. A film of an hour at 120 "
        "fps has 432,000.",
    )
    clip_seconds: float = Field(
        default=3600, gt=0, description="Length of a clip. The longest film has an hour."
    )
    clip_file_bytes: int = Field(
        default=16_000 * MEGA, ge=1, description="Size of a clip's file, an hour's film among them."
    )
    clip_streams: int = Field(
        default=64, ge=1, le=1000, description="Streams of a clip's file, sound among them."
    )
    clip_decode_seconds: float = Field(
        default=120,
        gt=0,
        description="How long decoding or converting one clip may take. Ten seconds of 4K take "
        "about 30 s on two cores.",
    )
