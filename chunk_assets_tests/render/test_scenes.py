"""Scenes are separate chains, walked in parallel."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from chunk_assets.errors import Unavailable
from chunk_assets.film.chunk_states import chunk_states
from chunk_assets.film.plan import plan_film
from chunk_assets.generation.base import (
    GeneratedClip,
    GenerationRequest,
    ProgressCallback,
    ignore_progress,
)
from chunk_assets.generation.stopping import NEVER, StopSignal
from chunk_assets.planning.timeline import build_chunk_specs
from chunk_assets.render.context import RenderContext
from chunk_assets.render.previews import load_pictures
from chunk_assets.render.request import ChunkObject
from chunk_assets.render.scenes import split, walk_scenes
from chunk_assets.storage import keys
from chunk_assets.storage.store import ObjectStore
from chunk_assets_tests.films import Studio, put_animatic
from chunk_assets_tests.generators import BUSY, HoldingGenerator
from chunk_assets_tests.manifests import small_manifest

pytestmark = pytest.mark.slow


def scenes_manifest(continuity: str = "scene", **changes: Any) -> dict[str, Any]:
    """Three beats of two chunks each: a cut into the second, a dissolve into the third."""
    beats = [
        {"name": name, "duration": 4, "prompt_template": "{product_name} " + name}
        for name in ("one", "two", "three")
    ]
    transitions = [{"type": "cut"}, {"type": "dissolve", "duration": 0.5}]
    return small_manifest(
        duration=12,
        beats=beats,
        transitions=transitions,
        frames=["one.png", "two.png", "three.png"],
        continuity=continuity,
        **changes,
    )


def opening(document: dict[str, Any]) -> list[int]:
    """The chunks that open a scene."""
    specs = build_chunk_specs("film", document, document["frames"])
    return [spec.chunk_num for spec in specs if spec.opens_scene]


def test_a_cut_opens_a_scene_unless_the_beat_says_otherwise():
    """This needs continuity `scene` and transitions; otherwise only chunk 0 opens a scene."""
    document = scenes_manifest()
    assert opening(document) == [0, 2]
    document["beats"][2]["opens_scene"] = True
    assert opening(document) == [0, 2, 4]
    document["beats"][1]["opens_scene"] = False
    assert opening(document) == [0, 4]
    assert opening({**scenes_manifest(), "transitions": None}) == [0]
    assert opening({**document, "continuity": "film"}) == [0]


class Meeting(HoldingGenerator):
    """Waits at each scene's first chunk until the given number of scenes wait there."""

    def __init__(self, parties: int):
        super().__init__()
        self.barrier = threading.Barrier(parties, timeout=20)

    def generate(
        self,
        request: GenerationRequest,
        workdir: Path,
        on_progress: ProgressCallback = ignore_progress,
        stop: StopSignal = NEVER,
    ) -> GeneratedClip:
        if request.chunk_num in (0, 2):
            self.barrier.wait()
        return super().generate(request, workdir, on_progress, stop)


class Scenes:
    """A film of two scenes on S3: chunks 0 and 1, and chunks 2 to 5."""

    def __init__(self, store: ObjectStore, workdir: Path):
        self.store, self.workdir, self.runs = store, workdir, 0
        put_animatic(store, document=scenes_manifest())
        self.plan = plan_film(store, "film")

    def __call__(self, generator: HoldingGenerator, max_parallel: int = 2) -> Iterator[ChunkObject]:
        """Walk all chunks."""
        self.runs += 1
        workdir = self.workdir / str(self.runs)
        workdir.mkdir()
        context = RenderContext(
            plan=self.plan, store=self.store, generator=generator, workdir=workdir
        )
        return walk_scenes(context, range(6), max_parallel)


@pytest.fixture
def scenes(store: ObjectStore, tmp_path: Path) -> Scenes:
    """Two scenes to walk."""
    return Scenes(store, tmp_path)


def test_scenes_are_rendered_in_parallel_each_in_order(scenes: Scenes):
    """Both render their first chunk at once; every object is stored before it is yielded."""
    clips = []
    for made in scenes(Meeting(2)):
        assert scenes.store.head(made.stored.key) is not None
        load_pictures(made)  # its files stay until it is recorded
        if made.stage == "chunk_videos":
            clips.append(made.spec.chunk_num)
    assert [n for n in clips if n < 2] == [0, 1]
    assert [n for n in clips if n >= 2] == [2, 3, 4, 5]
    assert [state.state for state in chunk_states(scenes.plan, scenes.store)] == ["fresh"] * 6


def test_no_more_scenes_at_once_than_allowed(scenes: Scenes):
    """One at a time, scenes are rendered in the film's order."""
    generator = HoldingGenerator()
    list(scenes(generator, max_parallel=1))
    assert generator.chunks == [0, 1, 2, 3, 4, 5]


def test_a_scene_opens_with_animatic_and_style_guide(scenes: Scenes):
    """Chunk 2's composite uses no last frame but the style guide, like chunk 0's."""
    made = {(m.stage, m.spec.chunk_num): m for m in scenes(HoldingGenerator())}
    assert made["composites", 2].inputs["previous_last_frames"] is None
    assert made["composites", 3].inputs["previous_last_frames"] is not None
    spec = scenes.plan.specs[2]
    assert spec.style_guide_version
    assert spec.previous_chunk_last_frame is None
    assert scenes.plan.specs[3].style_guide_version is None


def test_a_failed_scene_does_not_affect_the_others(scenes: Scenes):
    """The second scene is completed; then the error of the first one is raised."""
    generator = HoldingGenerator()
    generator.fails_at[1] = BUSY
    with pytest.raises(Unavailable, match="busy"):
        list(scenes(generator))
    stored = [scenes.store.head(keys.chunk_video("film", n)) is not None for n in range(6)]
    assert stored == [True, False, True, True, True, True]
    generator.requests.clear()
    list(scenes(generator))
    assert generator.chunks == [1]


def test_closing_the_walk_stops_every_scene(scenes: Scenes):
    """No further clip is requested, no thread is left, and what was made stays."""
    generator = HoldingGenerator()
    walk = scenes(generator)
    for made in walk:
        if made.stage == "chunk_videos":
            break
    walk.close()  # type: ignore[attr-defined]  # it is a generator
    asked = len(generator.requests)
    names = ("scene", "chain", "finishing", "prefetch")
    assert not [t.name for t in threading.enumerate() if t.name.startswith(names)]
    assert len(generator.requests) == asked < 6
    list(scenes(generator))
    assert [state.state for state in chunk_states(scenes.plan, scenes.store)] == ["fresh"] * 6


def test_chunks_are_split_into_their_scenes(scenes: Scenes):
    """A selection is split by scene."""
    assert split(scenes.plan, [5, 0, 3, 1]) == [[0, 1], [3, 5]]
    assert split(scenes.plan, [4]) == [[4]]


def test_a_film_becomes_scenes_and_back_in_dagster(
    store: ObjectStore, instance: dg.DagsterInstance
):
    """Only the chunks after the cut change, and no last frame is handed to the new scene."""
    studio = Studio(store, instance, HoldingGenerator())
    studio.submit(document=scenes_manifest("film"))
    studio.render(range(6))
    studio.generator.requests.clear()
    plan = studio.submit(document=scenes_manifest("scene"))
    states = {state.spec.chunk_num: state.reason for state in chunk_states(plan, store)}
    assert states[2] == "changed: style guide, opens scene"
    assert [n for n, reason in states.items() if reason] == [2]
    result = studio.render(range(6), reuse="matching")
    assert result.success
    assert studio.generator.chunks == [2, 3, 4, 5]
    handed = [
        str(event.materialization.partition)
        for event in result.all_events
        if event.is_step_materialization
        and event.materialization.asset_key == dg.AssetKey("previous_last_frames")
    ]
    assert "02|film" not in handed
    # The run's configuration overrides the manifest.
    studio.generator.requests.clear()
    assert studio.render(range(6), reuse="matching", continuity="film").success
    assert studio.generator.chunks == []  # the takes of the one chain are there
    assert json.loads(store.get_bytes(keys.manifest("film"))[0])["continuity"] == "scene"
