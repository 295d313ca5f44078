"""Manifests and specs: planned, or refused in one sentence."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from chunk_assets.planning.timeline import build_chunk_specs, plan_joins
from chunk_assets.schemas import ChunkSpec, FilmSpec, check_video_id, read_animatic, read_film_spec
from chunk_assets.storage.objects import json_bytes
from chunk_assets_tests.cli.commands import run
from chunk_assets_tests.fuzz.fuzzing import fuzz, fuzzing, sentence_of
from chunk_assets_tests.fuzz.inputs import changed, manifests, values
from chunk_assets_tests.manifests import manifest, small_manifest, write_animatic

pytestmark = pytest.mark.slow

BARE: dict[str, Any] = {
    "duration": 4,
    "beats": [{"name": "b", "duration": 4, "prompt_template": "x"}],
    "frames": ["one.png"],
}
DOCUMENTS = [manifest(), small_manifest(), small_manifest(continuity="scene"), BARE]


def plan(film: FilmSpec, count: int) -> None:
    """Plan a film, and see that its chunks can be stored and joined."""
    specs = build_chunk_specs("film", film, ["s3://b/a.png"] * count)
    assert sum(spec.slot_frames for spec in specs) == film.num_frames
    assert len(plan_joins(film, specs)) == len(specs) - 1
    for spec in specs[:3]:
        assert ChunkSpec.model_validate_json(json_bytes(spec)) == spec


@fuzzing(6)
def test_files(seconds: float):
    """Whatever bytes are called animatic.json."""

    def check(content: bytes) -> None:
        def read() -> None:
            animatic = read_animatic(content, where="animatic.json")
            plan(animatic, len(animatic.frames))

        sentence_of(read)

    fuzz(manifests(DOCUMENTS), check, seconds)


@fuzzing(5)
def test_specs_of_other_phases(seconds: float):
    """Whatever Python objects are given as spec, URLs and references."""

    def check(example: tuple[Any, Any, Any]) -> None:
        spec, urls, references = example
        sentence_of(lambda: plan(read_film_spec(spec), len(spec["beats"])))
        sentence_of(lambda: build_chunk_specs("film", spec, urls, references))

    urls = st.lists(st.just("s3://b/a.png"), max_size=6) | values
    references = st.none() | st.dictionaries(st.just("style_guide_url"), values) | values
    fuzz(st.tuples(changed(DOCUMENTS), urls, references), check, seconds)


@fuzzing(3)
def test_names(seconds: float):
    """Whatever text is the name of a film or a file."""

    def check(name: str) -> None:
        sentence_of(lambda: check_video_id(name))
        sentence_of(lambda: read_animatic({**BARE, "frames": [name]}))

    characters = st.characters() | st.characters(categories=["Cc", "Cf", "Cs", "Zs", "Mn", "Co"])
    fuzz(st.text(characters, max_size=300), check, seconds)


@fuzzing(8)
def test_directories_in_the_terminal(seconds: float, tmp_path: Path):
    """`chunk-assets submit --dry-run` ends with 0, or with 2 and one sentence."""
    film = write_animatic(tmp_path / "film", BARE)

    def check(content: bytes) -> None:
        (film / "animatic.json").write_bytes(content)
        ended = run("submit", film, "--dry-run")
        assert ended.code in (0, 2), ended.stderr
        if ended.code == 2:
            assert ended.stdout == ""
            assert ended.stderr.startswith("Error: ")
            assert ended.stderr.count("\n") == 1

    fuzz(manifests(DOCUMENTS), check, seconds)
