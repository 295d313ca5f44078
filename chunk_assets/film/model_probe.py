"""Probe a hosted model: request one short clip, and measure what the model really does."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from chunk_assets.files.digests import file_digest
from chunk_assets.film.objects import FilmObjects
from chunk_assets.frame_rate import FrameRate
from chunk_assets.generation.base import GeneratedClip, GenerationRequest, Generator
from chunk_assets.generation.catalog import load_catalog
from chunk_assets.generation.context import GenerationContext
from chunk_assets.generation.hosted import HostedModel
from chunk_assets.generation.registry import choose_generator
from chunk_assets.media.frames import last_frame, read_frames
from chunk_assets.media.images import cover, save_png
from chunk_assets.media.metrics import psnr
from chunk_assets.media.originals import Original, measure_original
from chunk_assets.settings import Settings
from chunk_assets.storage.objects import JSON
from chunk_assets.storage.store import ObjectStore

SIZE = (640, 360)
"""The size of the film that is asked for: the cheapest resolution of most models."""

FPS = FrameRate(24)
SEED = 20_261_129
CLIP, REPORT = "original", "probe.json"
REPEATED_DB = 35.0
"""PSNR of the last frames of two clips above which they are the same: encoded twice, a picture
keeps more, and two takes of one scene have less than 30 dB."""


@dataclass(frozen=True)
class Finding:
    """One thing that was measured, beside what was asked for."""

    name: str
    asked: str
    measured: str


@dataclass(frozen=True)
class Probe:
    """The result of a probe.

    Attributes:
        model: The model's short name.
        replicate: Its name on Replicate.
        prediction_id: The prediction.
        cost_usd: What the clip cost, as far as it is known.
        clip: The S3 URI of the clip as it was delivered.
        findings: What was measured.
    """

    model: str
    replicate: str
    prediction_id: str
    cost_usd: float
    clip: str
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class PlannedProbe:
    """A probe that is ready to be paid for.

    Attributes:
        model: The model.
        seconds: The length of its clip.
        price_usd: The expected price.
        run: Requests the clip into an existing directory, keeps it on S3, and measures it.
    """

    model: HostedModel
    seconds: float
    price_usd: float
    run: Callable[[Path], Probe]


def plan_probe(store: ObjectStore, settings: Settings, name: str) -> PlannedProbe:
    """Return a probe of a model, before anything is paid.

    A probe that was interrupted continues with its prediction. As long as Replicate keeps the clip,
    which is an hour, a second probe measures it again at no cost; later, it requests another clip
    with the same seed, and compares the two.

    Raises:
        SpecError: The model does not exist or is retired, or there is no API token.
    """
    model = load_catalog(settings.models).find(name)
    objects = FilmObjects(store, f"probe-{model.name}"[:64].rstrip(".-_"))
    context = GenerationContext(objects.video_id, settings, objects.ledger(), model=name)
    frames = min(
        max(model.length.shortest(FPS).film_frames(FPS), int(FPS)),
        model.length.longest(FPS).film_frames(FPS),
    )
    length = model.clip_length(frames, FPS)
    with closing(choose_generator("replicate", context)) as generator:
        price = generator.price_usd(frames, FPS, SIZE)

    def run(workdir: Path) -> Probe:
        with closing(choose_generator("replicate", context)) as generator:
            return _run(generator, model, frames, objects, workdir)

    return PlannedProbe(model, float(length.seconds), price, run)


def _run(
    generator: Generator, model: HostedModel, frames: int, objects: FilmObjects, workdir: Path
) -> Probe:
    first = _picture(0)
    end = _picture(1) if model.end_image else None
    request = GenerationRequest(
        video_id=objects.video_id,
        chunk_num=0,
        prompt="Coloured discs on a soft gradient. The camera moves slowly; nothing else changes.",
        conditioning_image=save_png(first, workdir / "first.png"),
        num_frames=frames,
        fps=FPS,
        size=SIZE,
        seed=SEED,
        end_image=save_png(end, workdir / "end.png") if end else None,
    )
    clip = generator.generate(request, workdir)
    original = measure_original(clip.path)
    take = _take(objects, clip)
    kept = objects.take(0, take, CLIP)
    objects.store.put_file(kept.key, clip.path, original.file_type[1])
    generator.original_stored(0, clip, file_digest(clip.path))
    findings = (
        *_form(model, frames, original),
        *_pictures(clip.path, first, end),
        _seed(model, objects, take, clip.path, workdir),
    )
    probe = Probe(
        model.name, model.replicate, clip.prediction_id, clip.cost_usd, kept.uri, findings
    )
    report = json.dumps(probe.as_json(), indent=2).encode() + b"\n"
    objects.store.put_bytes(objects.take(0, take, REPORT).key, report, JSON)
    return probe


def _picture(shift: int) -> Image.Image:
    """Return a picture with edges, colours and a gradient; another one for each shift."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    rgb = np.stack([60 + 120 * x / SIZE[0], 90 + 90 * y / SIZE[1], 170 - 90 * x / SIZE[0]], -1)
    for number, colour in enumerate([(220, 60, 40), (40, 160, 90), (240, 200, 60)]):
        middle = (130 + 190 * number + 30 * shift, 120 + 60 * ((number + shift) % 3))
        rgb[np.hypot(x - middle[0], y - middle[1]) < 60] = colour
    return Image.fromarray(rgb.astype(np.uint8))


def _take(objects: FilmObjects, clip: GeneratedClip) -> int:
    """Return the number of the clip among the predictions that succeeded, from 1."""
    made = [
        attempt.prediction_id
        for attempt in objects.ledger().chunk(0).attempts
        if attempt.status in ("succeeded", "unfetched")
    ]
    return made.index(clip.prediction_id) + 1 if clip.prediction_id in made else len(made) + 1


def _form(model: HostedModel, frames: int, original: Original) -> list[Finding]:
    length = model.clip_length(frames, FPS)
    picture = model.frame_size(length, SIZE)
    seconds = original.frames / float(Fraction(original.fps))
    sound = {"never": "none", "choice": "none"}.get(model.abilities.sound, "unknown or always")
    credentials = {True: "signed", False: "not signed", None: "unknown"}[model.content_credentials]
    return [
        Finding(
            "size",
            picture.resolution or f"{picture.picture[0]}x{picture.picture[1]}",
            f"{original.width}x{original.height}",
        ),
        Finding("rate", f"{length.model_fps} fps", f"{original.fps} fps"),
        Finding("length", f"{float(length.seconds):g} s", f"{seconds:.3g} s"),
        Finding("sound", sound, "sound" if original.has_sound else "none"),
        Finding(
            "content credentials",
            credentials,
            "signed" if original.has_content_credentials else "not signed",
        ),
    ]


def _pictures(path: Path, first: Image.Image, end: Image.Image | None) -> list[Finding]:
    shown = next(iter(read_frames(path)))
    size = (shown.shape[1], shown.shape[0])
    found = [Finding("first frame", "the picture", _likeness(shown, first, size))]
    if end is not None:
        last = np.asarray(last_frame(str(path)))
        found.append(Finding("last frame", "the end picture", _likeness(last, end, size)))
    return found


def _likeness(frame: np.ndarray, picture: Image.Image, size: tuple[int, int]) -> str:
    return f"PSNR {psnr(frame, np.asarray(cover(picture, size))):.1f} dB"


def _seed(
    model: HostedModel, objects: FilmObjects, take: int, path: Path, workdir: Path
) -> Finding:
    if model.seed is None:
        return Finding("seed", "not accepted", "-")
    earlier = objects.take(0, take - 1, CLIP)
    if take == 1 or earlier.head() is None:
        return Finding("seed", "accepted", "a second probe shows whether it repeats")
    before = workdir / "before"
    earlier.download(before)
    one, other = (np.asarray(last_frame(str(each))) for each in (path, before))
    if one.shape != other.shape:
        return Finding("seed", "accepted", "not repeated: the clips differ in size")
    likeness = psnr(one, other)
    words = "repeated" if likeness >= REPEATED_DB else "not repeated"
    return Finding("seed", "accepted", f"{words} (PSNR {likeness:.1f} dB to the clip before)")
