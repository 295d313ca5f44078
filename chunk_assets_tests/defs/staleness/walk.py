"""A film and its model, changed together and compared after each change.

Dagster's own resolver, `chunk-assets status` and an independent model must agree on every
partition. `looks` draws the expected states: specs, composites, clips and last frames, with one
sign for each chunk number, then the film; `.` is fresh, `s` stale, `-` missing.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleCause
from dagster._core.loader import LoadingContextForTest
from PIL import Image

from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.choices import change_choices
from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.objects import FilmObjects
from chunk_assets.film.plan import plan_film
from chunk_assets.film.records import ClipRecord
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.media.images import open_picture, save_png
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.defs.staleness.model import (
    CHUNK_ASSETS,
    CLIPS,
    FILMS,
    FRAMES,
    OWN_CODE,
    Beat,
    Film,
    FilmModel,
    Judged,
)
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import picture, small_manifest

GRID = 6
"""Chunk numbers that Dagster knows: those of the longest film."""
FILM = Film((Beat("at rest", 2, 1), Beat("moves", 1, 2), Beat("leaves", 1, 3)))
FRESH = "....-- ....-- ....-- ....-- ."
"""`drawn` of a film that is rendered and stitched."""
SIGNS = {"FRESH": ".", "STALE": "s", "MISSING": "-"}


class ShadingGenerator(HoldingGenerator):
    """Holds the whole picture, lighter by `shade` levels: the test decides what is new."""

    shade = 0

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        levels = np.asarray(open_picture(request.conditioning_image)).astype(int) + self.shade
        shaded = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
        path = save_png(shaded, workdir / "shaded.png")
        return super().generate(
            replace(request, conditioning_image=path, seed=0), workdir, on_progress, stop
        )


def with_beat(film: Film, number: int, **changes: Any) -> Film:
    """The film with one beat changed."""
    beats = list(film.beats)
    beats[number] = replace(beats[number], **changes)
    return replace(film, beats=tuple(beats))


def manifest_of(film: Film) -> dict[str, Any]:
    """The film as its manifest."""
    beats = [
        {"name": f"beat {n}", "duration": 2 * beat.chunks, "prompt_template": beat.words}
        for n, beat in enumerate(film.beats)
    ]
    return small_manifest(
        duration=2 * len(film.chunks),
        beats=beats,
        transitions=[{"type": film.transition, "duration": 0.5}] * (len(beats) - 1),
        frames=[f"beat_{n}.png" for n in range(len(beats))],
        product_reference=None,
    )


def put_film(store: ObjectStore, video_id: str, film: Film) -> None:
    """Put the film's animatic on S3."""
    document = manifest_of(film)
    seeds = [*(beat.picture for beat in film.beats), film.style]
    for name, seed in zip([*document["frames"], document["style_guide"]], seeds, strict=True):
        path = save_png(picture(seed))
        store.put_file(keys.animatic_file(video_id, name), path, "image/png")
        path.unlink()
    store.put_bytes(keys.manifest(video_id), json.dumps(document).encode(), "application/json")


class Walk:
    """Applies each change to a film and to its model, and compares the two."""

    def __init__(self, studio: Studio, generator: ShadingGenerator):
        self.studio, self.generator = studio, generator
        self.model, self.other = FilmModel(GRID), FilmModel(GRID)
        self._submit("longer", self.other, Film((Beat("waits", GRID, 4),)))

    def submit(self, film: Film, *, is_announced: bool = True) -> None:
        """Hand in the film, or another version of it."""
        self._submit("film", self.model, film, is_announced=is_announced)

    def _submit(
        self, video_id: str, model: FilmModel, film: Film, *, is_announced: bool = True
    ) -> None:
        store = self.studio.store
        put_film(store, video_id, film)
        if is_announced:  # otherwise it was put there by hand, and the sensor has not seen it
            announce(self.studio.instance, store, plan_film(store, video_id))
        model.submit(film)

    def render(
        self,
        numbers: Iterable[int] = range(GRID),
        stages: list[str] | None = None,
        *,
        is_matching: bool = True,
        weight: float = 0.7,
        fails_at: int | None = None,
    ) -> list[int]:
        """Render; returns the chunks for which the generator was asked."""
        numbers = [n for n in numbers if n < len(self.model.film.chunks)]
        self.generator.requests.clear()
        self.generator.fails_at = {} if fails_at is None else {fails_at: BUSY}
        result = self.studio.render(
            numbers,
            stages=stages,
            reuse="matching" if is_matching else "this_run",
            temporal_weight=weight,
        )
        assert result.success == (fails_at is None)
        expected = self.model.render(
            numbers,
            stages=stages or CHUNK_ASSETS,
            is_matching=is_matching,
            shade=self.generator.shade,
            model=self.generator.version,
            weight=weight,
            fails_at=fails_at,
            chosen=self._chosen(),
        )
        assert self.generator.chunks == expected
        return expected

    def _chosen(self) -> dict[int, int]:
        """The take that each chunk has now, by its clip's record."""
        objects = FilmObjects(self.studio.store, "film")
        clips = {n: objects.clip(n).head() for n in range(GRID)}
        return {n: ClipRecord.of(clip).take for n, clip in clips.items() if clip is not None}

    def choose(self, n: int, number: int) -> None:
        """Choose a take, as the job `choose_take` does."""
        self.generator.requests.clear()
        assert self.studio.render([n], stages=[CLIPS, FRAMES], take=number, by="a test").success
        assert self.generator.requests == []
        self.model.choose(n, number)

    def accept(self, numbers: Iterable[int]) -> None:
        """Accept chunks as they are."""
        self.generator.requests.clear()
        assert self.studio.render(numbers, accept=True, reuse="matching", by="a test").success
        assert self.generator.requests == []
        self.model.render(numbers, accepts=True)

    def take_back(self, n: int) -> None:
        """Take an acceptance back."""
        objects = FilmObjects(self.studio.store, "film")
        change_choices(objects, n, lambda made: made.model_copy(update={"accepted": None}))
        self.model.take_back(n)

    def stitch(self) -> None:
        """Stitch the film."""
        assert self.studio.stitch().success
        self.model.stitch()

    def compare(self, change: str, looks: str, status: str) -> None:
        """Assert that Dagster and the status agree with the model on every partition.

        `status` has a sign for each planned chunk, as `chunk-assets status` shows it.
        """
        assert self.agreed(change) == (looks, status), change

    def agreed(self, change: str) -> tuple[str, str]:
        """Assert that all agree, and return what they say: see `compare`."""
        seen = by_dagster(self.studio)
        modelled = {**self.model.judged("film"), **self.other.judged("longer")}
        assert seen == modelled, change
        store = self.studio.store
        states = [chunk.state for chunk in chunk_states(plan_film(store, "film"), store)]
        assert states == self.model.status(), change
        return drawn(seen), "".join(SIGNS[state.upper()] for state in states)


def by_dagster(studio: Studio) -> Judged:
    """Judge every partition of every asset behind a film, as Dagster's resolver does."""
    graph = studio.definitions.resolve_asset_graph()
    context = LoadingContextForTest(studio.instance)
    resolver = CachingStaleStatusResolver(studio.instance, graph, context)
    judged = {}
    for node in graph.asset_nodes:
        if node.key == dg.AssetKey("film_pages"):
            continue  # written again behind every film, and with the checks
        assert node.partitions_def is not None
        for partition in node.partitions_def.get_partition_keys(
            dynamic_partitions_store=studio.instance
        ):
            causes = resolver.get_stale_causes(node.key, partition)
            judged[f"{node.key.to_user_string()} {partition}"] = (
                resolver.get_status(node.key, partition).value,
                {named(cause) for cause in causes},
            )
    return judged


def named(cause: StaleCause) -> str:
    """A cause as text."""
    if cause.dependency_asset_key is None:
        return OWN_CODE
    return f"{cause.dependency_asset_key.to_user_string()} {cause.dependency_partition_key}"


def drawn(judged: Judged) -> str:
    """The film as signs."""
    rows = [
        "".join(SIGNS[judged[f"{asset} {n:02d}|film"][0]] for n in range(GRID))
        for asset in CHUNK_ASSETS
    ]
    return " ".join([*rows, SIGNS[judged[f"{FILMS} film"][0]]])


def with_code_version(definitions: dg.Definitions, asset: str, version: str) -> dg.Definitions:
    """The definitions as a release would have them in which one asset's code changed."""

    def changed(spec: dg.AssetSpec) -> dg.AssetSpec:
        is_it = spec.key == dg.AssetKey(asset)
        return spec.replace_attributes(code_version=version) if is_it else spec

    return definitions.map_resolved_asset_specs(func=changed)
