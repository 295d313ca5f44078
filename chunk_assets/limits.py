"""Limits on untrusted clips and pictures, checked before anything is decoded."""

from pydantic import BaseModel, ConfigDict, Field

MEGA = 1_000_000


class Limits(BaseModel):
    """Limits on clips and pictures, each a variable such as CHUNK_ASSETS_LIMITS__CLIP_SIDE."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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
        default=3600, gt=0, description="Length of a clip. The longest film is an hour long."
    )
    clip_file_bytes: int = Field(
        default=16_000 * MEGA, ge=1, description="Size of a clip's file, or of a film of an hour."
    )
    clip_streams: int = Field(
        default=64, ge=1, le=1000, description="Streams of a clip's file, including sound."
    )
    clip_decode_seconds: float = Field(
        default=120,
        gt=0,
        description="Timeout for decoding or converting one clip. Ten seconds of 4K take about "
        "30 s on two cores.",
    )

    picture_pixels: int = Field(
        default=100 * MEGA,
        ge=1,
        le=178 * MEGA,  # above this, Pillow itself refuses
        description="Width times height. A3 scanned at 600 dpi has 70 megapixels.",
    )
    picture_side: int = Field(
        default=30_000, ge=1, le=65_535, description="Pixels of the longer side."
    )
    picture_file_bytes: int = Field(
        default=512 * MEGA,
        ge=1,
        description="Size of a picture's file. 100 megapixels of uncompressed RGB have 300 MB; "
        "layers that Photoshop adds are not read.",
    )
    picture_memory_bytes: int = Field(
        default=500 * MEGA,
        ge=1 * MEGA,
        description="Memory for decoding, estimated from format and pixel type. 100 megapixels "
        "take 400 MB as an RGB PNG, 1.6 GB as a WebP, 1 GB as a progressive JPEG without "
        "subsampling.",
    )
    picture_scans: int = Field(
        default=50,
        ge=1,
        description="Scans of a progressive JPEG; each passes over the whole picture. Encoders "
        "write 10, at most 20; 100 megapixels take up to 0.1 s for each.",
    )
