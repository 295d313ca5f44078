"""What is done with a clip beside the chain: normalised, stored, and its last frame with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from chunk_assets.chain.files import ChunkFiles
from chunk_assets.chain.objects import ChunkObject
from chunk_assets.chain.records import ClipRecord, FrameRecord
from chunk_assets.generation.base import GeneratedClip
from chunk_assets.images import save_png
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage import keys
from chunk_assets.storage.objects import write_image, write_video
from chunk_assets.storage.store import ObjectStore, StoredObject, file_digest
from chunk_assets.video.clips import ClipFormat, normalise
from chunk_assets.video.frames import extract_last_frame


@dataclass(frozen=True)
class Made:
    """A clip as its generator gave it, and what is to be recorded of it.

    Attributes:
        clip: The clip.
        frame: Its last frame, whose digest is `pixels`.
        record: What it was made from.
        inputs: The version of each asset it was made from.
    """

    clip: GeneratedClip
    frame: Image.Image
    pixels: str
    record: ClipRecord
    inputs: Mapping[str, str | None]


class Finishing:
    """Makes the stored objects of clips and last frames."""

    def __init__(self, store: ObjectStore, files: ChunkFiles):
        self._store, self._files = store, files

    def clip(self, spec: ChunkSpec, made: Made, *, with_frame: bool) -> list[ChunkObject]:
        """Normalise and store a clip and its last frame.

        Raises:
            MediaError: The clip cannot be normalised.
            StorageError: S3 does not take it.
        """
        source, held = made.clip.path, 0
        if not made.clip.is_normalised:
            source = self._files.directory(spec.chunk_num) / "clip.mp4"
            form = ClipFormat(spec.num_frames, spec.fps, spec.size, spec.keyframes)
            held = normalise(made.clip.path, source, form).held_frames
        frame = save_png(made.frame, self.frame_path(spec))
        # The frame first: the clip's object commits both.
        last = self.frame(spec, frame, FrameRecord(clip=file_digest(source), pixels=made.pixels))
        key = keys.chunk_video(spec.video_id, spec.chunk_num)
        record = made.record.model_copy(update={"held_frames": held}).as_metadata()
        stored = ChunkObject(
            "chunk_videos",
            spec,
            write_video(self._store, key, source, record),
            inputs=made.inputs,
            picture=lambda: self._middle_frame(spec, source),
            details=made.clip.details,
        )
        return [stored, last] if with_frame else [stored]

    def kept_clip(
        self, spec: ChunkSpec, stored: StoredObject, inputs: Mapping[str, str | None]
    ) -> ChunkObject:
        """A clip that stays."""
        return ChunkObject(
            "chunk_videos",
            spec,
            stored,
            inputs=inputs,
            is_kept=True,
            picture=lambda: self._middle_frame(
                spec, self._files.stored_file(spec.chunk_num, stored)
            ),
        )

    def frame(self, spec: ChunkSpec, path: Path, record: FrameRecord) -> ChunkObject:
        """Store a last frame.

        Raises:
            StorageError: S3 does not take it.
        """
        key = keys.last_frame(spec.video_id, spec.chunk_num)
        stored = write_image(self._store, key, path, record.as_metadata())
        inputs = {"chunk_videos": record.clip}
        return ChunkObject("last_frames", spec, stored, inputs=inputs, picture=lambda: path)

    def kept_frame(self, spec: ChunkSpec, stored: StoredObject, clip: str) -> ChunkObject:
        """A last frame that stays, of the clip with that sha256."""
        picture = self._files.stored_picture(spec.chunk_num, stored)
        inputs = {"chunk_videos": clip}
        return ChunkObject(
            "last_frames", spec, stored, inputs=inputs, is_kept=True, picture=picture.path
        )

    def frame_path(self, spec: ChunkSpec) -> Path:
        """Where a chunk's last frame lies while it is worked with."""
        return self._files.directory(spec.chunk_num) / "last_frame.png"

    def _middle_frame(self, spec: ChunkSpec, clip: Path) -> Path:
        path = self._files.directory(spec.chunk_num) / "middle_frame.png"
        middle = Fraction(spec.num_frames // 2 + 1, spec.fps)
        return Path(extract_last_frame(str(clip), until=middle, output_path=str(path)))
