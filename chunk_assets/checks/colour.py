"""The check `colour_has_not_drifted`: how far colours moved in a chunk, and in its beat so far."""

from pathlib import Path

import numpy as np

from chunk_assets.checks import results
from chunk_assets.checks.results import CheckResult, measured, over_limit
from chunk_assets.errors import MediaError, StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import CompositeRecord
from chunk_assets.media.images import open_picture
from chunk_assets.media.metrics import ColourShift, accumulated, colour_shift, reduced
from chunk_assets.quality import Quality
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore

NEGLIGIBLE = 0.01
"""Earlier chunks count until their share in the picture is below this: 13 chunks at 0.7."""

MAX_CHUNKS = 60
"""Most earlier chunks that count: with a weight of 1 their share never gets smaller."""


class ColourDrift:
    """Measures colour drift chunk by chunk; keeps the measurements of one film."""

    def __init__(self, store: ObjectStore, workdir: Path):
        self._store, self._workdir = store, workdir
        self._video_id = ""
        self._known: dict[int, tuple[str, ColourShift, float] | None] = {}

    def check(
        self,
        spec: ChunkSpec,
        conditioning: np.ndarray,
        last: np.ndarray,
        temporal: float,
        quality: Quality,
    ) -> CheckResult:
        """Check a chunk's colours.

        Args:
            spec: The chunk.
            conditioning: The picture its last frame is compared with, reduced: the one that the
                clip was conditioned on, or its end picture.
            last: The clip's last frame, reduced.
            temporal: The share of the previous last frame in `conditioning`.
            quality: The limits.

        Raises:
            StorageError: S3 cannot be reached.
        """
        shift = colour_shift(conditioning, last)
        chain = [(shift, temporal), *self._earlier(spec, temporal)]
        drift = accumulated(reversed(chain))
        pairs = {
            "colour_shift": (shift.mean_distance, quality.colour_shift),
            "contrast_shift": (shift.spread_distance, quality.colour_shift),
            "colour_drift": (drift.mean_distance, quality.colour_drift),
            "contrast_drift": (drift.spread_distance, quality.colour_drift),
        }
        faults = over_limit(**pairs)
        lightness, red, yellow = (round(float(value), 3) for value in shift.mean)
        values = {
            **measured(**pairs),
            "lightness_shift": lightness,
            "green_to_red_shift": red,
            "blue_to_yellow_shift": yellow,
            "chunks_in_drift": len(chain),
        }
        sentence = "; ".join(
            f"{name.replace('_', ' ')} ΔE {pairs[name][0]:.2f} (limit {pairs[name][1]:g})"
            for name in faults or pairs
        )
        return CheckResult(results.COLOUR, not faults, sentence, values)

    def _earlier(self, spec: ChunkSpec, temporal: float) -> list[tuple[ColourShift, float]]:
        """The shifts of the beat's earlier chunks, nearest first, where stored and relevant."""
        if spec.video_id != self._video_id:
            self._video_id, self._known = spec.video_id, {}
        chain: list[tuple[ColourShift, float]] = []
        share = temporal
        beat = str(spec.beat.get("name", ""))
        for number in range(spec.chunk_num - 1, max(-1, spec.chunk_num - 1 - MAX_CHUNKS), -1):
            if share < NEGLIGIBLE:
                break
            if number not in self._known:
                self._known[number] = self._measure(number)
            known = self._known[number]
            if known is None or known[0] != beat:
                break
            chain.append(known[1:])
            share *= known[2]
        return chain

    def _measure(self, number: int) -> tuple[str, ColourShift, float] | None:
        """A chunk's beat, shift and weight, from its stored pictures; None if one is missing.

        Uses the stored last frame, not the clip's: the next chunk was made from that one.
        """
        objects, path = FilmObjects(self._store, self._video_id), self._workdir / "picture.png"
        objects.composite(number).head()  # raises if S3 cannot be reached
        try:
            spec, _ = objects.spec(number).read_json(ChunkSpec)
            stored = objects.composite(number).download(path)
            temporal = CompositeRecord.of(stored).used_weights.temporal
            temporal = 0.0 if spec.starts_chain else temporal
            conditioning = reduced(np.asarray(open_picture(path)))
            objects.last_frame(number).download(path)
            last = reduced(np.asarray(open_picture(path)))
        except (StorageError, MediaError):
            return None
        finally:
            path.unlink(missing_ok=True)
        return str(spec.beat.get("name", "")), colour_shift(conditioning, last), temporal
