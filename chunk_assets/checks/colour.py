"""How far the colours of a chunk, and of its beat so far, have moved from what was asked."""

from pathlib import Path

import numpy as np

from chunk_assets.checks import results
from chunk_assets.checks.results import Verdict, measured, too_much
from chunk_assets.errors import MediaError, StorageError
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.records import CompositeRecord
from chunk_assets.media.images import open_picture
from chunk_assets.media.metrics import ColourShift, accumulated, colour_shift, reduced
from chunk_assets.quality import Quality
from chunk_assets.schemas import ChunkSpec
from chunk_assets.storage.store import ObjectStore

NEGLIGIBLE = 0.01
"""The chain is followed back until a chunk's part in the picture is under this: 13 at 0.7."""

MOST = 60
"""Chunks it is followed back at most: with a weight of 1 nothing is ever taken back."""


class Drift:
    """Measures one chunk after another; what was measured of a film's chunks is kept."""

    def __init__(self, store: ObjectStore, workdir: Path):
        self._store, self._workdir = store, workdir
        self._film = ""
        self._known: dict[int, tuple[str, ColourShift, float] | None] = {}

    def verdict(
        self,
        spec: ChunkSpec,
        conditioning: np.ndarray,
        last: np.ndarray,
        temporal: float,
        quality: Quality,
    ) -> Verdict:
        """Judge a chunk's colours.

        Args:
            spec: The chunk.
            conditioning: The picture its clip was conditioned on, reduced.
            last: The clip's last frame, reduced.
            temporal: The share of the last frame before in `conditioning`.
            quality: The limits.

        Raises:
            StorageError: S3 cannot be reached.
        """
        shift = colour_shift(conditioning, last)
        chain = [(shift, temporal), *self._before(spec, temporal)]
        drift = accumulated(reversed(chain))
        pairs = {
            "colour_shift": (shift.mean_distance, quality.colour_shift),
            "contrast_shift": (shift.spread_distance, quality.colour_shift),
            "colour_drift": (drift.mean_distance, quality.colour_drift),
            "contrast_drift": (drift.spread_distance, quality.colour_drift),
        }
        faults = too_much(**pairs)
        lightness, red, yellow = (round(float(value), 3) for value in shift.mean)
        values = {
            **measured(**pairs),
            "lightness_shift": lightness,
            "green_to_red_shift": red,
            "blue_to_yellow_shift": yellow,
            "chunks_in_drift": len(chain),
        }
        sentence = "; ".join(
            f"{name.replace('_', ' ')} ΔE {pairs[name][0]:.2f}, allowed is {pairs[name][1]:g}"
            for name in faults or pairs
        )
        return Verdict(results.COLOUR, not faults, sentence, values)

    def _before(self, spec: ChunkSpec, temporal: float) -> list[tuple[ColourShift, float]]:
        """The beat's chunks before this one, nearest first, as far as they are stored and count."""
        if spec.video_id != self._film:
            self._film, self._known = spec.video_id, {}
        chain: list[tuple[ColourShift, float]] = []
        part = temporal
        beat = str(spec.beat.get("name", ""))
        for number in range(spec.chunk_num - 1, max(-1, spec.chunk_num - 1 - MOST), -1):
            if part < NEGLIGIBLE:
                break
            if number not in self._known:
                self._known[number] = self._measure(number)
            known = self._known[number]
            if known is None or known[0] != beat:
                break
            chain.append(known[1:])
            part *= known[2]
        return chain

    def _measure(self, number: int) -> tuple[str, ColourShift, float] | None:
        """A chunk's beat, shift and weight, from its stored pictures; None where one is missing.

        Its last frame as it was handed over, not the clip: that is what the chain was made from.
        """
        objects, path = FilmObjects(self._store, self._film), self._workdir / "picture.png"
        objects.composite(number).head()  # when S3 is away, it is not missing
        try:
            spec, _ = objects.spec(number).read_json(ChunkSpec)
            stored = objects.composite(number).download(path)
            temporal = CompositeRecord.of(stored).used_weights.temporal
            conditioning = reduced(np.asarray(open_picture(path)))
            objects.last_frame(number).download(path)
            last = reduced(np.asarray(open_picture(path)))
        except (StorageError, MediaError):
            return None
        finally:
            path.unlink(missing_ok=True)
        return str(spec.beat.get("name", "")), colour_shift(conditioning, last), temporal
