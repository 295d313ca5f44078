"""The checks `clip_conforms` and `film_is_whole`: format, length and rate."""

from pathlib import Path

from chunk_assets.checks import results
from chunk_assets.checks.results import CheckResult, Value, measured
from chunk_assets.errors import MediaError, SpecError, StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.frame_rate import FrameRate
from chunk_assets.media.clip_metrics import ClipMetrics
from chunk_assets.media.clips import ClipFormat, check
from chunk_assets.media.frames import VideoInfo, probe
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore


def check_form(spec: ChunkSpec, clip: Path, seen: ClipMetrics) -> CheckResult:
    """Compare a clip's format with its spec.

    Keyframes are not checked: stitching encodes a clip again if they are missing.
    """
    values: dict[str, Value] = {}
    fault = ""
    try:
        try:
            info = check(clip, ClipFormat(spec.num_frames, spec.fps, spec.size))
        except (MediaError, SpecError) as error:
            fault = str(error).replace(repr(str(clip)), "the clip")
            info = probe(clip)
        values = _form(info, spec.num_frames, spec.fps, spec.size)
        decoded = seen.movement.frames
        values |= measured(decoded_frames=(decoded, info.frames))
        if not fault and decoded != info.frames:
            fault = f"the clip is damaged: {decoded} of {info.frames} frames can be decoded"
    except MediaError as error:
        fault = str(error).replace(repr(str(clip)), "the clip")
    return CheckResult(results.CONFORMS, not fault, fault or "the clip matches its spec", values)


def check_film(store: ObjectStore, video_id: str, path: Path) -> CheckResult:
    """Download a stitched film to `path` and compare it with its manifest.

    Raises:
        StorageError: S3 cannot be reached.
    """
    film = FilmObjects(store, video_id).film()
    film.head()  # raises if S3 cannot be reached; later errors are the film's
    values: dict[str, Value] = {}
    try:
        animatic = plan_film(store, video_id).animatic
        film.download(path)
        info = probe(path)
        values = _form(info, animatic.num_frames, animatic.fps, animatic.resolution)
        dropped = animatic.num_frames - info.frames
        values |= measured(dropped_frames=(dropped, 0))
        check(path, ClipFormat(animatic.num_frames, animatic.fps, animatic.resolution))
    except (StorageError, MediaError, SpecError) as error:
        sentence = str(error).replace(repr(str(path)), "the film")
        return CheckResult(results.WHOLE, False, sentence, values)
    sentence = f"{info.frames} frames, {float(info.duration):g} s, at a constant rate"
    return CheckResult(results.WHOLE, True, sentence, values)


def _form(info: VideoInfo, frames: int, fps: FrameRate, size: tuple[int, int]) -> dict[str, Value]:
    return {
        **measured(
            frames=(info.frames, frames),
            seconds=(float(info.duration), float(fps.seconds(frames))),
            fps=(float(info.fps), float(fps)),
            width=(info.width, size[0]),
            height=(info.height, size[1]),
            constant_rate=(int(info.has_constant_rate), 1),
        ),
        "codec": info.codec,
        "codec_allowed": "h264",
    }
