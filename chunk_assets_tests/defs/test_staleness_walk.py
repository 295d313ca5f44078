"""Staleness: Dagster's own resolver, `chunk-assets status` and an independent model, in step.

One film is led through changes; after each, every partition is compared. `looks` draws what is to
be seen: specs, composites, clips, last frames (a sign a chunk number) and the film;
`.` is fresh, `s` stale, `-` missing.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleCause
from dagster._core.loader import LoadingContextForTest
from PIL import Image

from chunk_assets.defs.partitions.observations import announce
from chunk_assets.film.plan import plan_film
from chunk_assets.film.status import inspect
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.media.images import open_picture, save_png
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import picture, small_manifest
from chunk_assets_tests.staleness_model import (
    CHUNK_ASSETS,
    CLIPS,
    COMPOSITES,
    FILMS,
    FRAMES,
    OWN_CODE,
    SPECS,
    Beat,
    Film,
    FilmModel,
    Judged,
)

GRID = 6
"""Chunk numbers that Dagster knows: those of the longest film."""
FILM = Film((Beat("at rest", 2, 1), Beat("moves", 1, 2), Beat("leaves", 1, 3)))
SIGNS = {"FRESH": ".", "STALE": "s", "MISSING": "-"}


class ShadingGenerator(HoldingGenerator):
    """Holds the whole picture, lighter by `shade` levels: the test decides what is new."""

    shade = 0

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
    ) -> GeneratedClip:
        levels = np.asarray(open_picture(request.conditioning_image)).astype(int) + self.shade
        shaded = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
        path = save_png(shaded, workdir / "shaded.png")
        return super().generate(
            replace(request, conditioning_image=path, seed=0), workdir, on_progress
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


class Walk:
    """Does the same to a film and to its model, and compares."""

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
        store, document = self.studio.store, manifest_of(film)
        seeds = [*(beat.picture for beat in film.beats), film.style]
        for name, seed in zip([*document["frames"], document["style_guide"]], seeds, strict=True):
            path = save_png(picture(seed))
            store.put_file(keys.animatic_file(video_id, name), path, "image/png")
            path.unlink()
        store.put_bytes(keys.manifest(video_id), json.dumps(document).encode(), "application/json")
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
        )
        assert self.generator.chunks == expected
        return expected

    def stitch(self) -> None:
        """Stitch the film."""
        assert self.studio.stitch().success
        self.model.stitch()

    def compare(self, change: str, looks: str, status: str) -> None:
        """Dagster and the product's status say of every partition what the model says.

        `status` has a sign for each planned chunk, as `chunk-assets status` judges it.
        """
        seen = by_dagster(self.studio)
        modelled = {**self.model.judged("film"), **self.other.judged("longer")}
        assert seen == modelled, change
        assert drawn(seen) == looks, change
        store = self.studio.store
        states = [chunk.state for chunk in inspect(plan_film(store, "film"), store)]
        assert states == self.model.status(), change
        assert "".join(SIGNS[state.upper()] for state in states) == status, change


def by_dagster(studio: Studio) -> Judged:
    """What Dagster's resolver says of every partition of every asset that a film is made of."""
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


@pytest.fixture
def walk(store: ObjectStore) -> Iterator[Walk]:
    """A film of four chunks and three beats, beside a longer one; nothing is rendered."""
    generator = ShadingGenerator()
    with dg.DagsterInstance.ephemeral() as instance:  # in memory
        walk = Walk(Studio(store, instance, generator), generator)
        walk.submit(FILM)
        yield walk


FRESH = "....-- ....-- ....-- ....-- ."


def test_takes_and_changes_of_the_animatic(walk: Walk):
    """After each take and each change of the animatic all three say the same of every partition."""
    compare = walk.compare
    compare("Nothing is rendered", "------ ------ ------ ------ -", "----")
    walk.render([0, 1])
    compare("Half of the film is rendered", "..---- ..---- ..---- ..---- -", "..--")
    walk.render()
    walk.stitch()
    compare("The film is stitched", FRESH, "....")
    assert walk.render() == []
    compare("A matching render finds nothing to do", FRESH, "....")

    walk.render([0], is_matching=False)
    compare("A new take of chunk 0 has the same pixels", FRESH, "....")
    walk.generator.shade = 12
    walk.render([0], is_matching=False)
    compare("A new take of chunk 0 has others", "....-- .s..-- ....-- ....-- s", ".s..")
    assert walk.render([1]) == [1]
    compare("The next chunk followed", "....-- ..s.-- ....-- ....-- s", "..s.")
    assert walk.render() == [2, 3]
    walk.stitch()
    compare("The chain and the film followed", FRESH, "....")

    moved = with_beat(FILM, 1, words="runs")
    walk.submit(moved)
    compare("Beat 1 has other words", "ssss-- ....-- ....-- ....-- s", "..s.")
    walk.render(stages=[SPECS])
    compare("Specs were planned", "....-- ..s.-- ..s.-- ....-- s", "..s.")
    walk.submit(FILM)
    walk.render(stages=[SPECS])
    compare("Beat 1 has its old words, and specs were planned", FRESH, "....")
    walk.submit(moved)
    walk.generator.shade = 24
    walk.render(fails_at=2)
    compare("The run fails at chunk 2", "...s-- ....-- ..s.-- ....-- s", "..s.")
    assert walk.render() == [2, 3]
    walk.stitch()
    compare("A second run completes it", FRESH, "....")

    redrawn = with_beat(moved, 0, picture=9)
    walk.submit(redrawn)
    compare("Beat 0 has another picture", "ssss-- ....-- ....-- ....-- s", "ss..")
    assert walk.render() == [0, 1, 2, 3]
    walk.stitch()
    compare("It is in all chunks behind it", FRESH, "....")
    styled = replace(redrawn, style=101)
    walk.submit(styled)
    walk.render(stages=[SPECS])
    compare("The style guide concerns chunk 0", "....-- s...-- s...-- ....-- s", "s...")
    walk.render()
    walk.stitch()
    cut = replace(styled, transition="cut")
    walk.submit(cut)
    assert walk.render() == []
    compare("Beats are cut, not dissolved: clips stay", FRESH[:-1] + "s", "....")
    walk.stitch()
    compare("The film is stitched with cuts", FRESH, "....")


def test_stages_lengths_and_models(walk: Walk):
    """Stages made alone, a longer and a shorter film, other weights and models: all agree."""
    compare = walk.compare
    walk.render()
    walk.stitch()
    walk.generator.shade = 12
    walk.render([1], [CLIPS], is_matching=False)
    compare("Chunk 1's clip alone was made anew", "....-- ....-- ....-- .s..-- s", "..s.")
    walk.render([1], [FRAMES])
    compare("Its last frame was taken", "....-- ..s.-- ....-- ....-- s", "..s.")
    walk.render([2], [COMPOSITES])
    compare("The next composite alone was made", "....-- ....-- ..s.-- ....-- s", "..s.")
    assert walk.render() == [2, 3]
    walk.stitch()
    compare("The rest followed", FRESH, "....")
    assert walk.render([0, 1], weight=0.5) == [1]
    compare("Chunk 1 has other weights", "....-- ..s.-- ....-- ....-- s", "..s.")
    assert walk.render() == [1]
    compare("Weights and pixels are as before", FRESH, "....")

    walk.studio.store.client.delete_object(
        Bucket=walk.studio.store.bucket, Key=keys.chunk_video("film", 3)
    )
    walk.model.lose_clip(3)
    compare("A clip is lost, unknown to Dagster", FRESH, "...-")
    assert walk.render() == [3]
    compare("It is rendered as it was", FRESH, "....")

    walk.generator.version = "2"
    compare("Dagster cannot know of a new model", FRESH, "....")
    assert walk.render([1, 2, 3]) == [1, 2, 3]
    compare("The new model makes the same pixels", FRESH, "....")
    walk.generator.version, walk.generator.shade = "3", 24
    assert walk.render([0, 1]) == [0, 1]
    compare("A newer one makes others", "....-- ..s.-- ....-- ....-- s", "..s.")
    walk.render()
    walk.stitch()

    longer = with_beat(FILM, 2, chunks=2)
    walk.submit(longer)
    compare("Beat 2 is longer by a chunk", "ssss-- ....-- ....-- ....-- s", "....-")
    walk.render(stages=[SPECS])
    compare("Its chunks were planned", ".....- ...s-- ...s-- ....-- s", "....-")
    assert walk.render() == [4]
    walk.stitch()
    compare("All is as planned", ".....- .....- .....- .....- .", ".....")
    walk.generator.shade = 0
    walk.render([3], is_matching=False)
    compare("A new take before it", ".....- ....s- .....- .....- s", "....s")
    walk.submit(FILM)
    walk.render()
    walk.stitch()
    compare("The film is short again", "....s- ....s- .....- .....- .", "....")


@pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")  # of `map_resolved_asset_specs`
def test_new_code_versions(walk: Walk):
    """A release with another code version of one asset makes all partitions of it stale."""
    walk.render()
    walk.stitch()
    released = walk.studio.definitions
    for row, asset in enumerate(CHUNK_ASSETS):
        walk.studio.definitions = with_code_version(released, asset, "next")
        walk.model.code = {**walk.model.code, asset: 2}
        rows = FRESH.split()
        rows[row] = "ssss--"
        walk.compare(f"A release with another code version of {asset}", " ".join(rows), "....")
        walk.model.code = {**walk.model.code, asset: 1}
    walk.studio.definitions = with_code_version(released, FILMS, "next")
    walk.model.code[FILMS] = 2
    walk.compare("A release that stitches otherwise", FRESH[:-1] + "s", "....")
    walk.stitch()
    walk.compare("The film is stitched by it", FRESH, "....")


def test_a_frame_that_no_event_had_handed_over(walk: Walk):
    """A chunk made from a stored frame that nobody had handed over follows that frame later."""
    walk.render()
    walk.generator.shade = 12
    walk.render([1], [CLIPS], is_matching=False)
    walk.render([2])
    walk.compare("Chunk 2 begins with it", "....-- ...s-- ....-- .s..-- -", "...s")
    walk.generator.shade = 24
    walk.render([1], is_matching=False)
    walk.compare("A new take of chunk 1", "....-- ..ss-- ....-- ....-- -", "..ss")


def test_a_chunk_behind_what_was_the_end(walk: Walk):
    """A chunk added to a film and rendered alone follows the chunk before it later."""
    walk.render()
    walk.submit(with_beat(FILM, 2, chunks=2))
    walk.render([4])
    walk.compare("It is rendered alone", "ssss.- .....- .....- .....- -", ".....")
    walk.generator.shade = 12
    walk.render([3], is_matching=False)
    walk.compare("A new take before it", "sss..- ....s- .....- .....- -", "....s")


def test_an_animatic_that_was_not_announced(walk: Walk):
    """Chunks planned from a manifest before anyone announced it follow the next manifest."""
    moved = with_beat(FILM, 1, words="runs")
    walk.submit(moved, is_announced=False)
    walk.render(stages=[SPECS])
    walk.compare("Specs are planned from it", "....-- ------ ------ ------ -", "----")
    walk.submit(moved)
    walk.compare("It is announced", "....-- ------ ------ ------ -", "----")
    walk.submit(FILM)
    walk.compare("Another one is announced", "ssss-- ------ ------ ------ -", "----")
